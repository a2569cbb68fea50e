"""A raw HTTP/1.1 client over any connected socket, that can also send what no client should.

    client = connect(daemon)
    client.send(request(message("demo.sum", [1, 2], 1)))
    client.receive()

Every wait is bounded, and every response that comes is checked for form.
"""

import re
import time

from daemon import SLOW, check_reply, limit, message, parse

_status_line = re.compile(r"HTTP/1\.1 ([1-5]\d\d) ([!-~]+(?: [!-~]+)*)")
_header_line = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)")
_date = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
                   r"\d\d:\d\d:\d\d GMT")


def as_bytes(data):
    return data.encode() if isinstance(data, str) else bytes(data)


def chunked(body, size=7, extension="", trailers=""):
    """`body` in chunks of at most `size` bytes."""
    body = as_bytes(body)
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    lines = [f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    return b"".join(lines) + f"0{extension}\r\n{trailers}\r\n".encode()


def head(method="POST", target="/", version="HTTP/1.1", **headers):
    """A head's bytes. Headers are named as Sluice_Timeout_Ms; None leaves one out."""
    fields = {"Host": "localhost", "Content_Type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode()


def request(body="", method="POST", target="/", version="HTTP/1.1", chunks=None, **headers):
    """A request's bytes; with `chunks` its body comes in chunks of that size."""
    body = as_bytes(body)
    if chunks is not None:
        return head(method, target, version, Transfer_Encoding="chunked", **headers) + chunked(body, chunks)
    return head(method, target, version, **{"Content_Length": len(body), **headers}) + body


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"

    @property
    def closes(self):
        return self.headers.get("connection") == "close"

    @property
    def reply(self):
        return check_reply(parse(self.body.decode("utf-8")))

    @property
    def result(self):
        assert self.status == 200 and "result" in self.reply, self
        return self.reply["result"]

    @property
    def code(self):
        return self.reply["error"]["code"] if self.body and "error" in self.reply else None


class HttpClient:
    """Owns `connection`, a daemon.Connection."""

    def __init__(self, connection):
        self.connection = connection
        self.socket = connection.socket
        self._buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Sending

    def send(self, data):
        self.connection.send(data)

    def send_pieces(self, data, size):
        self.connection.send_pieces(data, size)

    def post(self, method, params=None, id=1, **headers):
        self.send(request(message(method, params, id), **headers))

    # Receiving

    def _fill(self, end, what):
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no {what} in time; so far {bytes(self._buffer[:200])!r}")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                continue
            self._buffer += data
            return bool(data)

    def _receive_head(self, end):
        """(status, headers), or None at the end of the stream."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill(end, "response"):
                assert not self._buffer, f"the stream ends inside of a head: {bytes(self._buffer)!r}"
                return None
        text, _, _ = bytes(self._buffer).partition(b"\r\n\r\n")
        del self._buffer[:len(text) + 4]
        first, *lines = text.decode("ascii").split("\r\n")
        status = _status_line.fullmatch(first)
        assert status, f"no status line: {first!r}"
        headers = {}
        for line in lines:
            found = _header_line.fullmatch(line)
            assert found, f"no header: {line!r}"
            name = found.group(1).lower()
            assert name not in headers, f"twice: {line!r}"
            headers[name] = found.group(2)
        return int(status.group(1)), headers

    def receive_continue(self, within=10):
        got = self._receive_head(time.monotonic() + limit(within))
        assert got == (100, {}), f"instead of 100 Continue: {got!r}"

    def receive(self, within=10, body=True):
        """The next response. `body` is False for one to HEAD."""
        end = time.monotonic() + limit(within)
        got = self._receive_head(end)
        assert got is not None, "the connection was closed instead of a response"
        status, headers = got
        assert status >= 200, f"interim: {got!r}"
        assert _date.fullmatch(headers["date"]), headers
        assert "transfer-encoding" not in headers, headers
        if status == 204:
            assert "content-length" not in headers, headers
            return Response(status, headers, b"")
        health = headers["content-type"] == "text/plain; charset=utf-8"
        assert health or headers["content-type"] == "application/json", headers
        assert re.fullmatch(r"0|[1-9]\d*", headers["content-length"]), headers
        length = int(headers["content-length"]) if body else 0
        while len(self._buffer) < length:
            assert self._fill(end, "body"), f"the stream ends inside of a body: {bytes(self._buffer)!r}"
        response = Response(status, headers, bytes(self._buffer[:length]))
        del self._buffer[:length]
        if body and health:
            assert response.body in (b"ready\n", b"not ready\n"), response
        elif body:
            response.reply  # whatever the status, it is JSON-RPC
        return response

    def receive_many(self, count, within=10):
        end = time.monotonic() + limit(within)
        return [self.receive(max(0.001, end - time.monotonic()) / SLOW) for _ in range(count)]

    def expect_end(self, within=10):
        """The daemon ends the stream in order, with nothing more said; a reset raises."""
        got = self._fill(time.monotonic() + limit(within), "end") if not self._buffer else True
        assert not got, f"unexpected: {bytes(self._buffer[:300])!r}"

    def expect_closed(self, within=10):
        """The daemon ends the stream, in whatever way, with nothing more said."""
        try:
            self.expect_end(within)
        except (ConnectionResetError, BrokenPipeError):
            pass

    # Both

    def request(self, body="", within=10, **options):
        """The response to one request, where no other is outstanding."""
        self.send(request(body, **options))
        return self.receive(within, body=options.get("method") != "HEAD")

    def call(self, method, params=None, id=1, within=10, **headers):
        self.post(method, params, id, **headers)
        response = self.receive(within)
        assert response.reply["id"] == id, f"expected the reply to {id!r}: {response!r}"
        return response

    def fence(self, within=10):
        """Proves that the connection goes on, and that nothing but what was received has been answered."""
        assert self.call("demo.echo", ["fence"], "fence", within).result == ["fence"]

    # Ending

    def half_close(self):
        self.connection.half_close()

    def reset(self):
        self.connection.reset()

    def close(self):
        self.connection.close()


def connect(daemon, kind="tcp", **options):
    return HttpClient(daemon.connect(kind, **options))
