"""The reference pages have what the source has. tests/scripts/reference/ makes their tables from running programs."""

import re
import unittest

from documents import ROOT, without_generated


def page(name):
    return (ROOT / "docs/reference" / name).read_text(encoding="utf-8")


def source(folder, name):
    file, = (ROOT / folder).rglob(name)
    return file.read_text(encoding="utf-8")


def code_words(text):
    """The words in inline code."""
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"[\w-]+", code)}


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
    def test_every_reason_is_explained(self):
        text = source("proto", "error.cpp")
        reasons = set(re.findall(r'ErrorCode::\w+,\s*"[^"]*",\s*"(\w+)"', text)) | set(re.findall(r'return "(\w+)";', text))
        self.assertGreater(len(reasons), 15)
        self.assertLessEqual(reasons, code_words(without_generated(page("errors.md"))))


if __name__ == "__main__":
    unittest.main()
