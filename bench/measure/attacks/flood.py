"""Many connections that send a payload again and again, driven by one loop."""

import contextlib
import errno
import selectors
import socket
import struct
import time

CONNECT_MAX_S = 10
RECONNECT_PAUSE_S = 0.01  # so that a server that refuses is not called in a busy loop of ours
READ_BYTES = 1 << 18
GONE = (ConnectionError, TimeoutError)


def connect(target):
    scheme, where = target.split("://", 1)
    if scheme == "unix":
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(CONNECT_MAX_S)
        link.connect(where)
        return link
    host, port = where.rsplit(":", 1)
    return socket.create_connection((host, int(port)), CONNECT_MAX_S)


def reset(link):
    """Closes it so that the peer sees a reset and no end."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


class Flooder:
    """One connection: `greeting` once, then `payload` without end; replies are read and thrown away where `reads`."""

    def __init__(self, target, greeting, payload, reads):
        self.target, self.greeting, self.payload, self.reads = target, greeting, memoryview(payload), reads
        self.link = None
        self.at = 0
        self.due = memoryview(b"")

    def open(self):
        self.link = connect(self.target)
        self.link.setblocking(False)
        self.due = memoryview(self.greeting)

    def events(self):
        return (selectors.EVENT_READ if self.reads else 0) | (selectors.EVENT_WRITE if self.payload or self.due else 0)

    def step(self, events):
        """Raises one of GONE where the connection has ended."""
        if events & selectors.EVENT_READ and not self.link.recv(READ_BYTES):
            raise ConnectionResetError(errno.ECONNRESET, "ended")
        if events & selectors.EVENT_WRITE:
            if not self.due:
                self.due = self.payload
            with contextlib.suppress(BlockingIOError):
                self.due = self.due[self.link.send(self.due):]


def flood(target, ended, count=1, payload=b"", greeting=b"", reads=True):
    """Until `ended()`: keeps `count` connections busy, and opens a new one where the server ends one."""
    with selectors.DefaultSelector() as selector:
        waiting = [(0.0, Flooder(target, greeting, payload, reads)) for _ in range(count)]
        while not ended():
            waiting = open_due(selector, waiting)
            for key, events in selector.select(0.05):
                flooder = key.data
                try:
                    flooder.step(events)
                    if flooder.events() != key.events:
                        selector.modify(flooder.link, flooder.events(), flooder)
                except BlockingIOError:
                    pass
                except GONE:
                    selector.unregister(flooder.link)
                    flooder.link.close()
                    waiting.append((time.monotonic() + RECONNECT_PAUSE_S, flooder))


def open_due(selector, waiting):
    """Opens those whose pause is over; gives the rest."""
    now, later = time.monotonic(), []
    for due, flooder in waiting:
        if due > now:
            later.append((due, flooder))
            continue
        try:
            flooder.open()
            selector.register(flooder.link, flooder.events() or selectors.EVENT_READ, flooder)
        except (*GONE, OSError):
            later.append((now + RECONNECT_PAUSE_S, flooder))
    return later


def churn(target, ended, first_bytes=b"", resets=False):
    """Until `ended()`: opens connections, sends the first bytes on each, and ends it."""
    while not ended():
        try:
            link = connect(target)
            if first_bytes:
                link.sendall(first_bytes)
            reset(link) if resets else link.close()
        except OSError:
            time.sleep(RECONNECT_PAUSE_S)
