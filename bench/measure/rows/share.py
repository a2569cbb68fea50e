"""The share of an I/O thread's time that a client with constant work gets beside attackers.

Its calls run an inline handler of SPIN_US, so that how often it runs tells the client's share of the thread's CPU time, and
the client takes little of the core that it has together with the attackers.
"""

import time

from measure import load
from measure.attacks.catalogue import ATTACKS
from measure.context import BUILD
from measure.figures import Goal, Line
from measure.rows.polite import attacked
from measure.watch import raise_priority

NEEDS = ("spin_module",)
SPIN_US = 25  # spin_module.cpp
BACKEND = f"""
[[backend]]
name = "bench"
module = "{BUILD}/bench/libspin_module.so"
"""
ALWAYS_BUSY = ["-c", 8, "-d", 100, "--params", "[]"]  # 800 calls: 20 ms of work at least
BEGIN_S = 0.7  # until the attack has got going
IO_THREAD = "io-0"
# An attack gets at most half. The rest is the client's, but for what the thread spends between the two, such as the kernel's
# work in interrupts.
GOAL = Goal(">=", 0.5)


def thread_use(target, seconds, starving=True):
    """What handlers of a client's calls took of the I/O thread's CPU time, and that time, as a share of the time passed."""
    server = target.server
    with load.started(target.bench, server.address("unix"), "bench.spin_inline", ALWAYS_BUSY, seconds, starving=starving) as report:
        time.sleep(seconds * load.WARM_UP)
        before = server.cpu_seconds(IO_THREAD)
        time.sleep(seconds)
        taken = server.cpu_seconds(IO_THREAD) - before
        return report()["results"] * SPIN_US / 1e6 / taken, taken / seconds


def beside_an_equal(bench):
    """The same client twice: what the row can tell, beside a peer that does not attack."""
    seconds = bench.seconds
    with attacked(bench, more=BACKEND) as target:
        alone, _ = thread_use(target, seconds, starving=False)
        with load.started(bench, target.server.address(), "bench.spin_inline", ALWAYS_BUSY, 2 * seconds + 1) as equal:
            time.sleep(0.5 * seconds + 0.5)
            beside, _ = thread_use(target, seconds)
            equal()
    return beside / alone


def beside(bench, name):
    """The client's share beside an attack, and the share of its core that the I/O thread used."""
    with attacked(bench, more=BACKEND) as target:
        alone, _ = thread_use(target, bench.seconds, starving=False)
        with target.attack(name, 2 * bench.seconds + BEGIN_S + 1):
            time.sleep(BEGIN_S)
            share, used = thread_use(target, bench.seconds)
    return share / alone, used


def measure(bench):
    raise_priority()
    yield Line("share", "an equal peer: a busy client beside it", "of alone", [beside_an_equal(bench) for _ in range(bench.rounds)])
    for name in ATTACKS:
        shares, used = zip(*(beside(bench, name) for _ in range(bench.rounds)))
        yield Line("share", f"{name}: a busy client beside it", "of alone", list(shares), goal=GOAL)
        yield Line("share", f"{name}: the I/O thread meanwhile", "of a core", list(used))


ROWS = {"share": measure}
