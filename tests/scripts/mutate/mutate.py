#!/usr/bin/env python3
"""Plants faults in the code, one at a time, and says which of them the tests notice.

    tests/scripts/mutate/mutate.py [--preset dev] [--all-tests] [NAME...]
    tests/scripts/mutate/mutate.py --check

Faults are in mutants.toml beside this file: where, what is replaced by what, and the tests that should notice it. A
NAME selects the faults whose name or file contains it. --check only says which faults no longer match the code.
--all-tests runs all unit and black-box tests where the named ones notice nothing.

It changes files of this tree and restores them, on an interrupt as well. Not part of CI: a run takes an hour or more.
Exit code: 0 all were noticed, 1 some were not, 2 usage or a fault that does not match or compile.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD_LIMIT_S = 1800
UNIT_LIMIT_S = 300
SUITE_LIMIT_S = 1200


def command(words, limit_s, **environment):
    """Whether it ended well, within its limit. What it has started ends with it, also where this program is stopped."""
    process = subprocess.Popen([str(word) for word in words], cwd=ROOT, env={**os.environ, **environment},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        return process.wait(limit_s) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Mutant:
    def __init__(self, entry):
        self.name, self.before, self.after = entry["name"], entry["before"], entry["after"]
        self.path = ROOT / entry["file"]
        self.file = entry["file"]
        self.unit = entry.get("unit")  # a filter of doctest's
        self.suites = entry.get("blackbox", [])  # patterns of tests/blackbox/run.py

    def matches(self):
        # A pattern without tests would fail, and the mutant would count as noticed.
        tests = [str(path) for path in (ROOT / "tests").rglob("test_*.py")]
        named = all(any(pattern in path for path in tests) for pattern in self.suites)
        return named and self.path.exists() and self.path.read_text().count(self.before) == 1

    def __enter__(self):
        self._original = self.path.read_text()
        self.path.write_text(self._original.replace(self.before, self.after))
        return self

    def __exit__(self, *_):
        self.path.write_text(self._original)


class Tree:
    def __init__(self, preset):
        self.build_folder = ROOT / "build" / preset
        self.programs = {"SLUICED": str(self.build_folder / "bin/sluiced"), "SLUICE": str(self.build_folder / "bin/sluice"),
                         "EXAMPLES_DIR": str(self.build_folder / "bin")}

    def build(self):
        targets = ["sluiced", "sluice_cli", "unit_tests"]
        return command(["nice", "cmake", "--build", self.build_folder, "--target", *targets], BUILD_LIMIT_S)

    def units_pass(self, pattern=None):
        only = [f"-tc={pattern}"] if pattern else []
        programs = sorted((self.build_folder / "bin").glob("unit_*"))
        return all(command([program, *only], UNIT_LIMIT_S) for program in programs)

    def suites_pass(self, patterns):
        return command([sys.executable, ROOT / "tests/blackbox/run.py", *patterns], SUITE_LIMIT_S, **self.programs)


def noticed_by(mutant, tree, all_tests):
    """The tests that fail, or None."""
    if mutant.unit and not tree.units_pass(mutant.unit):
        return f"unit {mutant.unit}"
    if mutant.suites and not tree.suites_pass(mutant.suites):
        return f"black box {' '.join(mutant.suites)}"
    if all_tests and not tree.units_pass():
        return "a unit test that was not named"
    if all_tests and not tree.suites_pass([]):
        return "a black-box test that was not named"
    return None


def outcome_of(mutant, tree, all_tests):
    with mutant:
        if not tree.build():
            return "does not compile"
        by = noticed_by(mutant, tree, all_tests)
    return f"noticed by {by}" if by else "SURVIVED"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--all-tests", action="store_true")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def selected(names):
    entries = tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]
    mutants = [Mutant(entry) for entry in entries]
    if names:
        mutants = [each for each in mutants if any(name in each.name or name in each.file for name in names)]
    return mutants


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that files are restored
    mutants = selected(options.names)
    stale = [each for each in mutants if not each.matches()]
    for mutant in stale:
        print(f"does not match the code once, or names tests that are not there: {mutant.name} ({mutant.file})")
    if options.check or stale or not mutants:
        return 2 if stale or not mutants else 0
    tree = Tree(options.preset)
    if not tree.build():
        print("the tree does not build without a fault")
        return 2
    outcomes = []
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        outcomes.append(outcome_of(mutant, tree, options.all_tests))
        print(f"{number}/{len(mutants)} {mutant.name} ({mutant.file}): {outcomes[-1]} ({time.monotonic() - began:.0f} s)", flush=True)
    tree.build()
    noticed = sum(outcome.startswith("noticed") for outcome in outcomes)
    print(f"{noticed} of {len(mutants)} noticed ({100 * noticed / len(mutants):.0f} %)")
    if "does not compile" in outcomes:
        return 2
    return 0 if noticed == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
