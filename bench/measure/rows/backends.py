"""Costs of a call to a child process or another server, and the effect of overload on a slow method."""

import json
import os
import subprocess
import sys
import time

from measure import load
from measure.figures import Goal, Line, compared
from measure.load import Load
from measure.process import on_cores

NEEDS = ()
HANDLER = """import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": call["params"]}), flush=True)
"""
PARAMS = json.dumps({"data": "x" * 80})
LINE = b'{"jsonrpc":"2.0","method":"child.echo","params":%b,"timeout_ms":30000,"id":1}\n' % PARAMS.encode()
DEPTHS = (1, 16)
SPIN_MS = 5
QUIET, TWICE, TENFOLD = 0.7, 2, 10
OVERLOAD_CONNECTIONS = 64


def bare_loop(bench, depth):
    """Calls per second of the handler alone, with `depth` lines in its pipe at once; all on the server's core."""
    with on_cores(bench.server_cores):
        child = subprocess.Popen([sys.executable, "-uc", HANDLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child, on_cores(bench.load_cores):
        calls, end = 0, time.monotonic() + bench.seconds
        while time.monotonic() < end:
            os.write(child.stdin.fileno(), LINE * depth)
            left = depth
            while left:
                left -= os.read(child.stdout.fileno(), 1 << 16).count(b"\n")
            calls += depth
        child.stdin.close()
    return calls / bench.seconds


def child_backend(bench, concurrency):
    program = bench.path("py")
    program.write_text(HANDLER, encoding="utf-8")
    return (f'[[backend]]\nname = "child"\ncommand = ["{sys.executable}", "-u", "{program}"]\nmethods = ["child.*"]\n'
            f"concurrency = {concurrency}\n")


def measure_child(bench):
    for depth in DEPTHS:
        bare, through = [], []
        with bench.start_sluiced(more=child_backend(bench, depth)) as server:
            for _ in range(bench.rounds):
                bare.append(1e6 / bare_loop(bench, depth))
                through.append(1e6 / load.rate(bench, server.address(), "child.echo", Load(1, depth, params=PARAMS)))
        yield Line("child", f"bare loop, {depth} at once", "us/call", bare)
        yield compared("child", f"through sluiced, {depth} at once", "us/call", through, "bare loop", bare, Goal("<", 2))


def cpu_per_call(bench, proxy, address, method):
    """CPU time of `proxy` for each call, in microseconds, and the median of what callers wait."""
    before = proxy.cpu_seconds()
    report = load.run(bench, address, method, load.LOADS["W1"])
    return (proxy.cpu_seconds() - before) / (report["results"] * (1 + load.WARM_UP)) * 1e6, report["latency_us"]["p50"]


def measure_upstream(bench):
    direct, through, cpu, cpu_direct = ([] for _ in range(4))
    with bench.start_sluiced(busy_poll="false") as upstream:
        more = (f'[[backend]]\nname = "far"\nurl = "tcp://{upstream.address().removeprefix("tcp://")}"\n'
                'methods = ["far.*"]\nstrip_prefix = "far."\n')
        with bench.start_sluiced(more=more, busy_poll="false") as server:
            for _ in range(bench.rounds):
                own, waited = cpu_per_call(bench, upstream, upstream.address(), "demo.echo_inline")
                cpu_direct.append(own)
                direct.append(waited)
                own, waited = cpu_per_call(bench, server, server.address(), "far.demo.echo_inline")
                cpu.append(own)
                through.append(waited)
    yield Line("upstream", "one round trip, direct", "us", direct)
    yield compared("upstream", "the same through sluiced", "us", through, "direct", direct)
    extra = [own - base for own, base in zip(cpu, cpu_direct)]
    yield Line("upstream", "CPU beside that of a call of its own", "us/call", extra, goal=Goal("<=", 20))


def offered(bench, server, rate):
    return load.started(bench, server.address(), "demo.spin",
                        ["-c", OVERLOAD_CONNECTIONS, "--rate", max(1, round(rate)), "--params", json.dumps({"ms": SPIN_MS})])


def measure_overload(bench):
    quiet, lines = [], {factor: ([], [], [], []) for factor in (TWICE, TENFOLD)}
    more = "[admission]\nadaptive = true\nmin_limit = 2\n"
    capacity = 1000 / SPIN_MS  # of one worker
    with bench.start_sluiced(more=more, workers=1) as server:
        for _ in range(bench.rounds):
            with offered(bench, server, QUIET * capacity) as report:
                quiet.append(report()["latency_us"]["p99"] / 1000)
            for factor, (goodput, admitted, refused, memory) in lines.items():
                with offered(bench, server, factor * capacity) as report:
                    time.sleep(bench.seconds * (load.WARM_UP + 0.5))
                    middle = server.resident_bytes()
                    result = report()
                goodput.append(result["results_per_s"] / capacity)
                admitted.append(result["latency_us"]["p99"] / 1000)
                refused.append(result["error_latency_us"]["p50"] / 1000)
                memory.append(server.resident_bytes() / middle)
    yield Line("adaptive", f"p99 at {QUIET:.0%} load", "ms", quiet)
    for factor, (goodput, admitted, refused, memory) in lines.items():
        yield Line("adaptive", f"{factor}x: goodput, of the capacity", "share", goodput, goal=Goal(">=", 0.95))
        yield compared("adaptive", f"{factor}x: p99 of the admitted", "ms", admitted, "quiet", quiet, Goal("<=", 3))
        yield Line("adaptive", f"{factor}x: median of the refused", "ms", refused, goal=Goal("<", 1))
        yield Line("adaptive", f"{factor}x: memory, end of middle", "share", memory, goal=Goal("<=", 1.02))


ROWS = {"child": measure_child, "upstream": measure_upstream, "adaptive": measure_overload}
