"""The effect of attackers on one client at a time on the same I/O thread, and the memory in use after them."""

import contextlib
import re
import shutil
import subprocess
import sys
import time

from measure import load
from measure.attacks.catalogue import ATTACKS, TAKE_WORKERS
from measure.context import REPO
from measure.figures import Goal, Line
from measure.process import LISTENING, Failure, on_cores
from measure.watch import Health, Watchdog, forget_peak, peak_bytes, raise_priority

NEEDS = ()
ONE_AT_A_TIME = ["-c", 1, "-d", 1]
P99_GOAL, MAX_GOAL = Goal("<=", 20), Goal("<=", 100)  # ms
WATCHDOG_S = 8  # a keep-alive is sent at half of that
WATCHDOG_GOAL = Goal("<=", WATCHDOG_S / 2 + 0.5)
SECONDS_MIN = 2  # of an attack: it has to get going
NEVER = Goal("<=", 0)
RETURN_S, RETURN_GOAL = 10, Goal("<=", 1.2)
PEAK_GOAL = Goal("<=", 1)
MEMORY_BYTES = 256 << 20
METHODS = 2000  # of backends that are never called, for rpc.discover
BACKEND_METHODS = 1000
ADMIN = re.compile(r" admin on tcp://(\S+)")
CALLS_MIN = 200  # for a p99 that means something
QUIET = 19  # the attackers' niceness: the polite client's own waiting for a core is not the server's


def certificate(bench):
    if not shutil.which("openssl"):
        raise Failure("attacks on TLS need the program openssl")
    name = bench.path("pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-keyout", f"{name}.key", "-out", name, "-subj", "/CN=localhost"], check=True, capture_output=True)
    return name


def more_config(pem):
    text = f"""
[[listen]]
address = "tcp://127.0.0.1:0"
tls = {{ certificate = "{pem}", key = "{pem}.key" }}
"""
    for backend in range(METHODS // BACKEND_METHODS):
        methods = ",\n".join(f'"many{backend}.method{number}"' for number in range(BACKEND_METHODS))
        text += f'[[backend]]\nname = "many{backend}"\ncommand = ["cat"]\nstart = "lazy"\nmethods = [{methods}]\n'
    return text


class Attacked:
    """A server with one I/O thread, and where it is attacked."""

    def __init__(self, bench, server, watchdog):
        self.bench, self.server, self.watchdog = bench, server, watchdog
        self.tls = server.until(lambda: self._found(LISTENING, "tcp:")[1:2], "no TLS listener")[0]
        self.admin = server.until(lambda: self._found(ADMIN, ""), "no admin listener")[0]

    def _found(self, pattern, start):
        return [found for found in pattern.findall(self.server.log.read_text(errors="replace")) if found.startswith(start)]

    @contextlib.contextmanager
    def attack(self, name, seconds):
        command = ["nice", "-n", str(QUIET), sys.executable, "-m", "measure.attacks", name, str(seconds),
                   f"tcp={self.server.address()}", f"tls={self.tls}"]
        with on_cores(self.bench.load_cores):
            attacker = subprocess.Popen(command, cwd=REPO / "bench", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        try:
            yield attacker
            if attacker.poll() not in (None, 0):
                raise Failure(f"attack {name}: {attacker.stderr.read()[-500:]}")
        finally:
            attacker.kill()
            attacker.communicate()


@contextlib.contextmanager
def attacked(bench, more="", **server):
    watchdog = Watchdog(bench.path("notify"), WATCHDOG_S)
    try:
        with bench.start_sluiced(environment=watchdog.environment, more=more_config(certificate(bench)) + more, io_threads=1,
                                 workers=4, **server) as process:
            yield Attacked(bench, process, watchdog)
    finally:
        watchdog.close()


def beside(target, name, seconds):
    """p99 and maximum of both methods in ms, failures of /healthz, the watchdog's longest pause."""
    bench, address = target.bench, target.server.address("unix")
    warm_up = seconds * load.WARM_UP
    with target.attack(name, seconds + warm_up + 1):
        time.sleep(min(1.0, seconds / 4))
        target.watchdog.begin()
        with (Health(target.admin) as health, load.started(bench, address, "demo.echo_inline", ONE_AT_A_TIME, seconds, starving=True) as inline,
              load.started(bench, address, "demo.echo", ONE_AT_A_TIME, seconds, starving=True) as pooled):
            reports = inline(), pooled()
        pause = target.watchdog.longest()
    return [figure for report in reports for figure in waited(report, seconds)], health.failures, pause


def waited(report, seconds):
    """p99 and maximum in ms; a call without an answer at the end may have waited for the whole run."""
    p99, longest = (report["latency_us"][what] / 1000 for what in ("p99", "max"))
    if report["unanswered"] or not report["results"]:
        longest = seconds * 1000
    return p99 if report["results"] >= CALLS_MIN else longest, longest


def measure(bench):
    """Attacks can leave much to do behind, so each has a server of its own."""
    raise_priority()
    seconds = max(SECONDS_MIN, bench.seconds)
    for name in ATTACKS:
        latencies, failures, pauses = [], [], []
        for _ in range(min(bench.rounds, 2)):
            with attacked(bench) as target:
                latency, failed, pause = beside(target, name, seconds)
            latencies.append(latency)
            failures.append(failed)
            pauses.append(pause)
        columns = list(zip(*latencies))
        for at, method in enumerate(("inline", "pool")):
            promised = method == "inline" or name not in TAKE_WORKERS
            yield Line("polite", f"{name}: {method} p99", "ms", list(columns[2 * at]), goal=P99_GOAL if promised else None)
            yield Line("polite", f"{name}: {method} max", "ms", list(columns[2 * at + 1]), goal=MAX_GOAL if promised else None)
        yield Line("polite", f"{name}: /healthz not 200", "times", failures, goal=NEVER)
        yield Line("polite", f"{name}: longest watchdog pause", "s", pauses, goal=WATCHDOG_GOAL)


def measure_memory(bench):
    """With max_memory: the peak beside it, and the memory in use 10 s after the attack."""
    seconds = max(SECONDS_MIN, bench.seconds)
    for name in ATTACKS:
        with attacked(bench, max_memory=MEMORY_BYTES) as target:
            server = target.server
            load.run(bench, server.address("unix"), "demo.echo", load.LOADS["W2"], 0.5)
            start = server.resident_bytes()
            forget_peak(server.pid)
            with target.attack(name, seconds + 1):
                time.sleep(seconds)
            peak = peak_bytes(server.pid)
            time.sleep(RETURN_S)
            after = server.resident_bytes()
        yield Line("memory", f"{name}: peak, of max_memory and the start", "share", [peak / (MEMORY_BYTES + start)], goal=PEAK_GOAL)
        yield Line("memory", f"{name}: peak", "MiB", [peak / 2**20])
        yield Line("memory", f"{name}: 10 s after, of the start", "share", [after / start], goal=RETURN_GOAL)


ONE_CLIENTS_QUEUE = ["-c", 1, "-d", 120, "--params", '{"ms":100}']
QUEUED_GOAL = Goal("<=", 150)


def measure_queued(bench):
    """One client's calls of 100 ms wait for four workers; another client's demo.echo behind at most one of them."""
    p99 = []
    with bench.start_sluiced(io_threads=1, workers=4) as server:
        for _ in range(bench.rounds):
            seconds = max(3, bench.seconds)
            with load.started(bench, server.address(), "demo.sleep", ONE_CLIENTS_QUEUE, seconds + 1):
                time.sleep(0.5)
                with load.started(bench, server.address("unix"), "demo.echo", ONE_AT_A_TIME, seconds) as report:
                    p99.append(report()["latency_us"]["p99"] / 1000)
    yield Line("queued", "demo.echo beside a full queue, p99", "ms", p99, goal=QUEUED_GOAL)


ROWS = {"polite": measure, "memory": measure_memory, "queued": measure_queued}
