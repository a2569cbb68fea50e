"""A client that calls ten times as often as it may, and its effect on ten others that keep to their share."""

import contextlib
import json
import os
import socket
import threading
import time

from measure import load
from measure.figures import Goal, Line, compared
from measure.process import on_cores

NEEDS = ()
METHOD, PARAMS = "demo.spin", json.dumps({"ms": 1})
SHARE = 100  # calls per second that the greedy client may make
GREED = 10   # times that it makes: without limits more than the one worker can carry
POLITE = ["-c", 10, "--rate", 200, "--params", PARAMS]
# The greedy client is known by its Unix socket; the others are unauthenticated.
CLIENTS = ({"name": "greedy", "user": os.getuid(), "rate": SHARE, "burst": 10, "max_in_flight": 2}, {"name": "anonymous"})
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": METHOD, "params": json.loads(PARAMS)}).encode() + b"\n"
PORTIONS = 100  # in which it sends its calls, per second


class Greedy(threading.Thread):
    """The greedy client. `sluice bench` would spin between its calls, on the core that the others' load needs."""

    def __init__(self, path, cores):
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.setblocking(False)
        self._cores = cores
        self._ended = threading.Event()
        self.seconds = self.results = 0

    def run(self):
        with on_cores(self._cores), self._socket:
            began = due = time.monotonic()
            while not self._ended.wait(max(0, due - time.monotonic())):
                due += 1 / PORTIONS
                with contextlib.suppress(BlockingIOError):
                    self._socket.send(CALL * (SHARE * GREED // PORTIONS))
                    self.results += self._socket.recv(1 << 20).count(b'"result"')
            self.seconds = time.monotonic() - began

    def end(self):
        self._ended.set()
        self.join()


def polite(bench, server):
    """The 99th percentile of those that keep to their share, in milliseconds."""
    with load.started(bench, server.address(), METHOD, POLITE) as report:
        return report()["latency_us"]["p99"] / 1000


def beside_greedy(bench, server):
    """The same while the other calls, and how much of its share that one was let have."""
    greedy = Greedy(server.address("unix").removeprefix("unix://"), bench.load_cores)
    greedy.start()
    try:
        p99_ms = polite(bench, server)
    finally:
        greedy.end()
    return p99_ms, greedy.results / greedy.seconds / SHARE


def measure(bench):
    alone, beside, let_in = [], [], []
    with bench.start_sluiced(clients=CLIENTS, workers=1) as server:
        for _ in range(bench.rounds):
            alone.append(polite(bench, server))
            p99_ms, share = beside_greedy(bench, server)
            beside.append(p99_ms)
            let_in.append(share)
    yield Line("greedy", "p99 of the polite, alone", "ms", alone)
    yield compared("greedy", "p99 of the polite, beside", "ms", beside, "alone", alone, Goal("<=", 2))
    yield Line("greedy", "let in, of its share", "share", let_in, goal=Goal("<=", 1.1))


ROWS = {"greedy": measure}
