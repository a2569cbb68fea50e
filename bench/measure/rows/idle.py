"""Memory and processor time of a server without clients."""

import time

from measure.figures import Goal, Line

NEEDS = ()
IDLE_S = 1
WATCHED_S = 5
MEBIBYTE = 1 << 20


def measure(bench):
    """The same for any number of rounds: it does not depend on the load's noise."""
    with bench.start_sluiced() as server:
        server.address()
        time.sleep(IDLE_S)
        resident = server.resident_bytes() / MEBIBYTE
        before = server.cpu_seconds()
        time.sleep(WATCHED_S)
        busy = (server.cpu_seconds() - before) / WATCHED_S * 100
    yield Line("idle", "sluiced, memory", "MiB", [resident], goal=Goal("<", 12))
    yield Line("idle", f"sluiced, CPU over {WATCHED_S} s", "%", [busy], goal=Goal("<", 0.1))


ROWS = {"idle": measure}
