"""One of several child processes is killed every second: which calls that costs."""

import os
import pathlib
import signal
import sys
import time

from measure import load
from measure.figures import Goal, Line
from measure.rows.backends import HANDLER

NEEDS = ()
INSTANCES = 4
RATE = 1000       # calls a second, open loop
CONNECTIONS = 8
KILLS = 8         # one a second; each instance runs one call at a time, so that each kill may fail one


def children(pid):
    """Those of the process, the oldest first."""
    return [int(child) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
            for child in path.read_text(encoding="utf-8").split()]


def kill_in_turn(pid):
    for _ in range(KILLS):
        time.sleep(1)
        os.kill(children(pid)[0], signal.SIGKILL)
    time.sleep(1)


def measure(bench):
    program = bench.path("py")
    program.write_text(HANDLER, encoding="utf-8")
    backend = (f'[[backend]]\nname = "child"\ncommand = ["{sys.executable}", "-u", "{program}"]\nmethods = ["child.*"]\n'
               f"instances = {INSTANCES}\nconcurrency = 1\nbreaker = {{ failures = 0 }}\n")
    options = ["-c", CONNECTIONS, "--rate", RATE]
    failed, lost, p99 = [], [], []
    with bench.start_sluiced(more=backend) as server:
        for _ in range(bench.rounds):
            with load.started(bench, server.address(), "child.echo", options, KILLS + 1) as report:
                kill_in_turn(server.pid)
                result = report()
            failed.append(sum(result["errors"].values()) / KILLS)
            lost.append(result["unanswered"] + result["bad_ids"] + result["bad_replies"] + result["unsent"])
            p99.append(result["latency_us"]["p99"] / 1000)
    yield Line("kills", f"calls failed for each kill of 1 of {INSTANCES}", "calls", failed, goal=Goal("<=", 1))
    yield Line("kills", "calls without an answer, or with another's", "calls", lost, goal=Goal("<=", 0))
    yield Line("kills", f"p99 of those answered, {RATE} a second", "ms", p99)


ROWS = {"kills": measure}
