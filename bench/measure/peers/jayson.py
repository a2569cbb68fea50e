"""jayson, JSON-RPC on Node.js, over TCP; it speaks lines, so `sluice bench` loads it."""

import contextlib

from measure import load as loads
from measure.context import REPO
from measure.peers import installed

NAME = "jayson (TCP)"
LOADS = ("W1", "W2", "W3")
FOLDER = REPO / "bench" / "peers"


def usable(bench):
    if not installed(bench, "jayson", "node"):
        return False
    there = (FOLDER / "node_modules" / "jayson").exists()
    if not there:
        bench.skip("jayson: not installed (npm --prefix bench/peers ci)")
    return there


@contextlib.contextmanager
def echo(bench, load):
    with bench.start("node", FOLDER / "jayson_server.js") as server:
        yield lambda: loads.rate(bench, server.address(), "echo", load)
