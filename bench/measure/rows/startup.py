"""The time from the program's start until it sends READY=1 to the service manager."""

import socket
import time

from measure.figures import Goal, Line
from measure.process import Failure, on_cores

NEEDS = ()
STARTS = 10  # in each round
WAIT_MAX_S = 10
GOAL = Goal("<", 15)  # ms


def start_ms(bench):
    """From just before the new process is created, which takes about 1 ms, to READY=1."""
    path = bench.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, on_cores(bench.load_cores):
        manager.bind(str(path))
        manager.settimeout(WAIT_MAX_S)
        began = time.perf_counter()
        with bench.start_sluiced(environment={"NOTIFY_SOCKET": str(path)}):
            try:
                while b"READY=1" not in manager.recv(4096):
                    pass
            except TimeoutError:
                raise Failure("sluiced does not say READY=1") from None
            return (time.perf_counter() - began) * 1000


def measure(bench):
    values = [start_ms(bench) for _ in range(bench.rounds * STARTS)]
    yield Line("startup", "sluiced, to READY", "ms", values, goal=GOAL)


ROWS = {"startup": measure}
