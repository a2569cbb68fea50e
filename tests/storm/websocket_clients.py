"""The storm over WebSocket: fragments with pings in between, and all the ways to close."""

import base64
import collections
import struct

from client import NEVER_RUN, Client, Violation  # first: it finds the modules of the black-box tests
from stream_clients import entries
from support import websocket_client as ws

PING_BYTES_MAX = 125

# (the code that it is closed with, the frame): no client may send them.
BROKEN = (
    (1002, ws.frame("{}", mask=None)),
    (1002, ws.frame("{}", rsv=4)),
    (1002, ws.frame("{}", opcode=3)),
    (1002, ws.frame("{}", opcode=ws.CONTINUATION)),
    (1002, ws.frame("", opcode=ws.PING, fin=False)),
    (1002, ws.frame("x" * 126, opcode=ws.PING)),
    (1002, ws.frame(b"\x03", opcode=ws.CLOSE)),
    (1003, ws.frame(b"{}", opcode=ws.BINARY)),
    (1007, ws.frame(b"[\"\xff\"]")),
    (1007, ws.frame(b"[\"\xed\xa0\x80\"]")),
)


class WebSocketClient(Client):
    name = "websocket"
    ends = Client.ends + ("goodbye", "goodbye", "broken-frame", "broken-frame")

    def __init__(self, daemon, generator, tally):
        super().__init__(daemon, generator, tally)
        self.pings = collections.deque()  # that have not been answered
        self.nameless = 0                 # answers that are due to what has no id
        self.shaken = False
        self.close_code = None            # of the daemon's close frame

    def owed(self):
        return [f"a pong to {ping!r}" for ping in self.pings] + ["an answer to invalid text"] * self.nameless

    async def greet(self):
        key = base64.b64encode(self.random.randbytes(16)).decode()
        await self.write(("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                          f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        if self.random.random() < 0.7:
            await self.be_shaken()  # else its first messages are there before the answer

    async def be_shaken(self):
        self.shaken = True
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Violation(f"not admitted: {head!r}")

    # Sending

    def mask(self):
        return self.random.randbytes(4)

    def ping(self):
        self.pings.append(self.random.randbytes(self.random.randrange(PING_BYTES_MAX + 1)))
        return ws.frame(self.pings[-1], ws.PING, mask=self.mask())

    def wrap(self, data):
        if self.random.random() < 0.6:
            return ws.frame(data, mask=self.mask())
        out, at, opcode = b"", 0, ws.TEXT
        while True:
            piece = data[at:at + self.random.randrange(len(data) + 2)]  # also none, and all
            at += len(piece)
            out += ws.frame(piece, opcode, fin=at == len(data), mask=self.mask())
            if at == len(data):
                return out
            opcode = ws.CONTINUATION
            out += self.ping() if self.random.random() < 0.3 else b""

    def frame(self, body):
        return self.wrap(self.encoded(body)) + (self.ping() if self.random.random() < 0.05 else b"")

    def invalid(self):
        while True:
            text = self.invalid_text()
            try:
                text.decode()
            except UnicodeDecodeError:
                continue  # would end it
            self.nameless += 1
            return self.wrap(text)

    def beginning(self):
        return ws.frame("{}", fin=self.random.random() < 0.5, length=200, mask=self.mask())

    # Receiving

    async def read_frame(self):
        """(opcode, payload), or None at the end."""
        head = await self.reader.read(1)
        if not head:
            return None
        head += await self.reader.readexactly(1)
        if not head[0] & 0x80 or head[0] & 0x70 or head[1] & 0x80:
            raise Violation(f"no frame of a server's: {head!r}")
        length = head[1]
        if length >= 126:
            length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
        return head[0] & 0x0F, await self.reader.readexactly(length)

    async def read_replies(self):
        if not self.shaken:
            await self.be_shaken()
        got = await self.read_frame()
        if got is None:
            if self.close_code is None and not self.left:
                raise Violation(f"ended without a close frame, unanswered {self.unanswered()[:5]}")
            return None
        opcode, payload = got
        if self.close_code is not None:
            raise Violation(f"behind the close frame: {got!r}")
        if opcode == ws.CLOSE:
            self.close_code, = struct.unpack(">H", payload[:2]) if payload else (0,)
        elif opcode == ws.PONG:
            if not self.pings or self.pings.popleft() != payload:
                raise Violation(f"a pong to no ping: {payload!r}")
        elif opcode == ws.PING:
            self.writer.write(ws.frame(payload, ws.PONG, mask=self.mask()))
        elif opcode == ws.TEXT:
            return self.named(entries(payload))
        else:
            raise Violation(f"a frame of type {opcode}")
        return []

    def named(self, replies):
        for reply in replies:
            if reply["id"] is None:
                self.nameless -= 1
                if self.nameless < 0:
                    raise Violation(f"an answer to nothing: {reply}")
        return replies

    # The end

    async def expect_close(self, reading, code):
        await self.read_to_end(reading)
        if self.close_code != code:
            raise Violation(f"closed with {self.close_code} in place of {code}")

    async def end_half_close(self, reading):
        """The end of TCP without a close frame is a disconnect: its calls are dropped, and the connection ends."""
        await self.be_dropped(reading)

    async def end_goodbye(self, reading):
        """Closes as it should be done: the client has left, and its calls are dropped."""
        code = self.random.choice((1000, 1001, 3000, 4999))
        await self.write(ws.frame(ws.close_payload(code, "goodbye"), ws.CLOSE, mask=self.mask()))
        self.pending = dict.fromkeys(self.pending, False)
        await self.expect_close(reading, code)

    async def end_broken_frame(self, reading):
        """Expects the responses to earlier calls, then a close with the reason; later bytes are ignored."""
        code, broken = self.random.choice(BROKEN)
        never = ws.frame(NEVER_RUN, mask=self.mask())
        self.writer.write(broken + never)  # at once: what is behind the end is taken in for only so long
        await self.expect_close(reading, code)
