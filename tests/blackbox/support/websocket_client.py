"""A raw WebSocket client over any connected socket, that can also do what no client should.

    client = WebSocketClient(socket)          # or connect(daemon), which shakes hands as well
    client.handshake()
    client.call("demo.sum", [1, 2])
    client.receive()

Every wait is bounded, and every frame and reply that comes is checked for form.
"""

import base64
import collections
import hashlib
import os
import struct

from .json_rpc import JsonRpcConnection, as_bytes
from .timing import deadline, within_until

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
RANDOM = object()

Frame = collections.namedtuple("Frame", "opcode payload")
Answer = collections.namedtuple("Answer", "status headers body")


def apply_mask(payload, mask):
    if not payload:
        return b""
    whole = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def frame(payload=b"", opcode=TEXT, fin=True, rsv=0, mask=RANDOM, length_bytes=None, length=None):
    """A frame's bytes. `mask`: 4 bytes, or None for none. `length_bytes`: 0, 2 or 8 that hold the length;
    `length`: what it says, where that is not the payload's own."""
    payload = as_bytes(payload)
    size = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size <= 0xFFFF else 8
    if mask is RANDOM:
        mask = os.urandom(4)
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode, (0x80 if mask is not None else 0) | short])
    head += size.to_bytes(length_bytes, "big") if length_bytes else b""
    return head + payload if mask is None else head + mask + apply_mask(payload, mask)


def close_payload(code, reason=b""):
    return b"" if code is None else struct.pack(">H", code) + as_bytes(reason)


class WebSocketClient(JsonRpcConnection):
    """Answers pings while it receives, unless `answer_pings` is False; `pings` has them all."""

    def __init__(self, connected, host="localhost", answer_pings=True):
        super().__init__(connected)
        self.host = host
        self.answer_pings = answer_pings
        self.pings = []

    def encode(self, text):
        return frame(text)

    # The handshake

    def ask(self, path="/", method="GET", behind=b"", **headers):
        """Sends a request to upgrade, with headers such as Sec_WebSocket_Version=None changed or left out and
        the bytes `behind` sent along, and returns the key."""
        key = headers.pop("Sec_WebSocket_Key", base64.b64encode(os.urandom(16)).decode())
        fields = {"Host": self.host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": key,
                  "Sec_WebSocket_Version": "13", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
        self.send(as_bytes("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])) + as_bytes(behind))
        return key

    def read_answer(self, within=10):
        """The answer to the handshake. Its body is read where it says how long it is, not after 101."""
        end = deadline(within)
        head = self._receive_head(end, "answer")
        assert head is not None, "closed instead of an answer"
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if status == "101" else int(headers.get("content-length", 0))
        return Answer(int(status), headers, self._receive_bytes(length, end))

    def handshake(self, path="/", behind=b"", **headers):
        key = self.ask(path, behind=behind, **headers)
        answer = self.read_answer()
        assert answer.status == 101, answer
        assert answer.headers["upgrade"].lower() == "websocket", answer
        assert "upgrade" in answer.headers["connection"].lower(), answer
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        assert answer.headers["sec-websocket-accept"] == accept, answer
        assert "sec-websocket-extensions" not in answer.headers, answer
        assert "content-length" not in answer.headers, answer
        return answer

    def refused(self, path="/", method="GET", **headers):
        """The answer to a request to upgrade that is not to be granted."""
        self.ask(path, method, **headers)
        answer = self.read_answer()
        assert answer.status != 101, answer
        return answer

    # Sending

    def send_frame(self, payload=b"", opcode=TEXT, **how):
        self.send(frame(payload, opcode, **how))

    def send_fragments(self, payload, size, between=b""):
        """A text message in frames of at most `size` bytes, with the bytes `between` after each but the last."""
        payload = as_bytes(payload)
        starts = range(0, max(len(payload), 1), size)
        data = b""
        for at in starts:
            last = at == starts[-1]
            data += frame(payload[at:at + size], TEXT if at == 0 else CONTINUATION, fin=last)
            data += b"" if last else between
        self.send(data)

    def send_close(self, code=1000, reason=b""):
        self.send_frame(close_payload(code, reason), CLOSE)

    # Receiving

    def receive_frame(self, within=10):
        """The next frame, also a ping, unanswered; None at the end of the stream."""
        end = deadline(within)
        if not self._buffer and not self._fill(end, "frame"):
            return None
        first, second = self._receive_bytes(2, end, "frame")
        opcode, short = first & 0x0F, second & 0x7F
        assert first & 0x70 == 0, "a reserved bit is set"
        assert first & 0x80, "a server's frame is a whole message"
        assert second & 0x80 == 0, "a server's frame is not masked"
        assert opcode in (TEXT, CLOSE, PING, PONG), opcode
        longer = self._receive_bytes({126: 2, 127: 8}.get(short, 0), end, "frame's head")
        length = int.from_bytes(longer, "big") if longer else short
        assert len(longer) == (0 if length < 126 else 2 if length <= 0xFFFF else 8), f"{len(longer)} bytes for {length}"
        assert opcode == TEXT or length <= 125, "a control frame is too long"
        return Frame(opcode, self._receive_bytes(length, end, "frame"))

    def receive_event(self, within=10):
        """The next frame, pings aside; None at the end of the stream."""
        end = deadline(within)
        while True:
            got = self.receive_frame(within_until(end))
            if got is None or got.opcode != PING:
                return got
            self.pings.append(got.payload)
            if self.answer_pings:
                self.send_frame(got.payload, PONG)

    def receive_text(self, within=10):
        got = self.receive_event(within)
        if got is None:
            return None
        assert got.opcode == TEXT, f"instead of a reply: {got!r}"
        return got.payload.decode("utf-8")

    def receive_pong(self, within=10):
        got = self.receive_event(within)
        assert got is not None and got.opcode == PONG, f"instead of a pong: {got!r}"
        return got.payload

    def receive_close(self, within=10):
        """The code of the close frame that comes next, None where it has none, and its reason."""
        got = self.receive_event(within)
        assert got is not None and got.opcode == CLOSE, f"instead of a close frame: {got!r}"
        if not got.payload:
            return None, ""
        assert len(got.payload) >= 2, got
        return struct.unpack(">H", got.payload[:2])[0], got.payload[2:].decode("utf-8")

    def expect_failed(self, code, within=10):
        """The daemon closes with that code, without a reply before; what the client says then is dropped."""
        got = self.receive_close(within)
        assert got[0] == code, f"expected {code}: {got!r}"
        self.send_frame(close_payload(code), CLOSE)
        self.expect_end(within)

    # Ending

    def close(self, code=1000, reason=b""):
        """Closes in order, and checks that the daemon does so too."""
        self.send_close(code, reason)
        got = self.receive_close()
        assert got[0] == code, f"expected {code}: {got!r}"
        self.expect_end()
        self.disconnect()


def unshaken(daemon, kind="tcp", receive_buffer=None, **options):
    """A client connected to `daemon` that has said nothing yet."""
    host = "{}:{}".format(*daemon.tcp()) if kind == "tcp" else "localhost"
    return WebSocketClient(daemon.open_socket(kind, receive_buffer), host, **options)


def connect(daemon, kind="tcp", path="/", headers=None, **options):
    client = unshaken(daemon, kind, **options)
    try:
        client.handshake(path, **(headers or {}))
    except BaseException:
        client.disconnect()
        raise
    return client
