"""Loads, and `sluice bench` that generates them."""

import contextlib
import dataclasses
import json
import subprocess

from measure.process import Failure, on_cores

WAIT_MAX_S = 30  # for connecting, the last replies and a busy machine
WARM_UP = 0.25   # of the measured time
NOTHING = {"results": 0, "unanswered": 1, "latency_us": {"p99": 0, "max": 0}}  # the report where no call was answered


@dataclasses.dataclass(frozen=True)
class Load:
    """A closed loop: each connection keeps `depth` calls in flight."""

    connections: int
    depth: int
    size: int = 100  # bytes of params
    params: str = ""  # JSON in place of params of that size

    def options(self):
        what = ["--params", self.params] if self.params else ["--size", self.size]
        return ["-c", self.connections, "-d", self.depth, *what]


LOADS = {
    "W1": Load(1, 1),
    "W2": Load(64, 1),
    "W3": Load(64, 16),
    "W4": Load(16, 4, 16384),
}


def command(bench, address, method, options, seconds):
    words = [bench.sluice, "bench", address, "--method", method, "--json", "--duration", f"{seconds * 1000:.0f}ms",
             "--warmup", f"{max(1, seconds * WARM_UP * 1000):.0f}ms", *options]
    return [str(word) for word in words]


@contextlib.contextmanager
def started(bench, address, method, options, seconds=None, cores=None, starving=False):
    """Runs a load; gives a function that waits for its end and returns its report (`sluice bench --json`). `starving`: it
    may go without a single result."""
    seconds = seconds or bench.seconds
    with on_cores(cores or bench.load_cores):
        process = subprocess.Popen(command(bench, address, method, options, seconds), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report():
        try:
            output, complaint = process.communicate(timeout=seconds * (1 + WARM_UP) + WAIT_MAX_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the load on {address} does not end") from None
        if starving and not output:
            return NOTHING
        if process.returncode and not starving:
            raise Failure(f"sluice bench {address} {method}: exit code {process.returncode}: {complaint.strip()}")
        result = json.loads(output)
        if not result["results"] and not starving:
            raise Failure(f"sluice bench {address} {method}: no results within {seconds:g} s, is the machine busy?")
        return result

    try:
        yield report
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(bench, address, method, load, seconds=None):
    """The report of one load, once it has ended."""
    with started(bench, address, method, load.options(), seconds) as report:
        return report()


def rate(bench, address, method, load):
    """Calls answered with a result, per second."""
    return run(bench, address, method, load)["results_per_s"]
