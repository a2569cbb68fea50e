"""A raw HTTP/1.1 client over any connected socket, that can also send what no client should.

    client = connect(daemon)
    client.result("demo.sum", [1, 2])
    client.exchange(message("demo.sum", [1, 2], 1), Origin="https://app.example").status

Every wait is bounded, and every response that comes is checked for form.
"""

import re

from .json_rpc import JsonRpcConnection, as_bytes, check_reply, message, parse
from .timing import deadline, within_until

_status_line = re.compile(r"HTTP/1\.1 ([1-5]\d\d) ([!-~]+(?: [!-~]+)*)")
_header_line = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)")
_date = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
                   r"\d\d:\d\d:\d\d GMT")


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


class HttpClient(JsonRpcConnection):
    """A JSON-RPC client over HTTP. Requests that carry no call return a whole Response."""

    def encode(self, text):
        return request(text)

    def receive_text(self, within=10):
        response = self._receive_response(deadline(within))
        if response is None:
            return None
        assert response.body, f"no reply: {response!r}"
        return response.body.decode("utf-8")

    # Sending

    def post(self, method, params=None, id=1, **headers):
        self.send(request(message(method, params, id), **headers))

    # Receiving

    def _receive_status(self, end):
        """(status, headers), or None at the end of the stream."""
        text = self._receive_head(end)
        if text is None:
            return None
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
        got = self._receive_status(deadline(within))
        assert got == (100, {}), f"instead of 100 Continue: {got!r}"

    def _receive_response(self, end, body=True):
        """The next response, None at the end of the stream."""
        got = self._receive_status(end)
        if got is None:
            return None
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
        response = Response(status, headers, self._receive_bytes(length, end))
        if body and health:
            assert response.body in (b"ready\n", b"not ready\n"), response
        elif body:
            response.reply  # whatever the status, it is JSON-RPC
        return response

    def receive_response(self, within=10, body=True):
        """`body` is False for a response to HEAD."""
        response = self._receive_response(deadline(within), body)
        assert response is not None, "the connection was closed instead of a response"
        return response

    def receive_responses(self, count, within=10):
        end = deadline(within)
        return [self.receive_response(within_until(end)) for _ in range(count)]

    # Both

    def exchange(self, body="", within=10, **options):
        """The response to one request, where no other is outstanding."""
        self.send(request(body, **options))
        return self.receive_response(within, body=options.get("method") != "HEAD")

    def exchange_call(self, method, params=None, id=1, within=10, **headers):
        self.post(method, params, id, **headers)
        response = self.receive_response(within)
        assert response.reply["id"] == id, f"expected the reply to {id!r}: {response!r}"
        return response

    def fence(self, within=10):
        """Proves that the connection is open, and that no other response was sent than those received."""
        assert self.exchange_call("demo.echo", ["fence"], "fence", within).result == ["fence"]


def connect(daemon, kind="tcp", **options):
    return HttpClient(daemon.open_socket(kind, **options))
