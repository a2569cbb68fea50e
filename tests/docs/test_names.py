"""Files, classes and functions that the documents name are there: a reader finds each by grep."""

import re
import unittest

from documents import ROOT, documents, without_blocks

SOURCES = ("proto", "lib", "daemon", "cli", "bench", "tests", "examples", "deploy", "systemd", "cmake")
PRODUCT = {"proto", "lib", "daemon", "cli"}
SKIPPED = {"build", "node_modules", "__pycache__", "corpus"}
# The record of experiments has names that no longer exist; the glossary has names that are planned.
EXEMPT = {ROOT / "docs/explanation/performance-log.md", ROOT / "docs/explanation/glossary.md"}
INLINE_CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w/.-]*\w\.(?:hpp|cpp|c|py|sh|json|pml|rules\.yml)")
# Class, Class::member, Class::member(), function(): at least one capital within, or a call.
CLASS = re.compile(r"[A-Z]\w*[a-z]\w*(?:::\w+)?(?:\(\))?")
FUNCTION = re.compile(r"[a-z]\w*\(\)")
# Other projects' names.
FOREIGN = {"fork()", "exec()", "malloc_trim()", "syscall()", "epoll_wait()", "post()"}


def source_files():
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not SKIPPED.intersection(path.relative_to(ROOT).parts):
                yield path


PATHS = sorted(source_files())
NAMES = set()
for source in PATHS:
    if source.suffix in {".cpp", ".hpp"} and source.relative_to(ROOT).parts[0] in PRODUCT:
        NAMES.update(re.findall(r"\w+", source.read_text(encoding="utf-8", errors="replace")))
ENDINGS = {"/".join(path.relative_to(ROOT).parts[start:])
           for path in PATHS for start in range(len(path.relative_to(ROOT).parts))}


def unknown(text):
    """The names in a text's inline code that are not in the tree."""
    for code in INLINE_CODE.findall(text):
        if FILE.fullmatch(code):
            if code not in ENDINGS:
                yield code
        elif (CLASS.fullmatch(code) or FUNCTION.fullmatch(code)) and code not in FOREIGN:
            if not NAMES.issuperset(re.findall(r"\w+", code)):
                yield code


class Names(unittest.TestCase):
    def test_what_the_explanations_name_is_in_the_tree(self):
        for path in documents():
            if path.is_relative_to(ROOT / "docs/explanation") and path not in EXEMPT:
                with self.subTest(document=str(path.relative_to(ROOT))):
                    self.assertEqual(sorted(set(unknown(without_blocks(path.read_text(encoding="utf-8"))))), [])

    def test_a_missing_file_class_and_function_are_found(self):
        self.assertEqual(list(unknown("`io/no_such_file.hpp`, `NoSuchClass::member`, `no_such_function()`, `Error`")),
                         ["io/no_such_file.hpp", "NoSuchClass::member", "no_such_function()"])


if __name__ == "__main__":
    unittest.main()
