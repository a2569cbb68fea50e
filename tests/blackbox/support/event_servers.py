"""Servers of one subscription a connection, that do what a test says: for clients that subscribe.

    server = EventServer(first, second)   # a function for each connection, the last one for all further ones
    def first(subscriber):
        subscriber.accept()
        subscriber.event(1, pos="e:1")
        subscriber.cut()                  # otherwise the connection stays until the client or the test ends it
"""

import json

from .upstream_servers import Server, read_head
from .upstream_websocket_server import MisbehavingWebSocket
from .websocket_client import CLOSE, apply_mask, frame

ID = "0x" + "ab" * 16


class Subscriber:
    """One connection's client."""

    def __init__(self, server, connection, request):
        self.server, self.connection, self.request = server, connection, request
        self.number = 0

    def send(self, **members):
        self.server.say(self.connection, json.dumps({"jsonrpc": "2.0", **members}, separators=(",", ":")))

    def accept(self):
        self.send(id=self.request["id"], result=ID)

    def refuse(self, code, **data):
        self.send(id=self.request["id"], error={"code": code, "message": "no", "data": data})

    def notify(self, **params):
        self.send(method="rpc.subscription", params={"subscription": ID, **params})

    def event(self, result, **more):
        self.number += 1
        self.notify(**{"n": self.number, "topic": "t", **more, "result": result})

    def end(self, code, **data):
        self.notify(error={"code": code, "message": "no", "data": data})

    def cut(self):
        self.server.drop(self.connection)


class EventServer(Server):
    """Over a JSON stream. `requests` has what was asked for, in order."""

    scheme = "tcp"

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.requests = []
        super().__init__()

    @property
    def address(self):
        return self.url(self.scheme)

    @property
    def params(self):
        return [each["params"] for each in self.requests]

    def serve(self, connection):
        with connection.makefile("rb") as stream:
            request = self.receive(connection, stream)
            if request is None:
                return
            with self.lock:
                self.requests.append(request)
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            script(Subscriber(self, connection, request))
            self.wait_for_end(connection, stream)

    def wait_for_end(self, connection, stream):
        stream.read()

    def receive(self, connection, stream):
        line = stream.readline()
        return json.loads(line) if line else None

    def say(self, connection, text):
        connection.sendall(text.encode() + b"\n")


class HttpEventServer(EventServer):
    """As Server-Sent Events. `heads` has the headers of each request."""

    scheme = "http"

    def __init__(self, *scripts):
        self.heads = []
        super().__init__(*scripts)

    def receive(self, connection, stream):
        head = read_head(stream)
        if head is None:
            return None
        self.heads.append(head[1])
        request = json.loads(stream.read(int(head[1]["content-length"])))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        return request

    def say(self, connection, text):
        event = b": comment\nid: 1\ndata: " + text.encode() + b"\n\n"
        for part in (event[:20], event[20:]):
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))


class WebSocketEventServer(EventServer):
    scheme = "ws"
    shake_hands = MisbehavingWebSocket.shake_hands

    def __init__(self, *scripts):
        self.heads, self.closes = [], []
        super().__init__(*scripts)

    def receive(self, connection, stream):
        self.shake_hands(connection, stream)
        text = MisbehavingWebSocket.receive(self, stream)
        return json.loads(text) if text else None

    def wait_for_end(self, connection, stream):
        while len(head := stream.read(2)) == 2:  # what a client sends now is short
            mask = stream.read(4)
            payload = apply_mask(stream.read(head[1] & 0x7F), mask)
            if head[0] & 0xF == CLOSE:
                return connection.sendall(frame(payload, CLOSE, mask=None))

    def say(self, connection, text):
        connection.sendall(frame(text, mask=None))
