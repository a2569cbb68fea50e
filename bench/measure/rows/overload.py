"""Twice the load that the server can carry: what it still does, and how soon it refuses the rest."""

import time

from measure import load
from measure.figures import Goal, Line
from measure.load import Load

NEEDS = ("busy_server",)
SPIN_US = 20  # CPU time of one call
QUEUE = 40    # calls that wait at most: some 1.7 ms of work, and enough to keep a worker busy
CONNECTIONS = 64
PEAK = Load(QUEUE, 1)  # none is refused
EXCESS = 2
PERCENTILE_GOAL = Goal("<", 5)  # ms
FLAT = Goal("<=", 1.02)  # memory at the end, of that in the middle


def overloaded(bench, server, peak):
    """The report of an open loop, and the memory at its end as a share of that in its middle."""
    options = ["-c", CONNECTIONS, "--rate", EXCESS * peak]
    with load.started(bench, server.address(), "spin", options) as report:
        time.sleep(bench.seconds * (load.WARM_UP + 0.5))
        middle = server.resident_bytes()
        result = report()
    return result, server.resident_bytes() / middle


def answered_share(report):
    """The share of calls that were answered once, with the id that they were sent with."""
    wrong = report["unanswered"] + report["bad_ids"] + report["bad_replies"]
    return 1 - wrong / report["sent"]


def measure(bench):
    goodput, admitted, refused, answered, offered, memory, peaks = ([] for _ in range(7))
    command = [bench.busy_server, "--spin-us", SPIN_US, "--queue", QUEUE]
    with bench.start(*command) as server:
        for _ in range(bench.rounds):
            peaks.append(load.rate(bench, server.address(), "spin", PEAK))
            report, growth = overloaded(bench, server, peaks[-1])
            goodput.append(report["results_per_s"] / peaks[-1])
            admitted.append(report["latency_us"]["p99"] / 1000)
            refused.append(report["error_latency_us"]["p99"] / 1000)
            answered.append(answered_share(report))
            offered.append(report["sent"] / (report["sent"] + report["unsent"]))
            memory.append(growth)
    yield Line("overload", "peak", "calls/s", peaks)
    yield Line("overload", "offered, of what was due", "share", offered, goal=Goal(">=", 0.999))
    yield Line("overload", "goodput, of the peak", "share", goodput, goal=Goal(">=", 0.95))
    yield Line("overload", "p99 of the admitted", "ms", admitted, goal=PERCENTILE_GOAL)
    yield Line("overload", "p99 of the refused", "ms", refused, goal=PERCENTILE_GOAL)
    yield Line("overload", "answered with their id", "share", answered, goal=Goal(">=", 1))
    yield Line("overload", "memory, end of middle", "share", memory, goal=FLAT)


ROWS = {"overload": measure}
