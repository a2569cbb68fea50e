#!/usr/bin/env python3
"""Calls a daemon over new connections, one after the other, while it is restarted.

    knock.py STOP_FILE ADDRESS...      HOST:PORT or /path

Until STOP_FILE exists, a thread per address connects, makes one call and waits for its reply. Prints
`ADDRESS answered=N lost=N refused=N`: lost is a connection that ended without a reply, refused one that
could not be opened. Exits 1 where anything was refused or the last call was not answered.
"""

import pathlib
import socket
import sys
import threading
import time

CALL = b'{"jsonrpc":"2.0","id":1,"method":"demo.sum","params":[20,22]}\n'
REPLY = b'{"jsonrpc":"2.0","id":1,"result":42}\n'
REPLY_SECONDS_MAX = 30
# Bounds the rate: each call leaves a port of this side's behind for a minute, and they must not run out.
KNOCK_PAUSE_S = 0.002


class Knocker(threading.Thread):
    def __init__(self, address, stop):
        super().__init__(daemon=True)
        self.address, self.stop = address, stop
        self.answered = self.lost = self.refused = 0
        self.last = ""

    def connect(self):
        if self.address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(REPLY_SECONDS_MAX)
            connection.connect(self.address)
            return connection
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), REPLY_SECONDS_MAX)

    def call(self):
        try:
            connection = self.connect()
        except OSError as error:
            self.refused += 1
            return f"refused: {error}"
        with connection:
            try:
                connection.sendall(CALL)
                reply = connection.recv(4096)
            except OSError as error:
                self.lost += 1
                return f"lost: {error}"
        if reply == REPLY:
            self.answered += 1
            return "answered"
        self.lost += 1
        return f"lost: {reply!r}"

    def run(self):
        # One more after the stop: whatever happened, the daemon must answer in the end.
        stopping = False
        while not stopping:
            stopping = self.stop.exists()
            self.last = self.call()
            time.sleep(KNOCK_PAUSE_S)


def main():
    stop = pathlib.Path(sys.argv[1])
    knockers = [Knocker(address, stop) for address in sys.argv[2:]]
    for knocker in knockers:
        knocker.start()
    for knocker in knockers:
        knocker.join()
        print(f"{knocker.address} answered={knocker.answered} lost={knocker.lost} refused={knocker.refused} last={knocker.last}")
    return 1 if any(knocker.refused or knocker.last != "answered" for knocker in knockers) else 0


if __name__ == "__main__":
    sys.exit(main())
