"""The documents of the repository, and the fenced blocks in them."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "daemon", "deploy", "docs", "examples", "lib", "proto", "systemd", "tests")
# ```LANGUAGE ... ``` from the first column on; what stands in the line above it may say how it is tested.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Made by tests/scripts/reference/.
GENERATED = re.compile(r"^<!-- generated: .*?^<!-- end of generated -->$", re.DOTALL | re.MULTILINE)


def documents():
    """Every Markdown file that belongs to the repository."""
    found = list(ROOT.glob("*.md"))
    for folder in FOLDERS:
        found += (path for path in (ROOT / folder).rglob("*.md") if "node_modules" not in path.parts)
    return sorted(found)


def without_blocks(text):
    return BLOCK.sub("", text)


def without_generated(text):
    """The documents that are written by hand."""
    return GENERATED.sub("", text)


class Block:
    """A fenced block: its language, its text, and the paragraph before it."""

    def __init__(self, match):
        self.language, self.text = match.groups()
        self.before = match.string[:match.start()].rstrip("\n").rpartition("\n\n")[2].replace("\n", " ")

    @property
    def file(self):
        """The name that the reader is asked to save it under, if there is one."""
        found = re.search(r"\bas `([\w.]+)`[^`]*:$", self.before)
        return found and found[1]

    @property
    def package(self):
        """The Python or Node.js package without which it can't run, if there is one."""
        found = re.search(r"<!-- run where there is: (.+) -->$", self.before)
        return found and found[1]

    @property
    def reason_not_to_run(self):
        found = re.search(r"<!-- not run: (.+) -->$", self.before)
        return found and found[1]


def blocks(path):
    return [Block(match) for match in BLOCK.finditer(path.read_text(encoding="utf-8"))]
