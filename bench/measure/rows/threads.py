"""Two I/O threads beside one: more threads must not cost throughput."""

import contextlib
import functools

from measure import load
from measure.figures import Goal, Line, compared, in_turn
from measure.load import LOADS, Load

NEEDS = ()
GOAL = Goal(">=", 1)
METHODS = ("demo.echo_inline", "demo.echo")


def rate_of_two_loads(bench, address, method, cores):
    """W3 from two processes with half of its connections each, so that the load has two threads as well."""
    half = Load(LOADS["W3"].connections // 2, LOADS["W3"].depth)
    with contextlib.ExitStack() as stack:
        reports = [stack.enter_context(load.started(bench, address, method, half.options(), cores=cores)) for _ in range(2)]
        return sum(report()["results_per_s"] for report in reports)


def measure(bench):
    """Server and load share both cores."""
    cores = bench.server_cores | bench.load_cores
    if len(cores) < 2:
        bench.skip("threads: this machine has one core")
        return
    with bench.start_sluiced(cores, io_threads=1) as one, bench.start_sluiced(cores, io_threads=2) as two:
        for method in METHODS:
            rates = in_turn(bench.rounds, {
                name: functools.partial(rate_of_two_loads, bench, server.address(), method, cores)
                for name, server in (("one", one), ("two", two))})
            yield Line("threads W3", f"{method}, 1 I/O thread", "calls/s", rates["one"])
            yield compared("threads W3", f"{method}, 2 I/O threads", "calls/s", rates["two"], "1 I/O thread", rates["one"], GOAL)


ROWS = {"threads": measure}
