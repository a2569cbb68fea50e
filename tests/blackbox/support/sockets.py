"""Sockets of tests: connected to a peer, bound to a free port, ended by a reset."""

import socket
import struct

from .timing import limit


def open_socket(peer, receive_buffer=None):
    """A socket connected to `peer`: a path of a Unix socket, or host and port."""
    family = socket.AF_UNIX if isinstance(peer, str) else (socket.AF_INET6 if ":" in peer[0] else socket.AF_INET)
    made = socket.socket(family, socket.SOCK_STREAM)
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(limit(10))
    made.connect(peer)
    if family != socket.AF_UNIX:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def free_port():
    """A port that was free a moment ago, for tests that must name one in advance."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reset_when_closed(connected):
    """Makes close() of a TCP socket a reset. On a Unix socket it stays a hang-up."""
    if connected.family != socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
