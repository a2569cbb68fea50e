"""A raw client of JSON-RPC on a stream: messages are lines, or have Content-Length headers."""

from .json_rpc import JsonRpcConnection, as_bytes, parse
from .sockets import open_socket
from .timing import deadline


def framed(text, header="Content-Length: {}\r\n\r\n"):
    body = as_bytes(text)
    return header.format(len(body)).encode() + body


class Connection(JsonRpcConnection):
    def __init__(self, peer, receive_buffer=None, headers=False):
        super().__init__(open_socket(peer, receive_buffer))
        self.headers = headers  # messages and replies have Content-Length headers
        self._half_closed = False
        self.fills_window = False  # for seconds: the server may look for the client, as after a half-close

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
            if self._half_closed or self.fills_window:
                text = text.lstrip(" ")  # blanks look for a client that may be gone
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
