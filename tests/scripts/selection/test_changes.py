#!/usr/bin/env python3
"""Selection of the tests that a change needs: rules, the plan of a change, and tests/run.sh --changed in a checkout."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import changes
import plan
import rules

ROOT = changes.ROOT
TEXTS = {
    "lib/base/text.hpp": "#pragma once\n",
    "lib/base/text.cpp": '#include "lib/base/text.hpp"\n',
    "lib/loop/loop.hpp": '#include "lib/base/text.hpp"\n',
    "lib/loop/loop.cpp": '#include "lib/loop/loop.hpp"\n',
    "lib/worker/pool.cpp": "#include <vector>\n",
    "lib/include/sluice/server.hpp": "#pragma once\n",
    "lib/server/server.cpp": "#include <sluice/server.hpp>\n",
    "tests/lib/loop/loop_test.cpp": '#include "lib/loop/loop.hpp"\n',
    "cli/main.cpp": '#include "lib/base/text.hpp"\n',
}
FOLDERS = {"base", "loop", "worker", "server", "proto", "daemon", "cli"}


def tracked():
    return [path for path in changes.git(ROOT, "ls-files", "-z").split("\0") if path]


class Rules(unittest.TestCase):
    def test_each_file_of_the_repository_has_a_rule(self):
        self.assertEqual([path for path in tracked() if not rules.asked_for(path)], [])

    def test_each_pattern_matches_a_file(self):
        paths = tracked()
        for patterns, _ in rules.RULES:
            for pattern in patterns.split():
                with self.subTest(pattern):
                    self.assertTrue(any(rules.matches(path, pattern.removeprefix("!")) for path in paths))

    def test_what_is_asked_for_exists(self):
        steps = {path.stem for path in (ROOT / "tests/scripts/steps").glob("*.sh")}
        for _, asked in (*rules.RULES, ("", " ".join(rules.ALWAYS + rules.UNKNOWN))):
            for what in asked.split():
                with self.subTest(what):
                    self.assertIn(what.partition(":")[0], steps | {*plan.PARTS, "unit", "blackbox"})

    def test_folders_with_unit_tests_are_those_of_the_build(self):
        folders = changes.unit_folders(ROOT)
        self.assertLessEqual({"loop", "worker", "rpc", "transport", "proto", "cli", "daemon"}, folders)


class Plan(unittest.TestCase):
    def plan(self, *changed, gone=()):
        steps, parts = plan.plan(changed, TEXTS, FOLDERS, gone)
        return steps, set(parts)

    def test_no_change_asks_for_nothing(self):
        self.assertEqual(self.plan(), (set(), set()))

    def test_a_source_asks_for_the_unit_tests_of_its_folder_and_the_smoke_tests(self):
        steps, parts = self.plan("lib/worker/pool.cpp")
        self.assertEqual(parts, {"unit:worker", "smoke"})
        self.assertEqual(steps, {"source", "format", "tidy", "documents", "dev"})

    def test_a_header_asks_for_the_unit_tests_of_all_folders_that_include_it(self):
        _, parts = self.plan("lib/base/text.hpp")
        self.assertEqual(parts, {"unit:base", "unit:loop", "unit:cli", "smoke"})

    def test_a_public_header_is_found_by_its_name_for_users(self):
        _, parts = self.plan("lib/include/sluice/server.hpp")
        self.assertEqual(parts, {"unit:server", "smoke", "examples"})

    def test_a_file_that_is_gone_asks_for_what_its_folder_has(self):
        _, parts = self.plan("lib/loop/gone.cpp")
        self.assertEqual(parts, {"unit:loop", "smoke"})

    def test_a_unit_test_asks_for_its_folder_only(self):
        self.assertEqual(self.plan("tests/lib/loop/loop_test.cpp"), ({"source", "format", "dev"}, {"unit:loop"}))

    def test_a_document_asks_for_no_build_of_the_tests(self):
        self.assertEqual(self.plan("docs/how-to/observe.md"), ({"source", "documents"}, set()))

    def test_a_black_box_test_asks_for_itself(self):
        self.assertEqual(self.plan("tests/blackbox/test_window.py"), ({"source", "dev"}, {"blackbox:test_window"}))

    def test_a_black_box_test_that_is_gone_asks_for_nothing(self):
        path = "tests/blackbox/test_window.py"
        self.assertEqual(self.plan(path, gone={path}), ({"source"}, set()))

    def test_a_helper_of_the_black_box_tests_asks_for_the_smoke_tests(self):
        self.assertEqual(self.plan("tests/blackbox/daemon.py"), ({"source", "dev"}, {"smoke"}))

    def test_the_command_line_has_its_own_tests(self):
        _, parts = self.plan("cli/main.cpp")
        self.assertEqual(parts, {"unit:cli", "cli", "blackbox:test_cli_events", "blackbox:test_cli_subscribe",
                                 "blackbox:test_cli_transports"})

    def test_what_all_unit_tests_share_asks_for_all_of_them(self):
        _, parts = self.plan("tests/support/test_server.hpp", "lib/worker/pool.cpp")
        self.assertEqual(parts, {"units", "smoke"})

    def test_a_step_asks_for_itself(self):
        self.assertEqual(self.plan("tests/scripts/steps/fuzz.sh"), ({"source", "fuzz"}, set()))

    def test_a_file_without_a_rule_asks_for_all_that_is_quick(self):
        self.assertEqual(self.plan("new/thing.txt"), ({"source", "documents", "dev"}, {"units", "smoke"}))


class Checkout(unittest.TestCase):
    """A repository of its own, with steps that only say that they ran."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.git("init", "-q", "-b", "main")
        for name in ("tests/run.sh", "tests/scripts/counts.sh"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        shutil.copytree(ROOT / "tests/scripts/selection", self.root / "tests/scripts/selection",
                        ignore=shutil.ignore_patterns("__pycache__"))
        for step in (ROOT / "tests/scripts/steps").glob("*.sh"):
            self.write(f"tests/scripts/steps/{step.name}", '#!/bin/sh\n# a step\necho "passed 1" >>"$SLUICE_COUNTS"\n')
            (self.root / "tests/scripts/steps" / step.name).chmod(0o755)
        self.write(".gitignore", "build/\n")
        self.write("lib/loop/loop.cpp", "int a;\n")
        self.write("tests/lib/loop/loop_test.cpp", "int a;\n")
        self.write("README.md", "text\n")
        self.commit()
        self.git("checkout", "-q", "-b", "work")

    def git(self, *arguments):
        subprocess.run(["git", "-C", self.root, *arguments], check=True, capture_output=True)

    def commit(self):
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "a change")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def changed(self, base=None):
        return changes.changed_files(self.root, changes.base_of(self.root, base))

    def run_changed(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        done = subprocess.run([self.root / "tests/run.sh", "--changed", *arguments], capture_output=True, text=True,
                              env=environment, timeout=60)
        return done.returncode, done.stdout, re.findall(r"^([a-z]+) +1 passed, 0 failed", done.stdout, re.MULTILINE)

    def test_commits_of_the_branch_and_what_is_not_committed_count(self):
        self.write("lib/loop/loop.cpp", "int b;\n")
        self.commit()
        self.write("README.md", "other text\n")
        self.write("lib/loop/new.cpp", "int c;\n")
        self.assertEqual(self.changed(), ["README.md", "lib/loop/loop.cpp", "lib/loop/new.cpp"])
        self.assertEqual(self.changed("HEAD"), ["README.md", "lib/loop/new.cpp"])

    def test_commits_that_main_got_meanwhile_do_not_count(self):
        self.git("checkout", "-q", "main")
        self.write("README.md", "text of others\n")
        self.commit()
        self.git("checkout", "-q", "work")
        self.assertEqual(self.changed(), [])

    def test_both_names_of_a_file_that_moved_count(self):
        self.git("mv", "lib/loop/loop.cpp", "lib/loop/moved.cpp")
        self.assertEqual(self.changed(), ["lib/loop/loop.cpp", "lib/loop/moved.cpp"])

    def test_run_sh_runs_the_steps_of_the_change_in_order(self):
        self.write("lib/loop/loop.cpp", "int b;\n")
        code, output, steps = self.run_changed()
        self.assertEqual((code, steps), (0, ["source", "format", "dev", "tidy", "documents"]), output)
        self.assertRegex(output, r"^1 files differ from \w{10}: source .* \(smoke unit:loop\)\n")
        self.assertEqual(output.splitlines()[-1], "5 passed, 0 failed")

    def test_run_sh_takes_another_commit_to_compare_with(self):
        self.write("lib/loop/loop.cpp", "int b;\n")
        self.commit()
        self.write("README.md", "other text\n")
        self.assertEqual(self.run_changed("HEAD")[2], ["source", "documents"])

    def test_run_sh_without_a_change_runs_nothing_and_succeeds(self):
        code, output, steps = self.run_changed()
        self.assertEqual((code, steps), (0, []), output)
        self.assertIn("nothing to run", output)

    def test_run_sh_refuses_a_commit_that_is_not_there(self):
        self.assertEqual(self.run_changed("no-such-commit")[0], 2)


class Smoke(unittest.TestCase):
    def test_each_file_of_black_box_tests_has_a_quick_class_or_is_named_as_too_slow(self):
        lines = [line for line in (ROOT / "tests/blackbox/smoke.txt").read_text().splitlines() if line]
        slow = {line.removeprefix("# slow: ") for line in lines if line.startswith("# slow: ")}
        chosen = [line for line in lines if not line.startswith("#")]
        files = {path.stem: path.read_text() for path in (ROOT / "tests/blackbox").glob("test_*.py")}
        for line in chosen:
            file, _, name = line.partition(".")
            with self.subTest(line):
                self.assertRegex(files[file], rf"(?m)^class {name}\(")
        self.assertEqual({line.partition(".")[0] for line in chosen} | slow, set(files))


if __name__ == "__main__":
    unittest.main()
