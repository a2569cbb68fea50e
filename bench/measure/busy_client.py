"""A client that always has work for the server: python3 -m measure.busy_client ADDRESS SECONDS.

Sends calls of demo.echo_inline without waiting for replies, reads the replies, and prints the bytes of those that came a
second. Two processes, so that reading and sending do not wait for each other. Ends by itself.
"""

import os
import signal
import socket
import sys
import time

from measure.attacks.flood import READ_BYTES, connect
from measure.attacks.messages import call

BLOCK_BYTES = 1 << 16
SEND_BUFFER_BYTES = 4 << 20
SO_SNDBUFFORCE = 32  # beyond the system's limit, for root
BEGIN_S = 0.3        # until it counts


def send_without_end(link):
    text = call("demo.echo_inline", ["x" * 96])
    block = text * (BLOCK_BYTES // len(text) + 1)
    try:
        while True:
            link.sendall(block)
    except OSError:
        return


def bytes_a_second(link, seconds):
    begin = time.monotonic() + BEGIN_S
    end, buffer, total = begin + seconds, bytearray(READ_BYTES), 0
    while (now := time.monotonic()) < end:
        got = link.recv_into(buffer)
        if not got:
            break
        total += got if now > begin else 0
    return total / seconds


def main():
    address, seconds = sys.argv[1], float(sys.argv[2])
    link = connect(address)
    link.setblocking(True)
    try:
        link.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)
    except PermissionError:
        pass  # what it has by default
    sender = os.fork()
    if sender == 0:
        send_without_end(link)
        os._exit(0)
    try:
        print(bytes_a_second(link, seconds))
    finally:
        os.kill(sender, signal.SIGKILL)
        os.waitpid(sender, 0)


if __name__ == "__main__":
    main()
