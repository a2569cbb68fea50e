"""The plan for changed files: steps of tests/run.sh, and parts of its step `dev`."""

import pathlib
import posixpath
import re
from collections import defaultdict

import rules

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
PUBLIC = "lib/include"
PARTS = ("units", "smoke", "cli", "examples", "storm")


def unit_of(path, folders):
    """The folder whose unit tests are those of a file: `loop` of lib/loop/ and of tests/lib/loop/; None where there is
    no such program."""
    parts = path.removeprefix("tests/").split("/")
    name = parts[1] if parts[0] == "lib" and len(parts) > 2 else parts[0]
    return name if name in folders else None


def dependents(texts):
    """By header, the files that include it directly."""
    found = defaultdict(set)
    for path, text in texts.items():
        for name in INCLUDE.findall(text):
            for candidate in (posixpath.join(posixpath.dirname(path), name), name, f"{PUBLIC}/{name}"):
                if posixpath.normpath(candidate) in texts:
                    found[posixpath.normpath(candidate)].add(path)
                    break
    return found


def reached(path, including):
    """A file and all that include it, directly or not."""
    seen, ahead = set(), [path]
    while ahead:
        each = ahead.pop()
        if each not in seen:
            seen.add(each)
            ahead += including.get(each, ())
    return seen


def plan(changed, texts, folders, gone=()):
    """(steps, parts of the step dev). `texts` are the C++ files by path, `folders` those that have unit tests, `gone`
    what changed and is no longer there."""
    including = dependents(texts)
    wanted, units, patterns = set(rules.ALWAYS) if changed else set(), set(), set()
    for path in changed:
        asked = rules.asked_for(path) or rules.UNKNOWN
        wanted.update(asked)
        if "unit" in asked:
            units.update(unit_of(each, folders) for each in reached(path, including))
        if "blackbox" in asked and path not in gone:
            patterns.add(pathlib.PurePosixPath(path).stem)
    patterns.update(each.partition(":")[2] for each in wanted if ":" in each)
    parts = [part for part in PARTS if part in wanted]
    if "units" not in wanted:
        parts += [f"unit:{each}" for each in sorted(units - {None})]
    parts += [f"blackbox:{each}" for each in sorted(patterns)]
    steps = {each for each in wanted if ":" not in each} - {*PARTS, "unit", "blackbox"}
    return steps | ({"dev"} if parts else set()), parts
