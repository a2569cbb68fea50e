"""The storm over HTTP/1.1: pipelined on connections that are kept, and bad requests that end one."""

import asyncio
import collections
import json

from client import NEVER_RUN, Client, Violation  # first: it finds the modules of the black-box tests
from support.json_rpc import call_object

STATUS = {-32005: 429, -32007: 413, -32009: 503, -32012: 503}  # of a reply's error; 200 for all others

# An expected response. `keys`: the ids of the request's calls; None if the request cannot be read.
Due = collections.namedtuple("Due", "status keys batch body", defaults=(None, (), False, True))

HEADERS = ("Accept: application/json", "User-Agent: storm", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "Connection: keep-alive", "Accept-Encoding: gzip", "Expect: 100-continue", "X-Long: " + "x" * 3000)
TYPES = ("application/json", "application/json; charset=utf-8", "Application/JSON-RPC", "application/jsonrequest")

# (the refusal's status, the refused request): the connection stays open behind them.
REFUSED_REQUESTS = (
    (404, "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    (405, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (405, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (405, "DELETE / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    (415, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
    (417, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: the unexpected\r\nContent-Length: 2\r\n\r\n{}"),
    (403, "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://elsewhere.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    (426, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
          "Sec-WebSocket-Version: 8\r\n\r\n"),
)

# Requests behind which no next one can be found: nothing that follows is run.
_JSON = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BROKEN = (
    (400, _JSON + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (400, _JSON + "Content-Length: 2\r\nContent-Length: 0\r\n\r\n"),
    (400, _JSON + "Content-Length: -1\r\n\r\n"),
    (400, _JSON + "Content-Length : 0\r\n\r\n"),
    (400, _JSON + "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n"),
    (400, _JSON + "X: \x00\r\nContent-Length: 0\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"),
    (400, "POST / HTTP/7.3\r\nHost: localhost\r\n\r\n"),
    (400, "POST  / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (400, _JSON + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    (400, _JSON + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"),
    (501, _JSON + "Transfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
    (413, _JSON + "Content-Length: 99999999\r\n\r\n"),
    (431, _JSON + "X: " + "x" * 20_000 + "\r\n\r\n"),
)


class HttpClient(Client):
    name = "http"
    nameless_codes = Client.nameless_codes + (-32007, -32016)
    ends = Client.ends + ("bad-request", "bad-request", "last-request", "last-request")

    def __init__(self, daemon, generator, tally):
        super().__init__(daemon, generator, tally)
        self.due = collections.deque()  # in the order of the requests

    def owed(self):
        # Silence about an id has a response too.
        return [f"a response to {due}" for due in self.due]

    # Sending

    def request(self, data, version="1.1", headers=()):
        lines = [f"POST / HTTP/{version}", "Host: localhost", f"Content-Type: {self.random.choice(TYPES)}", *headers]
        chosen = [header for header in HEADERS if self.random.random() < 0.05] if version == "1.1" else []
        if self.random.random() < 0.05:
            chosen.append(f"Sluice-Timeout-Ms: {self.random.randrange(1, 40)}")
        lines += [header.lower() if self.random.random() < 0.3 else header for header in chosen]
        chunked = version == "1.1" and self.random.random() < 0.3
        lines += ["Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(data)}", "", ""]
        extra = b"\r\n" if self.random.random() < 0.05 else b""  # some clients send a line's end too many
        return extra + "\r\n".join(lines).encode() + (self.chunks(data) if chunked else data)

    def chunks(self, data):
        out, at = b"", 0
        while at < len(data):
            size = self.random.randrange(1, len(data) + 1)
            piece = data[at:at + size]
            extension = self.random.choice((b"", b"", b";a=b", b";quoted=\"a;b\""))
            out += b"%x" % len(piece) + extension + b"\r\n" + piece + b"\r\n"
            at += size
        return out + b"0\r\n" + self.random.choice((b"", b"", b"X-Trailer: 1\r\n")) + b"\r\n"

    def frame(self, body):
        bodies = body if isinstance(body, list) else [body]
        self.due.append(Due(keys=tuple(json.dumps(each["id"]) for each in bodies if "id" in each), batch=isinstance(body, list)))
        return self.request(self.encoded(body))

    def invalid(self):
        if self.random.random() < 0.5:
            self.due.append(Due(status=200, keys=None))
            return self.request(self.invalid_text())
        status, text = self.random.choice(REFUSED_REQUESTS)
        self.due.append(Due(status=status, keys=None, body=not text.startswith("HEAD")))
        return text.encode()

    def beginning(self):
        return b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\":"

    # Receiving

    async def read_replies(self):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        if not first.startswith("HTTP/1.1 "):
            raise Violation(f"not a response: {first!r}")
        status = int(first.split(" ")[1])
        if status == 100:
            return []
        if not self.due:
            raise Violation(f"a response to no request: {head!r}")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        due = self.due[0]
        length = 0 if status == 204 or not due.body else int(headers["content-length"])
        body = await self.reader.readexactly(length)
        self.due.popleft()  # only now: until here it is owed
        return self.replies(due, status, headers, body)

    def replies(self, due, status, headers, body):
        wrong = Violation(f"{status} {headers} {body[:300]!r} does not answer {due}")
        if due.status not in (None, status):
            raise wrong
        if not due.body:
            return []
        if status == 204:
            # Nothing was asked, or what was stays silent.
            if due.status or body or any(self.pending.pop(key) for key in due.keys):
                raise wrong
            return []
        replies = json.loads(body)
        if isinstance(replies, list) != due.batch:
            raise wrong
        replies = replies if due.batch else [replies]
        if [json.dumps(reply["id"]) for reply in replies] != list(["null"] if due.keys is None else due.keys):
            raise wrong
        if due.status is None and status != (200 if due.batch else self.status(replies[0], headers)):
            raise wrong
        return replies

    def status(self, reply, headers):
        if "error" not in reply:
            return 200
        retry_after_ms = (reply["error"].get("data") or {}).get("retry_after_ms") if reply["error"]["code"] in STATUS else None
        if retry_after_ms is not None and int(headers["retry-after"]) * 1000 < retry_after_ms:
            raise Violation(f"{headers} would be too early for {reply}")
        return STATUS.get(reply["error"]["code"], 200)

    # The end

    async def end_half_close(self, reading):
        """Calls that still wait or run a second later are cancelled, and the connection ends with them."""
        await self.be_dropped(reading)

    def never_run(self):
        """A request behind the last that counts; it must not be answered."""
        return self.request(NEVER_RUN)

    def write_at_once(self, data):
        """Not in pieces: what is sent behind the end is taken in for only so long, then answered by a reset."""
        self.writer.write(data)

    async def end_bad_request(self, reading):
        status, text = self.random.choice(BROKEN)
        self.due.append(Due(status=status, keys=None))
        self.write_at_once(text.encode() + self.never_run())
        await self.read_to_end(reading)

    async def end_last_request(self, reading):
        """Says itself that it is the last."""
        body = call_object("demo.echo", ["last"], self.new_id())
        self.due.append(Due(keys=(json.dumps(body["id"]),)))
        version, headers = self.random.choice((("1.1", ["Connection: close"]), ("1.0", [])))
        self.write_at_once(self.request(self.encoded(body), version, headers) + self.never_run())
        await self.read_to_end(reading)
