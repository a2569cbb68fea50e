"""A service manager's notify socket: the protocol of sd_notify(3)."""

import os
import socket
import threading
import time

from .timing import eventually, limit


class NotifySocket:
    """Collects datagrams as systemd would: (seconds, {name: value})."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.received = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            self.received.append((time.monotonic(), fields))

    def close(self):
        self.socket.shutdown(socket.SHUT_RD)
        self._thread.join(limit(5))
        self.socket.close()

    def find(self, name, value=None, begin=0):
        return [at for at, (_, fields) in enumerate(self.received)
                if at >= begin and name in fields and (value is None or fields[name] == value)]

    def wait(self, name, value=None, begin=0, seconds=10):
        eventually(seconds, lambda: self.find(name, value, begin), f"{name}={value or ''} is sent")
        return self.find(name, value, begin)[0]

    def fields(self, at):
        return self.received[at][1]
