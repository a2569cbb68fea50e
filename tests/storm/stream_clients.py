"""The storm over JSON streams and header framing."""

import json

from client import Client, Violation  # first: it finds the modules of the black-box tests
from support.stream_client import framed


def entries(text):
    replies = json.loads(text)
    return replies if isinstance(replies, list) else [replies]


class StreamClient(Client):
    name = "stream"

    def frame(self, body):
        return self.encoded(body) + self.random.choice((b"\n", b"\n", b"", b"\r\n", b"\n\n"))

    def invalid(self):
        # A value without a newline behind it would be on the invalid text's line, so the line ends before it.
        return b"\n" + self.invalid_text() + b"\n"

    def beginning(self):
        return b'{"jsonrpc":"2.0","id":"never'

    async def read_replies(self):
        line = await self.reader.readline()
        if line and not line.endswith(b"\n"):
            raise Violation(f"the stream ends inside a reply: {line[:200]!r}")
        return entries(line) if line else None


class HeaderClient(Client):
    name = "header"

    def frame(self, body):
        return framed(self.encoded(body))

    def invalid(self):
        return framed(self.invalid_text())

    def beginning(self):
        return b'Content-Length: 100\r\n\r\n{"jsonrpc":'

    async def read_replies(self):
        length = None
        while line := await self.reader.readline():
            if line == b"\r\n":
                return entries(await self.reader.readexactly(length))
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return None
