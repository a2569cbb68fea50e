#!/usr/bin/env python3
"""Runs all black-box tests, and those with real clients and servers, several classes of them at a time.

    SLUICED=build/release/bin/sluiced tests/blackbox/run.py [--jobs N] [--smoke] [PATTERN...]

A PATTERN selects the files whose path contains it; --smoke the classes that smoke.txt names. Prints what failed
and last `N passed, N failed`.

A single test that failed runs once more, alone: beside others, on a busy machine, time limits of a test may be too short.
If it passes then, it is printed as unsteady and has to be mended. A crash, a sanitizer's complaint or a test that hangs
counts at once.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = HERE.parent / "clients"
INTEROP = HERE.parent / "interop"
SLOW = 5 if os.environ.get("SLUICE_SLOW", "0") not in ("", "0") else 1
TEST_SECONDS_MAX = 60 * SLOW
CLASS_SECONDS_MAX = 120 * SLOW
JOBS = 3 if SLOW == 1 else 6  # tests mostly wait, those of slow programs all the more
SMOKE_JOBS = 5  # none of these fills the machine
SECOND_RUNS_MAX = 1  # more failures at once have another cause than load
COUNTS_AT_ONCE = re.compile(r"Sanitizer|runtime error:|terminate called|Assertion .* failed"
                            r"|exit code -?\d+ after SIGTERM|died with|took over")


class TookTooLong(Exception):
    pass


def end_hanging_test(*_):
    raise TookTooLong(f"the test took over {TEST_SECONDS_MAX} s")


class Recorder(unittest.TextTestResult):
    """Gives each test a limit of its own, so that one that hangs is the one that fails."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.passed = []
        self.seconds = {}

    def startTest(self, test):
        self._began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS_MAX)
        super().startTest(test)

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.seconds[test.id()] = time.monotonic() - self._began
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.append(test.id())


def loaded(name):
    return unittest.defaultTestLoader.loadTestsFromName(name)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def classes_of(path):
    """The names of a file's classes of tests, those with the most tests first; of the file where it can't be loaded."""
    counts = collections.Counter(type(test) for test in tests_of(loaded(path.stem)))
    if any(each.__module__ != path.stem for each in counts):
        return [path.stem]
    return [f"{path.stem}.{each.__qualname__}" for each, _ in counts.most_common()]


def smoke_classes():
    lines = (HERE / "smoke.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def run_class(name, report):
    """In a process of its own: runs one class's tests and writes what became of them."""
    signal.signal(signal.SIGALRM, end_hanging_test)
    suite = loaded(name)
    result = unittest.TextTestRunner(stream=open(os.devnull, "w"), resultclass=Recorder).run(suite)
    failed = {}  # subtests and cleanups of one test count once
    for test, text in [*result.failures, *result.errors, *((test, "passed unexpectedly") for test in result.unexpectedSuccesses)]:
        whole = getattr(test, "test_case", test)
        part = test.id().removeprefix(whole.id()).strip()
        failed[whole.id()] = failed.get(whole.id(), "") + (f"{part}\n" if part else "") + text
    report.write_text(json.dumps({
        "passed": sum(1 for name in result.passed if name not in failed),
        "failed": sorted(failed.items()),
        "skipped": [[test.id(), reason] for test, reason in result.skipped],
        "seconds": result.seconds,
    }))


def run_in_process(path, name):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-run-") as directory:
        report = pathlib.Path(directory) / "report.json"
        try:
            done = subprocess.run([sys.executable, __file__, "--class", name, "--report", str(report)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=CLASS_SECONDS_MAX)
            outcome = json.loads(report.read_text())
        except subprocess.TimeoutExpired:
            outcome = {"passed": 0, "failed": [[name, f"took over {CLASS_SECONDS_MAX} s\n"]], "skipped": [], "seconds": {}}
        except FileNotFoundError:
            outcome = {"passed": 0, "failed": [[name, done.stdout]], "skipped": [], "seconds": {}}
    return f"{path.parent.name}/{name}", time.monotonic() - began, outcome


def run_again(files, failed):
    """Runs tests that failed once more, one at a time: those that fail again, and those that pass now."""
    if len(failed) > SECOND_RUNS_MAX:
        return failed, []
    again, unsteady = [], []
    for name, text in failed:
        path = next((path for path in files if name.startswith(f"{path.stem}.")), None)
        if not path or COUNTS_AT_ONCE.search(text):
            again.append([name, text])
            continue
        _, _, outcome = run_in_process(path, name)
        if outcome["failed"]:
            again.append([name, f"{text.rstrip()}\n\nand alone:\n{outcome['failed'][0][1]}"])
        elif not outcome["passed"]:  # it was skipped
            again.append([name, text])
        else:
            unsteady.append([name, text])
    return again, unsteady


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("patterns", nargs="*")
    arguments.add_argument("--jobs", type=int)
    arguments.add_argument("--smoke", action="store_true", help="the classes that smoke.txt names")
    arguments.add_argument("--slowest", type=int, default=0, help="show the N slowest tests")
    arguments.add_argument("--class", dest="name", help=argparse.SUPPRESS)
    arguments.add_argument("--report", type=pathlib.Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    sys.path[:0] = [str(HERE), str(CLIENTS), str(INTEROP)]
    if options.name:
        return run_class(options.name, options.report)

    files = sorted([path for folder in (HERE, CLIENTS, INTEROP) for path in folder.glob("test_*.py")],
                   key=lambda path: -path.stat().st_size)  # the longest first
    if options.patterns:
        files = [path for path in files if any(pattern in str(path) for pattern in options.patterns)]
    chosen = [(path, name) for path in files for name in classes_of(path)]
    if options.smoke:
        smoke = set(smoke_classes())
        chosen = [each for each in chosen if each[1] in smoke]
    passed, failed, skipped, seconds = 0, [], [], {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs or (SMOKE_JOBS if options.smoke else JOBS)) as pool:
        running = [pool.submit(run_in_process, *each) for each in chosen]
        for done in concurrent.futures.as_completed(running):
            what, took, outcome = done.result()
            print(f"{what}: {outcome['passed']} passed, {len(outcome['failed'])} failed"
                  + (f", {len(outcome['skipped'])} skipped" if outcome["skipped"] else "") + f" ({took:.1f} s)", flush=True)
            passed += outcome["passed"]
            failed += outcome["failed"]
            skipped += outcome["skipped"]
            seconds.update(outcome["seconds"])
    failed, unsteady = run_again(files, failed)
    passed += len(unsteady)
    for name, reason in skipped:
        print(f"\nskipped: {name}: {reason}")
    for name, text in unsteady:
        print(f"\nunsteady, passed alone: {name}\n{text.rstrip()}")
    for name, text in failed:
        print(f"\n--- {name}\n{text.rstrip()}")
    for name in sorted(seconds, key=seconds.get, reverse=True)[:options.slowest]:
        print(f"{seconds[name]:8.2f} s  {name}")
    print(f"\n{passed} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
