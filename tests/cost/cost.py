"""Costs of a call, counted rather than timed, against the figures on record.

    cost.py            compares; ends with `N passed, N failed`
    cost.py --record   writes tests/cost/recorded.json again

Instructions are those of the daemon's own program (callgrind); system calls are its threads' (strace). Each
is the difference of a long and a short run, so that start and stop do not count. Without busy polling, which makes
system calls as often as there is time for. The daemon's clock is as slow as the daemon is meanwhile (slow_clock.c).
SLUICED is the release build.
"""

import collections
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))

from support.daemon import Connection, Daemon, eventually, message  # noqa: E402

RECORD = HERE / "recorded.json"
TOLERANCE = 0.05
INSTRUCTIONS_TOLERANCE = 0.03
SYSTEM_CALL_SLACK = 0.04  # a call's share of a wake-up more or less is chance
CHANCE = 1.5  # the scheduler decides how often two threads that wake each other have to wait
CHANCE_OF_INSTRUCTIONS = 0.1  # and with one call at a time so is how often they look for each other
TRIES = 3  # what chance adds on a busy machine it does not add each time; what the code adds it does
PARAMS = {"text": "x" * 88}  # about 100 bytes
Load = collections.namedtuple("Load", "connections depth short long")
LOADS = {"W1": Load(1, 1, 200, 2200), "W2": Load(64, 1, 5, 55), "W3": Load(64, 16, 1, 6)}
METHODS = ("demo.echo_inline", "demo.echo")


def drive(daemon, load, method, rounds):
    """Each connection sends `depth` calls at once and reads their answers, `rounds` times. All connections
    send before any reads."""
    peers = [Connection(daemon.tcp()) for _ in range(load.connections)]
    burst = "".join(message(method, PARAMS, id) + "\n" for id in range(load.depth)).encode()
    for _ in range(rounds):
        for peer in peers:
            peer.send(burst)
        for peer in peers:
            for _ in range(load.depth):
                peer.receive_text(60)
    for peer in peers:
        peer.close()


def run_under(prefix, load, method, rounds):
    daemon = Daemon(prefix=prefix, arguments=["--demo"],
                    server={"workers": 1, "io_threads": 1, "busy_poll": False})
    try:
        daemon.start()
        drive(daemon, load, method, rounds)
    finally:
        daemon.close()


def own_instructions(path):
    """Instructions of the daemon's own program in a callgrind profile, what it called elsewhere left out."""
    names, own, total, skip = {}, False, 0, False
    for line in path.read_text().splitlines():
        if found := re.match(r"ob=\((\d+)\)(?: (.*))?", line):
            names.setdefault(found[1], found[2])
            own = names[found[1]].endswith("/sluiced")
        elif line.startswith("calls="):
            skip = True  # the next line is the callee's cost
        elif re.match(r"[+\-*\d]", line):
            if own and not skip:
                total += int(line.split()[1])
            skip = False
        elif found := re.match(r"cob=\((\d+)\)(?: (.*))?", line):
            names.setdefault(found[1], found[2])
    return total


def system_calls(path):
    return sum(int(found[1]) for found in re.finditer(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*$", path.read_text(), re.M)
               if not found[0].rstrip().endswith("total"))


def slow_clock(directory):
    """A library that slows the daemon's clock down as callgrind slows the daemon down."""
    library = pathlib.Path(directory) / "slow_clock.so"
    if not library.exists():
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "slow_clock.c"], check=True)
    return library


def measured(prefix, read, load, method):
    """Cost of one call: what more rounds cost more."""
    costs = []
    with tempfile.TemporaryDirectory(prefix="sluice-cost-") as directory:
        for rounds in (load.short, load.long):
            out = pathlib.Path(directory) / str(rounds)
            run_under([word.format(out=out, clock=slow_clock(directory)) for word in prefix], load, method, rounds)
            eventually(30, lambda: out.exists() and out.stat().st_size > 0, "the tool has written its figures")
            costs.append(read(out))
    return (costs[1] - costs[0]) / ((load.long - load.short) * load.connections * load.depth)


SLOWLY = ["env", "LD_PRELOAD={clock}"]
CALLGRIND = [*SLOWLY, "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file={out}"]
# The daemon itself is the child, and so gets the signal that ends it.
STRACE = ["strace", "--daemonize", "--follow-forks", "--summary-only", "--output={out}", *SLOWLY]


def figures(load, method):
    return {"instructions": round(measured(CALLGRIND, own_instructions, load, method)),
            "system_calls": round(measured(STRACE, system_calls, load, method), 3)}


def faults(name, found, recorded):
    def bounds(kind):
        if kind == "instructions":
            tolerance = CHANCE_OF_INSTRUCTIONS if name == "W1 demo.echo" else INSTRUCTIONS_TOLERANCE
            return 1 - tolerance, 1 + tolerance, 0
        # Fewer are found where more messages happen to meet.
        return 0, 1 + TOLERANCE if name.endswith("_inline") else CHANCE, SYSTEM_CALL_SLACK

    wrong = []
    for kind, value in found.items():
        low, high, slack = bounds(kind)
        if not recorded[kind] * low - slack <= value <= recorded[kind] * high + slack:
            wrong.append(f"{kind}: {value}, on record {recorded[kind]}")
    return wrong


def main():
    record = {} if "--record" in sys.argv else json.loads(RECORD.read_text())
    result, failed = {}, 0
    for load, method in itertools.product(LOADS, METHODS):
        name = f"{load} {method}"
        for _ in range(TRIES):
            result[name] = found = figures(LOADS[load], method)
            wrong = faults(name, found, record.get(name, found))
            if not wrong:
                break
            print(f"again: {name}: {found} {'; '.join(wrong)}", flush=True)
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok'}: {name}: {found}", flush=True)
    if not record:
        RECORD.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{len(result) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
