"""Many idle connections: their memory, and the throughput of those beside them."""

import contextlib
import functools
import resource
import socket

from measure import load
from measure.figures import Goal, Line, compared, in_turn
from measure.load import LOADS
from measure.process import Failure

NEEDS = ()
COUNT = 10_000
SPARE_DESCRIPTORS = 500
WAIT_MAX_S = 30
CALL = b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["' + b"x" * 96 + b'"]}\n'


def raise_descriptor_limit(count):
    """For this process and those it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Failure(f"{count} connections need {wanted} descriptors, {hard} are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def connected(server, count):
    """Sockets that the server has accepted."""
    host, port = server.address().removeprefix("tcp://").split(":")
    before = server.descriptors()
    sockets = []
    try:
        for _ in range(count):
            sockets.append(socket.create_connection((host, int(port)), WAIT_MAX_S))
        server.until(lambda: server.descriptors() >= before + count, "connections are not accepted")
        yield sockets
    finally:
        for each in sockets:
            each.close()


def use_once(sockets):
    for each in sockets:
        each.sendall(CALL)
        reply = b""
        while not reply.endswith(b"\n"):
            part = each.recv(4096)
            if not part:
                raise Failure("the server closed an idle connection")
            reply += part


def measure(bench):
    raise_descriptor_limit(COUNT)
    shape = LOADS["W2"]
    with bench.start_sluiced() as alone, bench.start_sluiced(max_connections=2 * COUNT) as crowded:
        load.run(bench, crowded.address(), "demo.echo", shape)  # what a connection costs is not what the first calls do
        empty = crowded.resident_bytes()
        with connected(crowded, COUNT) as sockets:
            unused = (crowded.resident_bytes() - empty) / COUNT
            use_once(sockets)
            used = (crowded.resident_bytes() - empty) / COUNT
            rates = in_turn(bench.rounds, {
                name: functools.partial(load.rate, bench, server.address(), "demo.echo", shape)
                for name, server in (("alone", alone), ("crowded", crowded))})
    yield Line("connections", f"{COUNT:,} never used", "B each", [unused], goal=Goal("<", 1024))
    yield Line("connections", f"{COUNT:,} used once", "B each", [used], goal=Goal("<", 1536))
    yield Line("connections", "W2 without them", "calls/s", rates["alone"])
    yield compared("connections", "W2 beside them", "calls/s", rates["crowded"], "without", rates["alone"], Goal(">=", 0.95))


ROWS = {"connections": measure}
