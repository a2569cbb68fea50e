"""Growth of the server's CPU time of a call with the number of connections and the size of the call."""

import contextlib
import dataclasses
import functools
import statistics

from measure import load, plots
from measure.figures import Goal, compared, in_turn
from measure.process import Failure
from measure.rows.connections import raise_descriptor_limit

NEEDS = ()
METHOD, RAW = "demo.echo", "raw_echo"
IN_FLIGHT = 64  # in all, whatever the number of connections
CONNECTIONS = (1, 10, 100, 1000, 10_000)
USUAL = 100  # connections that the others compare with
CONNECTIONS_GOAL = Goal("<=", 1.3)
PAYLOADS = (10, 100, 1000, 10_000, 65_536, 262_144, 1 << 20, 4 << 20)  # bytes of params
PAYLOAD_IN_FLIGHT = 4
LINEAR_FROM = 65_536  # below, most of the cost is that of a call without its bytes
SHORT = 0.25  # of the long run's time
LINEAR_GOAL = Goal("<=", 1.5)  # cost of a byte at 4 MiB, of that at 64 KiB


@dataclasses.dataclass(frozen=True)
class Spread:
    """A closed loop of so many calls in flight in all, dealt to the connections in turn."""

    connections: int
    in_flight: int
    size: int = 100

    def options(self):
        return ["-c", self.connections, "--in-flight", self.in_flight, "--size", self.size]


def spent(bench, server, shape, seconds):
    """CPU seconds of a whole run, from before its connections come until they are gone, and its calls."""
    idle, before = server.descriptors(), server.cpu_seconds()
    report = load.run(bench, server.address(), METHOD, shape, seconds)
    server.until(lambda: server.descriptors() <= idle, "connections are not closed")
    return server.cpu_seconds() - before, report["sent"] - report["unanswered"]


def cost_us(bench, server, shape):
    """CPU time of a call: the difference of a long and a short run, so that connecting does not count."""
    short_cpu, short_calls = spent(bench, server, shape, bench.seconds * SHORT)
    cpu, calls = spent(bench, server, shape, bench.seconds)
    if calls <= short_calls:
        raise Failure("too few calls to compare: --seconds is too short")
    return (cpu - short_cpu) / (calls - short_calls) * 1e6


@contextlib.contextmanager
def warm_servers(bench, **server):
    """A sluiced and a raw echo by their names, with all their descriptors and their first calls behind them."""
    with bench.start_sluiced(busy_poll="false", **server) as sluiced, bench.start_raw_echo() as raw:
        servers = {METHOD: sluiced, RAW: raw}
        for each in servers.values():
            load.run(bench, each.address(), METHOD, load.LOADS["W2"])
        yield servers


def costs_of(bench, servers, shapes):
    """By server and then by shape's key: a cost for each round."""
    results = in_turn(bench.rounds, {
        (name, key): functools.partial(cost_us, bench, server, shape)
        for key, shape in shapes.items() for name, server in servers.items()})
    return {name: {key: results[name, key] for key in shapes} for name in servers}


def plot(bench, name, x_label, costs, log_y=False):
    series = {server: [(key, statistics.median(values)) for key, values in by_key.items()] for server, by_key in costs.items()}
    plots.draw(bench, name, x_label, "CPU time of a call (us)", series, log_y)


def by_connections(bench):
    raise_descriptor_limit(max(CONNECTIONS))
    with warm_servers(bench, max_connections=2 * max(CONNECTIONS)) as servers:
        costs = costs_of(bench, servers, {count: Spread(count, IN_FLIGHT) for count in CONNECTIONS})
    plot(bench, "connections", "Connections", costs)
    for name, own in costs.items():
        for count in CONNECTIONS:
            goal = CONNECTIONS_GOAL if (name, count) == (METHOD, max(CONNECTIONS)) else None
            yield compared("growth", f"{name}, {count:,} connections", "us CPU", own[count], f"{USUAL}", own[USUAL], goal)


def per_byte_ns(costs, size):
    """The cost of a byte beyond the cost of a call."""
    least = min(PAYLOADS)
    return [(cost - base) / (size - least) * 1000 for cost, base in zip(costs[size], costs[least])]


def by_payload(bench):
    with warm_servers(bench, max_message=2 * max(PAYLOADS)) as servers:
        costs = costs_of(bench, servers, {size: Spread(PAYLOAD_IN_FLIGHT, PAYLOAD_IN_FLIGHT, size) for size in PAYLOADS})
    plot(bench, "payload", "Params (bytes)", costs, log_y=True)
    for size in PAYLOADS:
        yield compared("growth", f"{METHOD}, {size:,} B", "us CPU", costs[METHOD][size], RAW, costs[RAW][size])
    largest = max(PAYLOADS)
    for name, own in costs.items():
        yield compared("growth", f"{name}, a byte at {largest:,} B", "ns CPU", per_byte_ns(own, largest), f"{LINEAR_FROM:,} B",
                       per_byte_ns(own, LINEAR_FROM), LINEAR_GOAL if name == METHOD else None)


def measure(bench):
    yield from by_connections(bench)
    yield from by_payload(bench)


ROWS = {"growth": measure}
