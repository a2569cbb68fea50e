"""Paths that Markdown files name as code, such as `lib/loop/`, lead somewhere. Links are checked by tests/docs/."""

import posixpath
import re

from sources import Finding

# From the top of the checkout. One with `*` in it stands for several, and is not looked up.
PATH = re.compile(r"`((?:bench|cli|cmake|daemon|deploy|docs|examples|lib|proto|systemd|tests)/[\w./-]*)`")
# Old names on record.
EXEMPT = ("CHANGELOG.md", "docs/explanation/performance-log.md")


def path_findings(tree):
    there = set(tree.texts)
    for path in tree.texts:
        while path := posixpath.dirname(path):
            there.add(path)
    for path, text in tree.texts.items():
        if not path.endswith(".md") or path in EXEMPT:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            for match in PATH.finditer(line):
                target = posixpath.normpath(match[1])
                if target not in there:
                    yield Finding(path, number, f"there is no {target}", "correct the path")
