"""Calls per second against the raw echo, over TCP and Unix sockets; against Redis; and of a typed handler."""

import contextlib
import functools

from measure import load
from measure.figures import Goal, compared, in_turn, Line
from measure.load import LOADS, Load
from measure.peers import redis

NEEDS = ()
INLINE, POOL = "demo.echo_inline", "demo.echo"
GOALS = {  # shares of the raw echo's throughput
    "W1": {INLINE: 0.95, POOL: 0.85},
    "W2": {INLINE: 0.95, POOL: 0.90},
    "W3": {INLINE: 0.80, POOL: 0.70},
    "W4": {INLINE: 0.60, POOL: 0.55},
    "W2-unix": {INLINE: 0.80, POOL: None},
    "W3-unix": {INLINE: 0.60, POOL: None},
}
TAIL_ROWS = ("W2",)
VALIDATED, VALIDATED_ROWS = "raw_echo, validated", ("W2", "W3", "W4", "W3-unix")
# A lone call is mostly falling asleep and being woken, which the raw echo does each time.
SLEEPING, SLEEPING_ROWS = ", busy_poll = false", ("W1",)
TAIL_GOAL = Goal("<=", 2)  # times the raw echo's
ABOVE_REDIS = ("W2", "W3")
SUM_GOAL = Goal(">=", 0.85)  # of demo.echo with the same params
SUM_PARAMS = '{"a":1234567,"b":-7654321}'


def rates(reports):
    return [report["results_per_s"] for report in reports]


def tails(reports):
    return [report["latency_us"]["p99.9"] for report in reports]


def echo_lines(row, reports):
    raw = reports["raw_echo"]
    yield Line(row, "raw_echo", "calls/s", rates(raw))
    if VALIDATED in reports:
        yield compared(row, VALIDATED, "calls/s", rates(reports[VALIDATED]), "raw_echo", rates(raw))
    for method, share in GOALS[row].items():
        goal = Goal(">=", share) if share else None
        yield compared(row, method, "calls/s", rates(reports[method]), "raw_echo", rates(raw), goal)
    for method in GOALS[row] if row in SLEEPING_ROWS else ():
        yield compared(row, method + SLEEPING, "calls/s", rates(reports[method + SLEEPING]), "raw_echo", rates(raw))
    if row in TAIL_ROWS:
        for method in GOALS[row]:
            yield compared(f"{row} p99.9", method, "us", tails(reports[method]), "raw_echo", tails(raw), TAIL_GOAL)


def echo(row, bench):
    name, _, scheme = row.partition("-")
    shape = LOADS[name]
    with contextlib.ExitStack() as stack:
        sluiced, raw = stack.enter_context(bench.beside_raw_echo(scheme or "tcp"))
        contenders = {"raw_echo": functools.partial(load.run, bench, raw, "echo", shape)}
        for method in GOALS[row]:
            contenders[method] = functools.partial(load.run, bench, sluiced, method, shape)
        if row in SLEEPING_ROWS:
            sleeping = stack.enter_context(bench.start_sluiced(busy_poll="false")).address(scheme or "tcp")
            for method in GOALS[row]:
                contenders[method + SLEEPING] = functools.partial(load.run, bench, sleeping, method, shape)
        if row in VALIDATED_ROWS:
            validated = stack.enter_context(bench.start_raw_echo(scheme or "tcp", "validated"))
            contenders[VALIDATED] = functools.partial(load.run, bench, validated.address(scheme or "tcp"), "echo", shape)
        if row in ABOVE_REDIS and redis.usable(bench):
            contenders["Redis ECHO"] = stack.enter_context(redis.echo(bench, shape))
        results = in_turn(bench.rounds, contenders)
    yield from echo_lines(row, results)
    if "Redis ECHO" in results:
        yield compared(row, "Redis ECHO", "calls/s", results["Redis ECHO"], "raw_echo", rates(results["raw_echo"]))
        yield compared(row, POOL, "calls/s", rates(results[POOL]), "Redis ECHO", results["Redis ECHO"], Goal(">", 1))


def typed_sum(bench):
    """demo.sum by name beside demo.echo with the same params: what typed params and a result cost."""
    with bench.start_sluiced() as sluiced:
        for name in ("W2", "W3"):
            shape = Load(LOADS[name].connections, LOADS[name].depth, params=SUM_PARAMS)
            results = in_turn(bench.rounds, {
                method: functools.partial(load.rate, bench, sluiced.address(), method, shape) for method in (POOL, "demo.sum")})
            yield compared(f"sum {name}", "demo.sum", "calls/s", results["demo.sum"], POOL, results[POOL], SUM_GOAL)


ROWS = {row: functools.partial(echo, row) for row in GOALS} | {"sum": typed_sum}
