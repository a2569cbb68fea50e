"""Redis: its ECHO of the same number of bytes, loaded by redis-benchmark."""

import contextlib
import csv
import io
import subprocess

from measure.peers import accepts, free_port, installed
from measure.process import Failure, on_cores

NAME = "Redis ECHO"
LOADS = ("W1", "W2", "W3")
TRIAL_CALLS = 20_000  # to learn how many calls fill the time: redis-benchmark counts calls, not seconds
LIMIT_S = 60


def usable(bench):
    return installed(bench, "Redis", "redis-server", "redis-benchmark")


def rate_of(bench, port, load, calls):
    command = ["redis-benchmark", "-p", port, "-c", load.connections, "-P", load.depth, "-n", calls, "--csv", "ECHO",
               "x" * load.size]
    try:
        with on_cores(bench.load_cores):
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True, timeout=LIMIT_S)
    except subprocess.SubprocessError as error:
        raise Failure(f"redis-benchmark: {error}") from None
    return next(float(row["rps"]) for row in csv.DictReader(io.StringIO(done.stdout)))


@contextlib.contextmanager
def echo(bench, load):
    port = free_port()
    with bench.start("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir",
                     bench.folder) as server:
        server.until(lambda: accepts(port), "Redis does not listen")
        expected = rate_of(bench, port, load, TRIAL_CALLS)
        yield lambda: rate_of(bench, port, load, max(TRIAL_CALLS, int(expected * bench.seconds)))
