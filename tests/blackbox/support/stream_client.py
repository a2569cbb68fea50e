"""A raw client of JSON-RPC on a stream: messages are lines, or have Content-Length headers."""

import socket

from .json_rpc import JsonRpcConnection, parse
from .timing import deadline, limit


def framed(text, header="Content-Length: {}\r\n\r\n"):
    body = text.encode() if isinstance(text, str) else text
    return header.format(len(body)).encode() + body


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


class Connection(JsonRpcConnection):
    def __init__(self, peer, receive_buffer=None, headers=False):
        super().__init__(open_socket(peer, receive_buffer))
        self.headers = headers  # messages and replies have Content-Length headers
        self._half_closed = False

    def encode(self, text):
        return framed(text) if self.headers else text.encode() + b"\n"

    def receive_text(self, within=10):
        end = deadline(within)
        return self._receive_framed(end) if self.headers else self._receive_line(end)

    def _receive_line(self, end):
        searched, begin = 0, 0
        while True:
            newline = self._buffer.find(b"\n", searched)
            if newline < 0:
                searched = len(self._buffer)
                if not self._fill(end, "reply"):
                    assert not self._buffer, f"the stream ends inside a reply: {bytes(self._buffer[:200])!r}"
                    return None
                continue
            searched = newline + 1
            text = self._buffer[:newline].decode("utf-8")
            try:
                parse(text)
            except ValueError:
                begin += 1  # a result may hold newlines between its tokens
                assert begin < 100, f"not JSON: {text[:200]!r}"
                continue
            del self._buffer[:newline + 1]
            if self._half_closed:
                text = text.lstrip(" ")  # blanks look for a client that has ended its side
            assert text and text == text.strip(" \t\r\n"), f"more than one newline between replies: {text[:80]!r}"
            return text

    def _receive_framed(self, end):
        head = self._receive_head(end, "header block")
        if head is None:
            return None
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        assert len(lengths) == 1, head
        text = self._receive_bytes(int(lengths[0]), end).decode("utf-8")
        parse(text)
        return text

    # Ending

    def expect_blanks(self):
        """Between replies: the daemon looks for a client that may have gone."""
        self._half_closed = True

    def half_close(self):
        self._half_closed = True
        super().half_close()
