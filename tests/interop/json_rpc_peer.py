"""A server made with Python's json-rpc (Debian's python3-jsonrpc): on stdin and stdout, or over HTTP with --http, where
the first line that it says is its port. It refuses messages with members that JSON-RPC 2.0 does not know."""

import http.server
import sys
import time

from jsonrpc import JSONRPCResponseManager, dispatcher
from jsonrpc.exceptions import JSONRPCDispatchException


@dispatcher.add_method(name="peer.sum")
def add(*numbers):
    return sum(numbers)


@dispatcher.add_method(name="peer.echo")
def echo(*params):
    return list(params)


@dispatcher.add_method(name="peer.fail")
def fail(number):
    raise JSONRPCDispatchException(code=number, message="own", data={"own": True})


@dispatcher.add_method(name="peer.throw")
def throw():
    raise ValueError("thrown")


@dispatcher.add_method(name="peer.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return "slept"


def answered(text):
    response = JSONRPCResponseManager.handle(text, dispatcher)
    return None if response is None else response.json


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = (answered(self.rfile.read(int(self.headers["Content-Length"])).decode()) or "").encode()
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "application/json")
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if "--http" in sys.argv:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
for line in sys.stdin:
    reply = answered(line)
    if reply is not None:
        print(reply, flush=True)
