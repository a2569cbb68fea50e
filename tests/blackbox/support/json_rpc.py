"""JSON-RPC for tests: messages as text, what holds for every reply, and the client that all transports share."""

import fcntl
import itertools
import json
import re
import socket
import struct
import time

from .sockets import reset_when_closed
from .timing import deadline, limit, within_until

_decoder = json.JSONDecoder()
_space = re.compile(r"[ \t\r\n]*")


def members(text):
    """The members of an object, each value as its own text."""
    found = {}
    at = _space.match(text, 0).end()
    assert text[at] == "{", text[:80]
    at = _space.match(text, at + 1).end()
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        at = _space.match(text, at).end()
        assert text[at] == ":", text[at:at + 20]
        begin = _space.match(text, at + 1).end()
        _, at = _decoder.raw_decode(text, begin)
        assert name not in found, f"{name} twice in {text[:200]}"
        found[name] = text[begin:at]
        at = _space.match(text, at).end()
        if text[at] == ",":
            at = _space.match(text, at + 1).end()
    return found


def without_space(text):
    """JSON text without insignificant white space."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', lambda found: found.group(1) or "", text)


def as_bytes(data):
    return data.encode() if isinstance(data, str) else bytes(data)


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse(text):
    return json.loads(text, parse_constant=_no_constant)


def check_reply(reply):
    """Checks the rules that hold for every reply."""
    if isinstance(reply, list):
        assert reply, "an empty array is not a reply"
        for entry in reply:
            check_reply(entry)
        return reply
    assert isinstance(reply, dict), f"not a reply: {reply!r}"
    assert reply.get("jsonrpc") == "2.0", f"no version: {reply!r}"
    assert "id" in reply, f"no id: {reply!r}"
    assert ("result" in reply) != ("error" in reply), f"neither or both of result and error: {reply!r}"
    assert set(reply) <= {"jsonrpc", "id", "result", "error"}, f"unknown members: {reply!r}"
    if "error" in reply:
        error = reply["error"]
        assert isinstance(error["code"], int) and isinstance(error["message"], str), f"no error object: {reply!r}"
        assert set(error) <= {"code", "message", "data"}, f"unknown members: {reply!r}"
        if -32899 < error["code"] < -31999:
            assert isinstance(error["data"], dict) and isinstance(error["data"]["reason"], str), f"no reason: {reply!r}"
    return reply


def code(reply):
    """The error code of a reply, or "ok"."""
    return reply["error"]["code"] if "error" in reply else "ok"


def call_object(method, params=None, id=None, **more):
    """A call, or a notification where `id` is None."""
    body = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        body["params"] = params
    if id is not None:
        body["id"] = id
    body.update(more)
    return body


def message(method, params=None, id=None, **more):
    """Its text."""
    return json.dumps(call_object(method, params, id, **more), separators=(",", ":"))


def batch(entries):
    """The text of a batch of these texts."""
    return "[" + ",".join(entries) + "]"


class JsonRpcConnection:
    """A client of one connected socket. Every wait is bounded, in seconds; replies are checked for form.

    A transport's own class says how a message is framed, by `encode` and `receive_text`, and how it connects.
    """

    def __init__(self, connected):
        self.socket = connected
        self._buffer = bytearray()
        self._ids = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.disconnect()

    def encode(self, text):
        """The bytes that carry one message."""
        raise NotImplementedError

    def receive_text(self, within=10):
        """One reply's text; None at the end of the stream."""
        raise NotImplementedError

    # Sending

    def send(self, data):
        self.socket.settimeout(limit(20))
        self.socket.sendall(as_bytes(data))

    def send_pieces(self, data, size):
        """Sends `size` bytes at a time, on a Unix socket each only once the last was read."""
        unix = self.socket.family == socket.AF_UNIX
        for at in range(0, len(data), size):
            self.send(data[at:at + size])
            if unix:
                self.wait_until_read()

    def wait_until_read(self):
        end = deadline(10)
        while struct.unpack("i", fcntl.ioctl(self.socket, 0x5411, b"\0\0\0\0"))[0]:  # SIOCOUTQ
            assert time.monotonic() < end, "the daemon does not read"

    def send_message(self, text):
        self.send(self.encode(text))

    def call(self, method, params=None, id=None, **more):
        """Sends a call and returns its id."""
        id = next(self._ids) if id is None else id
        self.send_message(message(method, params, id, **more))
        return id

    def notify(self, method, params=None, **more):
        self.send_message(message(method, params, **more))

    # Receiving

    def _fill(self, end, what):
        """Adds what comes next to the buffer; False at the end of the stream."""
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

    def _receive_head(self, end, what="head"):
        """The bytes before the next empty line, which is consumed too; None at the end of the stream."""
        while (length := self._buffer.find(b"\r\n\r\n")) < 0:
            if not self._fill(end, what):
                assert not self._buffer, f"the stream ends inside of a {what}: {bytes(self._buffer)!r}"
                return None
        return self._receive_bytes(length + 4, end, what)[:length]

    def _receive_bytes(self, count, end, what="body"):
        while len(self._buffer) < count:
            assert self._fill(end, what), f"the stream ends inside of a {what}: {bytes(self._buffer[:200])!r}"
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def receive_bytes_through(self, ending, within=10):
        """All bytes until they end as `ending` does."""
        end = deadline(within)
        while not self._buffer.endswith(ending):
            assert self._fill(end, repr(ending)), f"the stream ends before {ending!r}: {bytes(self._buffer[:200])!r}"
        return self._receive_bytes(len(self._buffer), end)

    def receive_bytes_to_end(self, within=10):
        """All bytes until the daemon closes; a reset raises ConnectionResetError."""
        end = deadline(within)
        while self._fill(end, "end of the stream"):
            pass
        return self._receive_bytes(len(self._buffer), end)

    def receive_bytes_until_closed(self, within=10):
        """All bytes until the daemon closes, or resets the connection."""
        try:
            return self.receive_bytes_to_end(within)
        except (ConnectionResetError, BrokenPipeError):
            return self._receive_bytes(len(self._buffer), deadline(within))

    def receive(self, within=10):
        text = self.receive_text(within)
        assert text is not None, "the connection was closed instead of a reply"
        return check_reply(parse(text))

    def receive_many(self, count, within=10):
        end = deadline(within)
        return [self.receive(within_until(end)) for _ in range(count)]

    def receive_by_id(self, count, within=10):
        found = {}
        for reply in self.receive_many(count, within):
            assert reply["id"] not in found, f"answered twice: {reply!r}"
            found[reply["id"]] = reply
        return found

    def read_to_end(self, within=10):
        """All replies until the daemon closes; a reset raises ConnectionResetError."""
        end = deadline(within)
        replies = []
        while True:
            text = self.receive_text(within_until(end))
            if text is None:
                return replies
            replies.append(check_reply(parse(text)))

    def expect_end(self, within=10):
        """The daemon ends the stream in order, without a further reply; a reset raises ConnectionResetError."""
        text = self.receive_text(within)
        assert text is None, f"unexpected: {text[:300]!r}"

    def expect_closed(self, within=10):
        """The daemon ends the connection, by an end of stream or a reset, without a further reply."""
        try:
            self.expect_end(within)
        except (ConnectionResetError, BrokenPipeError):
            pass

    # Both

    def request(self, method, params=None, within=10, id=None, **more):
        """The reply to one call, where no other is outstanding."""
        id = self.call(method, params, id, **more)
        reply = self.receive(within)
        assert reply["id"] == id, f"expected the reply to {id!r}: {reply!r}"
        return reply

    def result(self, method, params=None, within=10, **more):
        reply = self.request(method, params, within, **more)
        assert "result" in reply, f"{method}: {reply!r}"
        return reply["result"]

    def request_text(self, text, within=10):
        """Sends `text` as a message and returns the reply, parsed."""
        self.send_message(text)
        return self.receive(within)

    def cancel(self, id, within=10):
        """The reply to the call `id`, the only one outstanding, once `rpc.cancel` has found it."""
        self.call("rpc.cancel", {"id": id}, id="cancel")
        replies = self.receive_by_id(2, within)
        assert replies["cancel"]["result"] is True, replies
        return replies[id]

    def fence(self, within=10):
        """Proves that nothing but what was received so far has been answered."""
        reply = self.request("demo.echo", ["fence"], within, id="fence")
        assert reply["result"] == ["fence"], reply

    # Ending

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """TCP: a reset. Unix: a hang-up."""
        reset_when_closed(self.socket)
        self.socket.close()

    def disconnect(self):
        self.socket.close()

    def close(self):
        """Ends the connection as the transport has it."""
        self.disconnect()
