"""bench/run.sh: measures rows and prints their table. Exit code: 0 measured, 1 a row could not be, 2 usage.
Goals that are missed are shown and do not count as failures: figures depend on the machine."""

import argparse
import pathlib
import signal
import sys
import tempfile

from measure import build, table
from measure.context import BUILD, Bench
from measure.process import Failure
from measure.rows import NEEDS, QUICK, ROWS

RESULTS = BUILD / "results.json"
SECONDS, QUICK_SECONDS = 2.0, 0.5
ROUNDS, QUICK_ROUNDS = 5, 2


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Measures sluiced. See bench/README.md.")
    parser.add_argument("--quick", action="store_true", help=f"within a minute: {','.join(QUICK)}, two short rounds")
    parser.add_argument("--rounds", type=int, help=f"how often each load is run ({ROUNDS})")
    parser.add_argument("--seconds", type=float, help=f"how long each load is measured ({SECONDS:g})")
    parser.add_argument("--rows", help=f"NAME,NAME of {','.join(ROWS)} (all)")
    parser.add_argument("--no-peers", action="store_true", help="sluice alone, without the likes of Redis")
    parser.add_argument("--binaries", type=pathlib.Path, metavar="DIR", help="holds sluiced and sluice, which are not built then")
    options = parser.parse_args()
    options.rows = options.rows.split(",") if options.rows else list(QUICK if options.quick else ROWS)
    if unknown := [row for row in options.rows if row not in ROWS]:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return options


def build_for(options):
    targets = {"raw_echo", *(target for row in options.rows for target in NEEDS[row])}
    if not options.binaries:
        targets |= {"sluiced", "sluice_cli"}
    print(f"building {', '.join(sorted(targets))} in {BUILD}", file=sys.stderr, flush=True)
    build.configure()
    build.build(sorted(targets))


def measured(bench, rows):
    """Lines of all rows, and what went wrong with those that could not be measured."""
    lines, failed = [], []
    for row in rows:
        print(f"measuring {row}", file=sys.stderr, flush=True)
        try:
            lines += ROWS[row](bench)
        except Failure as failure:
            failed.append(f"{row}: {failure}")
    return lines, failed


def main():
    options = arguments()
    # Handled as an interrupt: every process that was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build_for(options)
    commit = build.commit()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        bench = Bench((options.binaries or BUILD / "bin").resolve(), pathlib.Path(folder), options.rounds, options.seconds,
                      not options.no_peers)
        if bench.server_cores == bench.load_cores:
            bench.skip("a core for the load: this machine has one, so server and load share it")
        circumstances = table.circumstances(bench, commit)
        lines, failed = measured(bench, options.rows)
    RESULTS.write_text(table.as_json(bench, lines, bench.skipped, failed), encoding="utf-8")
    print(circumstances)
    if bench.rounds < ROUNDS or bench.seconds < SECONDS:
        print(f"too short to compare with the goals, which are for {ROUNDS} rounds of {SECONDS:g} s on an idle machine")
    print(table.as_text(lines))
    print(f"all rounds are in {RESULTS}")
    for why in bench.skipped:
        print(f"skipped: {why}")
    for why in failed:
        print(f"FAILED: {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as error:
        sys.exit(f"bench/run.sh: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
