"""A client of Server-Sent Events over any connected socket: the response to a POST, or to a GET like a browser's.

    stream = subscribe(daemon, {"topic": "orders.*"})
    stream.reply["result"]
    stream.event()["params"]["result"]
"""

import json

from .http_client import HttpClient, head, request
from .json_rpc import message
from .timing import deadline, within_until


class EventStream(HttpClient):
    def __init__(self, connected):
        super().__init__(connected)
        self.status = None
        self.headers = {}
        self.reply = None
        self.ended = False  # by its last chunk
        self.last_id = None
        self._text = b""

    def ask(self, data):
        """Sends a request. The response must be a stream."""
        self.send(data)
        self.begin()

    def begin(self, within=10):
        got = self._receive_status(deadline(within))
        assert got is not None, "the connection was closed instead of a response"
        self.status, self.headers = got
        assert self.status == 200, got
        assert self.headers["content-type"] == "text/event-stream", self.headers
        assert "content-length" not in self.headers, self.headers

    def chunk(self, within=10):
        """The next chunk's text; empty for the last one."""
        end = deadline(within)
        size = int(self._receive_size_line(end), 16)
        text = self._receive_bytes(size, end)
        assert self._receive_bytes(2, end) == b"\r\n"
        return text

    def _receive_size_line(self, end):
        while b"\r\n" not in self._buffer:
            assert self._fill(end, "chunk"), "the stream ends without its last chunk"
        line, _, rest = bytes(self._buffer).partition(b"\r\n")
        self._buffer[:] = rest
        return line

    def block(self, within=10):
        """The lines of the next event or comment; None at the end of the stream."""
        end = deadline(within)
        while b"\n\n" not in self._text:
            text = self.chunk(within_until(end))
            if not text:
                assert not self._text, f"ends inside an event: {self._text!r}"
                self.ended = True
                return None
            self._text += text
        block, _, self._text = self._text.partition(b"\n\n")
        return block.decode("utf-8").split("\n")

    def event(self, within=10):
        """The message of the next event, whose position is `last_id`; None at the end of the stream."""
        end = deadline(within)
        while (lines := self.block(within_until(end))) is not None:
            data = [line for line in lines if line.startswith("data: ")]
            if not data:
                continue
            assert len(data) == 1, lines
            for line in lines:
                if line.startswith("id"):
                    self.last_id = line[4:]
            return json.loads(data[0][6:])
        return None

    def results(self, count, within=10):
        end = deadline(within)
        return [self.event(within_until(end))["params"]["result"] for _ in range(count)]


def accepting(params, method="rpc.subscribe", id=1, **headers):
    """The bytes of a POST that subscribes."""
    headers = {"Accept": "application/json, text/event-stream", **headers}
    return request(message(method, params, id), **headers)


def subscribe(daemon, params, kind="tcp", **options):
    """A stream by POST, after its reply."""
    stream = EventStream(daemon.open_socket(kind))
    stream.ask(accepting(params, **options))
    stream.reply = stream.event()
    return stream


def get(target, **headers):
    """The bytes of a browser's GET."""
    headers = {"Content_Type": None, "Accept": "text/event-stream", "Cache_Control": "no-cache", **headers}
    return head("GET", target, **headers)


def listen(daemon, target, kind="tcp", **headers):
    """A stream by GET, after `retry`."""
    stream = EventStream(daemon.open_socket(kind))
    stream.ask(get(target, **headers))
    assert stream.block() == ["retry: 1000"]
    return stream
