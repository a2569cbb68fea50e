"""The measuring suite works: bench/run.sh on programs that are built. It says nothing about how quick they are.
$SLUICED and $SLUICE name the programs, which must be in one folder."""

import json
import os
import pathlib
import subprocess
import sys
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ["SLUICED"]).resolve().parent
RUN_LIMIT_S = 120

sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True
from measure import table  # noqa: E402
from measure.context import config_text  # noqa: E402
from measure.figures import Goal, Line, compared, in_turn  # noqa: E402


def run(*words):
    return subprocess.run([str(ROOT / "bench" / "run.sh"), "--binaries", str(BINARIES), *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)


class Suite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.done = run("--rows", "W2,W2-unix,startup", "--rounds", "2", "--seconds", "1", "--no-peers")
        assert cls.done.returncode == 0, cls.done.stdout + cls.done.stderr
        cls.results = json.loads((ROOT / "build" / "bench" / "results.json").read_text())
        cls.lines = {(line["row"], line["server"]): line for line in cls.results["lines"]}

    def test_every_line_has_positive_figures_of_each_round(self):
        self.assertEqual((2, 1, []), tuple(self.results[key] for key in ("rounds", "seconds", "failed")))
        for key, line in self.lines.items():
            with self.subTest(key):
                self.assertEqual(20 if line["row"] == "startup" else 2, len(line["values"]))
                self.assertTrue(all(value > 0 for value in [line["median"], *line["values"]]))

    def test_servers_are_compared_with_the_raw_echo(self):
        for row in ("W2", "W2-unix"):
            raw = self.lines[row, "raw_echo"]
            self.assertIsNone(raw["ratio"])
            for method in ("demo.echo", "demo.echo_inline"):
                line = self.lines[row, method]
                expected = [own / other for own, other in zip(line["values"], raw["values"])]
                self.assertEqual(expected, line["ratios"])
                self.assertGreater(line["ratio"], 0)

    def test_goals_are_named_and_compared(self):
        line = self.lines["W2", "demo.echo_inline"]
        self.assertEqual((">= 0.95", line["ratio"] >= 0.95), (line["goal"], line["met"]))
        self.assertEqual("< 15", self.lines["startup", "sluiced, to READY"]["goal"])
        for goal in (">= 0.95", ">= 0.8", "<= 2", "< 15"):
            self.assertIn(goal, self.done.stdout)

    def test_what_the_figures_depend_on_is_said(self):
        self.assertRegex(self.done.stdout, r"^2 rounds of 1 s on .+, commit \w+\+?, load average [0-9.]+ at the beginning\n")
        self.assertIn("too short to compare with the goals, which are for 5 rounds of 2 s", self.done.stdout)
        self.assertIn("results.json", self.done.stdout)

    def test_nothing_is_left_running(self):
        ours = str(ROOT / "build" / "bench" / "bin" / "raw_echo").encode()
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended meanwhile
            self.assertNotEqual(ours, words[0])

    def test_unknown_rows_are_refused(self):
        done = run("--rows", "W2,W9")
        self.assertEqual((2, ""), (done.returncode, done.stdout))
        self.assertIn("no row W9", done.stderr)


class Figures(unittest.TestCase):
    def test_a_goal_is_for_the_median_of_ratios_where_there_are_some(self):
        line = compared("r", "s", "u", [10, 20, 90], "other", [10, 40, 100], Goal(">=", 0.9))
        self.assertEqual(([1, 0.5, 0.9], 0.9, True), (line.ratios, line.ratio(), line.met()))
        self.assertFalse(Line("r", "s", "u", [3, 1, 2], goal=Goal("<", 2)).met())
        self.assertIsNone(Line("r", "s", "u", [1]).met())

    def test_contenders_alternate(self):
        order = []
        in_turn(2, {name: lambda name=name: order.append(name) for name in "ab"})
        self.assertEqual(["a", "b", "a", "b"], order)

    def test_the_table_shows_what_was_missed(self):
        text = table.as_text([compared("W2", "own", "calls/s", [1234567], "raw_echo", [2000000], Goal(">=", 0.9))])
        self.assertRegex(text, r"W2 +own +1,234,567 +calls/s +0\.617 +raw_echo +>= 0\.9 +NO")


class Configuration(unittest.TestCase):
    def test_tls_is_for_listeners_on_tcp_alone(self):
        text = config_text(["tcp://127.0.0.1:0", "unix:///tmp/s"], {}, (), '{ certificate = "a", key = "b" }', "")
        listeners = tomllib.loads(text)["listen"]
        self.assertEqual([{"certificate": "a", "key": "b"}, None], [each.get("tls") for each in listeners])
        self.assertNotIn("tls", config_text(["tcp://127.0.0.1:0"], {}, (), "", ""))


if __name__ == "__main__":
    unittest.main()
