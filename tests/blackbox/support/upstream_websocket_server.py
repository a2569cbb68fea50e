"""A WebSocket server for tests of upstreams that misbehaves as the method says."""

import base64
import hashlib
import json
import threading

from .upstream_servers import Misbehaving, read_head, reply
from .websocket_client import BINARY, CLOSE, CONTINUATION, GUID, PING, PONG, TEXT, apply_mask, close_payload, frame


class MisbehavingWebSocket(Misbehaving):
    """The same over WebSocket. `closes` has the close frames that came."""

    def __init__(self, **options):
        self.closes = []
        self.heads = []  # the headers of each handshake
        super().__init__(**options)

    def serve(self, connection):
        with connection.makefile("rb") as stream:
            self.shake_hands(connection, stream)
            while (message := self.receive(stream)) is not None:
                call = json.loads(message)
                self.note(call)
                if "id" in call:
                    getattr(self, "what_" + call["method"].split(".")[1])(connection, call["id"], call.get("params"))

    def shake_hands(self, connection, stream):
        _, headers = read_head(stream)
        self.heads.append(headers)
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + GUID).digest())
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def receive(self, stream):
        """The next text; None at the end."""
        while len(head := stream.read(2)) == 2:
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
            mask = stream.read(4)
            payload = apply_mask(stream.read(size), mask)
            if head[0] & 0xF == TEXT:
                return payload
            if head[0] & 0xF == CLOSE:
                self.closes.append(payload)
        return None

    def say(self, connection, text, end=""):
        connection.sendall(frame(text, mask=None))

    def what_pieces(self, connection, id, params):
        """In fragments, with pings in between."""
        text = reply(id, params)
        for at, each in enumerate(text):
            opcode = TEXT if at == 0 else CONTINUATION
            connection.sendall(frame(b"?", PING, mask=None) + frame(each, opcode, at == len(text) - 1, mask=None))

    def what_binary(self, connection, id, params):
        connection.sendall(frame(reply(id, params), BINARY, mask=None))

    def what_pings(self, connection, id, params):
        """And reads what comes back, or nothing more could be sent."""
        threading.Thread(target=self.send_pings, args=(connection,), daemon=True).start()

    def send_pings(self, connection):
        try:
            self.send_endlessly(connection, frame(b"", PING, mask=None) * 1000)
        except OSError:
            pass

    def what_pongs(self, connection, id, params):
        self.send_endlessly(connection, frame(b"", PONG, mask=None) * 1000)

    def what_empty_messages(self, connection, id, params):
        self.send_endlessly(connection, frame(b"", TEXT, mask=None) * 1000)

    def what_empty_frames(self, connection, id, params):
        connection.sendall(frame(b"", TEXT, False, mask=None))
        self.send_endlessly(connection, frame(b"", CONTINUATION, False, mask=None) * 1000)

    def what_bye(self, connection, id, params):
        connection.sendall(frame(close_payload(1001), CLOSE, mask=None))

    def what_bad_frame(self, connection, id, params):
        connection.sendall(frame(reply(id, params), 0x7, mask=None))

    def what_long_frame(self, connection, id, params):
        connection.sendall(frame(b"x", TEXT, mask=None, length=1 << 40, length_bytes=8))
