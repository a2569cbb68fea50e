"""The reference pages list what the programs have: metrics, error codes, commands and options."""

import os
import re
import subprocess
import unittest

from documents import ROOT

LIMIT_S = 30


def page(name):
    return (ROOT / "docs/reference" / name).read_text(encoding="utf-8")


def source(folder, name):
    file, = (ROOT / folder).rglob(name)
    return file.read_text(encoding="utf-8")


def code_words(text):
    """The words in inline code."""
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"[\w-]+", code)}


def help_of(*command):
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    return done.stdout


class Metrics(unittest.TestCase):
    def test_every_metric_is_listed_and_no_other(self):
        names = r"\b(?:sluice|process)_\w+"
        there = set(re.findall(f'"({names})"', source("lib", "exposition.cpp")))
        self.assertTrue(there)
        self.assertEqual(set(re.findall(names, page("metrics.md"))), there)

    def test_every_value_of_a_label_is_listed(self):
        lists = re.findall(r"kNames = \{(.*?)\};", source("lib", "metrics.cpp"), re.DOTALL)
        values = {value for text in lists for value in re.findall(r'"(\w+)"', text)}
        self.assertGreater(len(values), 20)
        self.assertLessEqual(values, code_words(page("metrics.md")))


class Errors(unittest.TestCase):
    def test_every_code_is_listed_and_no_other(self):
        there = set(re.findall(r"= (-32\d{3})\b", source("proto", "error.hpp")))
        self.assertTrue(there)
        table = "".join(line for line in page("errors.md").splitlines() if line.startswith("| -"))
        self.assertEqual(set(re.findall(r"-32\d{3}", table)), there)

    def test_every_reason_is_listed(self):
        text = source("proto", "error.cpp")
        reasons = set(re.findall(r'ErrorCode::\w+,\s*"[^"]*",\s*"(\w+)"', text)) | set(re.findall(r'return "(\w+)";', text))
        self.assertGreater(len(reasons), 15)
        self.assertLessEqual(reasons, code_words(page("errors.md")))


class CommandLines(unittest.TestCase):
    def test_every_option_of_the_daemon_is_listed(self):
        options = re.findall(r"^  (?:-\w,)?(--\w[\w-]*)", help_of(os.environ["SLUICED"]), re.MULTILINE)
        self.assertIn("--check", options)
        self.assertLessEqual(set(options), code_words(page("cli.md")))

    def test_every_command_and_its_options_are_listed(self):
        commands = re.findall(r"^  (\w+)  ", help_of(os.environ["SLUICE"]).partition("Subcommands:")[2], re.MULTILINE)
        self.assertIn("call", commands)
        listed = code_words(page("cli.md"))
        self.assertLessEqual(set(commands), listed)
        for command in commands:
            options = re.findall(r"^  (?:-\w,)?(--\w[\w-]*)", help_of(os.environ["SLUICE"], command), re.MULTILINE)
            with self.subTest(command):
                self.assertLessEqual(set(options) - {"--help"}, listed)


if __name__ == "__main__":
    unittest.main()
