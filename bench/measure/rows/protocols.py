"""Costs of HTTP and WebSocket beside JSON streams, and of HTTP beside nginx with a constant answer."""

import contextlib
import functools
import shutil
import socket
import ssl
import subprocess

from measure import load
from measure.figures import Goal, Line, compared, in_turn
from measure.load import LOADS
from measure.peers import nginx, wrk
from measure.process import Failure, on_cores
from measure.rows.connections import WAIT_MAX_S, connected, raise_descriptor_limit

NEEDS = ()
IDLE = 10_000
IDLE_TLS = 2_000
CONNECTIONS, DEPTH = 64, 16  # W3's shape
BODY = b'{"jsonrpc":"2.0","id":1,"method":"demo.echo_inline","params":["' + b"x" * 96 + b'"]}'
REPLY = b'{"jsonrpc":"2.0","id":1,"result":["' + b"x" * 96 + b'"]}'
POST = (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)) + BODY
UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def port_of(server):
    return int(server.address().rpartition(":")[2])


# HTTP beside nginx


def against_nginx(bench):
    """wrk on each in turn, one request in flight on each of 64 connections."""
    if not bench.peers or not nginx.usable(bench):
        bench.skip("http: needs nginx and wrk")
        return
    shape = LOADS["W2"]
    with bench.start_sluiced(io_threads=1) as sluiced, nginx.running(bench, shape) as (peer, nginx_rate):
        own = functools.partial(wrk.rate_of, bench, port_of(sluiced), shape)
        found = in_turn(bench.rounds, {
            "nginx": functools.partial(rate_and_cost, bench, peer, nginx_rate),
            "inline": functools.partial(rate_and_cost, bench, sluiced, functools.partial(own, "demo.echo_inline")),
            "pool": functools.partial(rate_and_cost, bench, sluiced, functools.partial(own, "demo.echo"))})
    rates, costs = ({name: [each[at] for each in rounds] for name, rounds in found.items()} for at in (0, 1))
    yield Line("http", nginx.NAME, "calls/s", rates["nginx"])
    yield compared("http", "demo.echo_inline", "calls/s", rates["inline"], "nginx", rates["nginx"], Goal(">=", 1))
    yield compared("http", "demo.echo", "calls/s", rates["pool"], "nginx", rates["nginx"])
    # Where the load takes more time than any of the servers, the rates are the load's.
    yield Line("http", nginx.NAME, "us CPU", costs["nginx"])
    yield compared("http", "demo.echo_inline", "us CPU", costs["inline"], "nginx", costs["nginx"])
    yield compared("http", "demo.echo", "us CPU", costs["pool"], "nginx", costs["nginx"])


def rate_and_cost(bench, server, rate):
    """Calls a second, and the server's CPU time of a call in us."""
    before = server.cpu_seconds()
    found = rate()
    return found, (server.cpu_seconds() - before) / (found * wrk.seconds(bench)) * 1e6


def receive(connection, count):
    left = count
    while left > 0:
        part = connection.recv(1 << 16)
        if not part:
            raise Failure("the server closed a connection")
        left -= len(part)


def response_size(connection):
    """The bytes of one answered request: all others are as long."""
    connection.sendall(POST)
    answer = b""
    while not answer.endswith(REPLY):
        part = connection.recv(1 << 16)
        if not part:
            raise Failure("the server closed a connection")
        answer += part
    return len(answer)


def idle_memory(bench):
    raise_descriptor_limit(IDLE)
    with bench.start_sluiced(max_connections=2 * IDLE) as server:
        load.run(bench, server.address(), "demo.echo", LOADS["W2"])  # what a connection costs is not what the first calls do
        empty = server.resident_bytes()
        with connected(server, IDLE) as sockets:
            for each in sockets:
                response_size(each)
            used = (server.resident_bytes() - empty) / IDLE
    yield Line("http", f"{IDLE:,} keep-alive connections", "B each", [used], goal=Goal("<", 3072))


def certificate(bench):
    """Files of a self-signed certificate and its key."""
    files = bench.path("pem"), bench.path("key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-out", files[0], "-keyout", files[1], "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return files


def idle_tls_memory(bench):
    """The same over TLS 1.3, with a listener that serves plain text as well."""
    if not shutil.which("openssl"):
        bench.skip("http: TLS needs openssl")
        return
    raise_descriptor_limit(IDLE_TLS)
    chain, key = certificate(bench)
    context = ssl.create_default_context(cafile=chain)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    tls = f'{{ certificate = "{chain}", key = "{key}", optional = true }}'
    with bench.start_sluiced(tls=tls) as server, contextlib.ExitStack() as opened:
        address = ("127.0.0.1", port_of(server))

        def use_one():
            plain = socket.create_connection(address, WAIT_MAX_S)
            response_size(opened.enter_context(context.wrap_socket(plain, server_hostname=address[0])))

        load.run(bench, server.address(), "demo.echo", LOADS["W2"])
        use_one()  # what a connection costs is not what the first handshake does either
        empty = server.resident_bytes()
        for _ in range(IDLE_TLS):
            use_one()
        used = (server.resident_bytes() - empty) / IDLE_TLS
    yield Line("http", f"{IDLE_TLS:,} keep-alive connections over TLS 1.3", "B each", [used], goal=Goal("<", 20 * 1024))


# WebSocket beside a stream


def masked_text(payload):
    """A client's text frame. A mask of zeros is a mask, and costs the server what any other does."""
    head = bytes([0x81, 0x80 | len(payload)]) if len(payload) < 126 else bytes([0x81, 0xFE]) + len(payload).to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def upgraded(connection):
    connection.sendall(UPGRADE)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(4096)


@contextlib.contextmanager
def clients(server, upgrade):
    """Connections on which something has been answered, and so been accepted."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.create_connection(("127.0.0.1", port_of(server)), WAIT_MAX_S))
                   for _ in range(CONNECTIONS)]
        for each in sockets:
            if upgrade:
                upgraded(each)
            else:
                each.sendall(BODY + b"\n")
                receive(each, len(REPLY) + 1)
        yield sockets


def cost_us(bench, server, upgrade):
    """CPU time of the server per message: DEPTH at once on each connection, for some hundred thousand."""
    message = masked_text(BODY) if upgrade else BODY + b"\n"
    reply_bytes = len(REPLY) + ((2 if len(REPLY) < 126 else 4) if upgrade else 1)
    rounds = max(20, int(100 * bench.seconds))
    with clients(server, upgrade) as connections, on_cores(bench.load_cores):
        before = server.cpu_seconds()
        for _ in range(rounds):
            for each in connections:
                each.sendall(message * DEPTH)
            for each in connections:
                receive(each, reply_bytes * DEPTH)
        spent = server.cpu_seconds() - before
    return spent / (rounds * len(connections) * DEPTH) * 1e6


def websocket(bench):
    with bench.start_sluiced(io_threads=1, busy_poll="false") as server:
        costs = in_turn(bench.rounds, {
            "stream": functools.partial(cost_us, bench, server, False), "websocket": functools.partial(cost_us, bench, server, True)})
    yield Line("websocket", "a message of a stream", "us CPU", costs["stream"])
    yield compared("websocket", "a WebSocket message", "us CPU", costs["websocket"], "stream", costs["stream"], Goal("<=", 1.5))


def http(bench):
    yield from against_nginx(bench)
    yield from idle_memory(bench)
    yield from idle_tls_memory(bench)


ROWS = {"http": http, "websocket": websocket}
