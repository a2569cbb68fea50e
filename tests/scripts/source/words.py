"""Words that the project no longer uses: words.txt, with today's counts in words.baseline."""

import os
import re
from collections import Counter

WORDS = "tests/scripts/source/words.txt"
BASELINE = "tests/scripts/source/words.baseline"
# Texts that are not the project's own, that list the words themselves, or that keep old names on record.
EXEMPT = ("LICENSE", "CHANGELOG.md", "docs/explanation/glossary.md", "docs/plots/", "tests/clients/package-lock.json",
          "tests/fuzz/corpus/", "tests/scripts/source/")
# Between the words of a name: `TurnEnd` and `kTurnEnd` become `turn end`, as `turn_end` does.
CASE_CHANGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Python's value: `if found is None` and `assertIsNone` are code, "of which there is none" is prose.
NONE = re.compile(r"(?:\b|(?<=Is))None\b")


class Words:
    def __init__(self, text):
        allowed, phrases, names = [], {}, {}
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("!"):
                allowed.append(line[1:].strip())
                continue
            terms, instead = re.split(r"\s{2,}", line.strip(), maxsplit=1)
            for term in terms.split(", "):
                if term.startswith("`"):
                    names[term.strip("`")] = instead
                else:
                    phrases[term] = instead
        self.instead = phrases | names
        # A longer alternative goes first: an allowed phrase is matched, and so skipped, as a whole.
        self._allowed = frozenset(allowed)
        self._phrase = _any_of([*allowed, *phrases], "(?:", ")", edge=r"\b")
        self._name = _any_of(names, r"(?<![A-Za-z0-9_])(?:", r")")
        self._quick = _any_of({phrase.split()[-1] for phrase in phrases}, "(?:", ")")

    def found(self, text):
        """Pairs of line number and term."""
        for number, line in enumerate(text.splitlines(), start=1):
            for match in self._name.finditer(line):
                name = match[0]
                if name.endswith("(") or not re.match(r"[A-Za-z0-9_]", line[match.end():match.end() + 1]):
                    yield number, name
            if not self._quick.search(line.lower()):
                continue
            plain = CASE_CHANGE.sub(" ", NONE.sub("null", line)).replace("_", " ").lower()
            for match in self._phrase.finditer(plain):
                if match[0] not in self._allowed:
                    yield number, match[0]


def _any_of(terms, before, after, edge=""):
    """`edge` stands before and behind a term, but not next to a sign such as a quote."""
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile(before + "|".join(_at_edges(term, edge) for term in longest_first) + after)


def _at_edges(term, edge):
    return (edge if term[0].isalnum() else "") + re.escape(term) + (edge if term[-1].isalnum() else "")


def read(root):
    with open(os.path.join(root, WORDS), encoding="utf-8") as file:
        return Words(file.read())


def occurrences(tree, words):
    """Line numbers and terms of each file that has any."""
    result = {}
    for path, text in tree.texts.items():
        if not path.startswith(EXEMPT):
            found = list(words.found(text))
            if found:
                result[path] = found
    return result


def counts(found):
    return {path: len(terms) for path, terms in found.items()}


def totals(found):
    return Counter(term for terms in found.values() for _, term in terms)
