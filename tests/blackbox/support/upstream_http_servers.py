"""HTTP servers for tests of upstreams that misbehave as the method says."""

import json
import ssl

from .tls import authority
from .upstream_servers import Misbehaving, error, read_head, reply


class MisbehavingHttp(Misbehaving):
    """The same over HTTP. `heads` has the headers of each request."""

    def __init__(self, **options):
        self.heads = []
        super().__init__(**options)

    def serve(self, connection):
        with connection.makefile("rb") as stream:
            while head := read_head(stream):
                request_line, headers = head
                self.heads.append({"request": request_line, **headers})
                call = json.loads(stream.read(int(headers["content-length"])))
                self.note(call)
                if "id" not in call:
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    continue
                getattr(self, "what_" + call["method"].split(".")[1])(connection, call["id"], call.get("params"))

    def respond(self, connection, status, body, more=""):
        body = body.encode()
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)

    def say(self, connection, text):
        self.respond(connection, "200 OK", text, "Content-Type: application/json\r\n")

    def what_garbage(self, connection, id, params):
        connection.sendall(b"\x00\xffnot http\r\n\r\n")

    def what_page(self, connection, id, params):
        self.respond(connection, "200 OK", "<html>hello</html>")

    def what_500(self, connection, id, params):
        self.respond(connection, "500 Internal Server Error", "oops")

    def what_500_with_reply(self, connection, id, params):
        self.respond(connection, "500 Internal Server Error", error(id, -32000, {"reason": "own"}))

    def what_unnamed(self, connection, id, params):
        """With params[0] for its status."""
        self.respond(connection, params[0], error(None, -32050, {"reason": "own"}))

    def what_chunked(self, connection, id, params):
        text = reply(id, params)
        chunks = "".join(f"1\r\n{each}\r\n" for each in text)
        connection.sendall(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n".encode())

    def what_last(self, connection, id, params):
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + reply(id, params).encode())
        self.drop(connection)

    def what_interim(self, connection, id, params):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
        self.say(connection, reply(id, params))

    def what_interims(self, connection, id, params):
        for _ in range(params[0]):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        self.say(connection, reply(id, params))

    def what_endless_interims(self, connection, id, params):
        self.send_endlessly(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)

    def what_endless_chunk_line(self, connection, id, params):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        self.send_endlessly(connection, b"x" * 40_000)

    def what_endless_trailers(self, connection, id, params):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        self.send_endlessly(connection, b"X: y\r\n" * 1000)

    def what_switch(self, connection, id, params):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n")

    def what_big_head(self, connection, id, params):
        self.respond(connection, "200 OK", reply(id, params), f"X: {'x' * 100_000}\r\n")


class TlsHttp(MisbehavingHttp):
    """Over TLS, one request a connection. `resumed` tells of each connection whether it went on with a session."""

    def __init__(self, **options):
        self.resumed = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(authority().certificate("server")), str(authority().key("server")))
        super().__init__(**options)

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as secure:
            self.resumed.append(secure.session_reused)
            super().serve(secure)

    def say(self, connection, text):
        self.respond(connection, "200 OK", text, "Connection: close\r\n")
