#!/usr/bin/env python3
"""Holds the source against the project's rules: layers, cycles of components, words, lengths of files, paths,
and the type by which functions return errors.

    tests/scripts/source/source_check.py            says what is wrong, as FILE:LINE: WHAT; WHAT TO DO
    tests/scripts/source/source_check.py --update   lowers the baselines and exceptions; raises no count
    tests/scripts/source/source_check.py --rewrite  writes the baselines as things are: after a change of words.txt only
    tests/scripts/source/source_check.py --figures  also says how many exceptions there are, by kind
    tests/scripts/source/source_check.py --words FILE...   each banned word of these files, with what to say instead

The last line is `N passed, N failed`: one check per rule.
"""

import argparse
import os
import subprocess
import sys

sys.dont_write_bytecode = True

import baseline
import error_returns
import includes
import lengths
import paths
import words
from sources import Finding, Tree

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
# Of a file with many, the first that are named; --words names all.
MOST_NAMED = 5


class Check:
    def __init__(self, root):
        self.root = root
        self.tree = Tree.read(root)
        self.includes = includes.includes(self.tree)
        self.layers = includes.read_layers(root)
        self.words = words.read(root)
        self.found_words = words.occurrences(self.tree, self.words)
        self.lengths = lengths.long_files(self.tree)

    def run(self):
        """Findings of each rule."""
        exceptions, unreadable = includes.read_exceptions(self.root)
        layers, self.upward = includes.layer_findings(self.tree, self.includes, self.layers, exceptions)
        cycles, self.cycles = includes.cycle_findings(self.tree, self.includes, exceptions)
        return {
            "exceptions": unreadable,
            "layers": layers,
            "cycles": cycles,
            "words": self._word_findings(),
            "lengths": self._length_findings(),
            "paths": paths.path_findings(self.tree),
            "errors": error_returns.error_return_findings(self.tree),
        }

    def update(self, even_if_higher):
        """Findings about baselines that are left alone, because a count would rise."""
        exceptions, _ = includes.read_exceptions(self.root)
        _, upward = includes.layer_findings(self.tree, self.includes, self.layers, exceptions)
        _, cycles = includes.cycle_findings(self.tree, self.includes, exceptions)
        includes.lower_exceptions(self.root, exceptions, upward, cycles)
        for path, actual in ((words.BASELINE, words.counts(self.found_words)), (lengths.BASELINE, self.lengths)):
            file = os.path.join(self.root, path)
            higher = [] if even_if_higher else baseline.refused(baseline.read(file), actual)
            if higher:
                yield Finding(path, 1, f"the counts of {' '.join(higher)} would rise", "nothing is written to it")
            else:
                baseline.write(file, actual)

    def figures(self):
        self.run()
        total = sum(words.counts(self.found_words).values())
        yield f"{len(self.upward)} includes against the layers, {len(self.cycles)} cycles of components"
        yield f"{total} banned words in {len(self.found_words)} files, {len(self.lengths)} files too long"
        for term, count in words.totals(self.found_words).most_common():
            yield f"{count:6} {term}"

    def name_words(self, paths):
        for path in paths:
            path = os.path.relpath(os.path.realpath(path), self.root)
            for line, term in self.found_words.get(path, ()):
                yield Finding(path, line, f"`{term}`", f"say: {self.words.instead[term]}")

    def _word_findings(self):
        allowed = baseline.read(os.path.join(self.root, words.BASELINE))
        for path, before, now in baseline.differences(allowed, words.counts(self.found_words)):
            if now < before:
                yield Finding(words.BASELINE, self._baseline_line(words.BASELINE, path),
                              f"{path} has {now} banned words, {before} are allowed", "lower the baseline (--update)")
                continue
            found = self._new_first(path)
            for line, term in found[:MOST_NAMED]:
                yield Finding(path, line, f"`{term}` ({now} banned words, {before} allowed)",
                              f"say: {self.words.instead[term]}")
            if len(found) > MOST_NAMED:
                yield Finding(path, found[MOST_NAMED][0], f"and {len(found) - MOST_NAMED} more",
                              f"--words {path} names all")

    def _new_first(self, path):
        """Banned words of a file, those first whose lines are not in the commit that this work started from."""
        before = set(committed_lines(self.root, path))
        lines = self.tree.texts[path].splitlines()
        return sorted(self.found_words[path], key=lambda word: lines[word[0] - 1] in before)

    def _baseline_line(self, file, path):
        return self.tree.line_of(file, "", f" {path}")

    def _length_findings(self):
        allowed = baseline.read(os.path.join(self.root, lengths.BASELINE))
        for path, before, now in baseline.differences(allowed, self.lengths):
            if now < before:
                yield Finding(lengths.BASELINE, self._baseline_line(lengths.BASELINE, path),
                              f"{path} needs {now} lines, {before} are allowed", "lower the baseline (--update)")
            else:
                lines = self.tree.texts[path].count("\n")
                yield Finding(path, lines, f"{lines} lines, {before or lengths.MOST_LINES} are allowed",
                              "split it by what its parts do")


def committed_lines(root, path):
    """The file's lines where this branch left main; none where Git has no such file or branch."""
    def git(*arguments):
        return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, errors="replace").stdout

    base = git("merge-base", "HEAD", "main").strip() or "HEAD"
    return git("show", f"{base}:{path}").splitlines()


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Holds the source against the project's rules.")
    parser.add_argument("--root", default=ROOT, help="the checkout (default: this one)")
    parser.add_argument("--update", action="store_true", help="lower the baselines and exceptions")
    parser.add_argument("--rewrite", action="store_true", help="write the baselines, also if a count rises")
    parser.add_argument("--figures", action="store_true", help="also say what there is, by kind and word")
    parser.add_argument("--words", nargs="+", metavar="FILE", help="name each banned word of these files")
    arguments = parser.parse_args(arguments)
    check = Check(os.path.realpath(arguments.root))
    if arguments.words:
        print(*check.name_words(arguments.words), sep="\n")
        return 0
    if arguments.update or arguments.rewrite:
        for finding in check.update(arguments.rewrite):
            print(finding)
    if arguments.figures:
        print(*check.figures(), sep="\n")
    failed = 0
    rules = check.run()
    for rule, findings in rules.items():
        findings = list(findings)
        failed += bool(findings)
        for finding in findings:
            print(f"{finding} [{rule}]")
    print(f"{len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
