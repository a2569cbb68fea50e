"""Costs of a large registry for a call, and of a method in memory."""

import functools

from measure import load
from measure.figures import Goal, Line, compared, in_turn
from measure.load import LOADS

NEEDS = ("busy_server",)
FEW, MANY = 2, 100_000
GOAL = Goal(">=", 0.97)


def measure(bench):
    with bench.start(bench.busy_server, "--methods", FEW) as few, bench.start(bench.busy_server, "--methods", MANY) as many:
        many.address(), few.address()  # from then on all methods are there
        each = (many.resident_bytes() - few.resident_bytes()) / (MANY - FEW)
        rates = in_turn(bench.rounds, {
            name: functools.partial(load.rate, bench, server.address(), "echo", LOADS["W3"])
            for name, server in (("few", few), ("many", many))})
    yield Line("registry W3", f"{FEW} methods", "calls/s", rates["few"])
    yield compared("registry W3", f"{MANY:,} methods", "calls/s", rates["many"], f"{FEW} methods", rates["few"], GOAL)
    yield Line("registry", "memory of a method", "B", [each])


ROWS = {"registry": measure}
