"""Which file includes which, held against layers.toml and exceptions.txt."""

import os
import posixpath
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass

from sources import Finding

LAYERS = "tests/scripts/source/layers.toml"
EXCEPTIONS = "tests/scripts/source/exceptions.txt"
FOLDERS = ("proto", "lib", "daemon", "cli")
PUBLIC = "lib/include"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)


@dataclass(frozen=True)
class Include:
    source: str
    target: str
    line: int


def includes(tree):
    """Includes between files of the tree. Others (system, outside libraries, generated) are left out."""
    files = tree.cpp(*FOLDERS)
    found = []
    for path, text in files.items():
        for match in INCLUDE.finditer(text):
            name = match[1]
            for candidate in (posixpath.join(posixpath.dirname(path), name), name, f"{PUBLIC}/{name}"):
                candidate = posixpath.normpath(candidate)
                if candidate in files:
                    found.append(Include(path, candidate, text.count("\n", 0, match.start()) + 1))
                    break
    return found


# --- Layers


def read_layers(root):
    with open(os.path.join(root, LAYERS), "rb") as file:
        return tomllib.load(file)["may_include"]


def layer_findings(tree, found, layers, exceptions):
    findings = list(_order_findings(tree, layers))
    files = tree.cpp(*FOLDERS)
    for folder in sorted({posixpath.dirname(path) for path in files} - layers.keys()):
        first = min(path for path in files if posixpath.dirname(path) == folder)
        findings.append(Finding(first, 1, f"the folder {folder} has no layer", f"give it one in {LAYERS}"))
    for folder in sorted(layers.keys() - {posixpath.dirname(path) for path in files}):
        findings.append(Finding(LAYERS, tree.line_of(LAYERS, f'"{folder}" ='), f"there is no folder {folder}",
                                "remove it from the list"))
    needed = set()
    for include in found:
        upper, lower = posixpath.dirname(include.source), posixpath.dirname(include.target)
        if upper == lower or upper not in layers or lower in layers[upper]:
            continue
        arrow = (include.source, include.target)
        needed.add(arrow)
        if arrow not in exceptions.arrows:
            findings.append(Finding(
                include.source, include.line, f"{upper} may not include {lower} ({include.target})",
                f"move what it needs to a lower folder; the allowed arrows are in {LAYERS}",
            ))
    for arrow in sorted(exceptions.arrows.keys() - needed):
        findings.append(Finding(
            EXCEPTIONS, exceptions.arrows[arrow], f"the exception {arrow[0]} -> {arrow[1]} is no longer needed",
            "remove it (--update does)",
        ))
    return findings, needed


def _order_findings(tree, layers):
    lower = set()
    for folder, allowed in layers.items():
        for other in allowed:
            if other not in lower:
                yield Finding(LAYERS, tree.line_of(LAYERS, f'"{folder}" ='),
                              f"{folder} -> {other} runs up, or {other} is not listed",
                              "list folders from bottom to top")
        lower.add(folder)


# --- Components: a header and its source


def components(tree, found):
    """Component of each file. A source belongs to the header of its name: beside it, or a public one that it
    includes; a source that is a further part of a class (connection_input.cpp) to the longest such name."""
    files = tree.cpp(*FOLDERS)
    targets = defaultdict(set)
    for include in found:
        targets[include.source].add(include.target)
    of = {}
    for path in files:
        stem, extension = posixpath.splitext(path)
        of[path] = stem
        if extension == ".cpp" and f"{stem}.hpp" not in files:
            of[path] = _header_of(path, targets[path]) or stem
    return of


def _header_of(path, targets):
    name = posixpath.splitext(posixpath.basename(path))[0]
    public = [target for target in targets
              if target.startswith(PUBLIC + "/") and posixpath.basename(target) == f"{name}.hpp"]
    if public:
        return posixpath.splitext(public[0])[0]
    beside = [posixpath.splitext(target)[0] for target in targets
              if posixpath.dirname(target) == posixpath.dirname(path)]
    parts = [stem for stem in beside if name.startswith(posixpath.basename(stem) + "_")]
    return max(parts, key=len, default=None)


def cycles(tree, found):
    """Sets of components that reach each other, each with an include that is part of it."""
    of = components(tree, found)
    edges = defaultdict(set)
    for include in found:
        if of[include.source] != of[include.target]:
            edges[of[include.source]].add(of[include.target])
    result = {}
    for group in _strongly_connected(edges):
        member = min(
            (include for include in found
             if of[include.source] in group and of[include.target] in group
             and of[include.source] != of[include.target]),
            key=lambda include: (include.source, include.line),
        )
        result[group] = member
    return result


def _strongly_connected(edges):
    """Tarjan's algorithm; groups of two and more."""
    order, low, stack, groups = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for following in sorted(edges.get(node, ())):
            if following not in order:
                visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], order[following])
        if low[node] == order[node]:
            group = set()
            while node not in group:
                group.add(stack.pop())
            if len(group) > 1:
                groups.append(frozenset(group))

    for node in sorted(edges):
        if node not in order:
            visit(node)
    return groups


def cycle_findings(tree, found, exceptions):
    actual = cycles(tree, found)
    findings = []
    for group, member in sorted(actual.items(), key=lambda item: item[1].source):
        if group in exceptions.cycles:
            continue
        names = " ".join(sorted(group))
        within = [known for known in exceptions.cycles if group < known]
        if within:
            findings.append(Finding(EXCEPTIONS, exceptions.cycles[within[0]], f"this cycle has shrunk to {names}",
                                    "lower the list (--update does)"))
        else:
            findings.append(Finding(
                member.source, member.line, f"{member.target} closes a cycle of components: {names}",
                f"break it; if a known one only moved or was renamed, change its line in {EXCEPTIONS}",
            ))
    for known, line in sorted(exceptions.cycles.items(), key=lambda item: item[1]):
        if known not in actual and not any(group < known for group in actual):
            findings.append(Finding(EXCEPTIONS, line, f"the cycle of {' '.join(sorted(known))} is gone",
                                    "remove it (--update does)"))
    return findings, actual.keys()


# --- Exceptions: lines `include A -> B: why` and `cycle A B C: why`


@dataclass
class Exceptions:
    arrows: dict  # (source, target): line
    cycles: dict  # frozenset of components: line


def read_exceptions(root):
    """The exceptions, and findings about lines that cannot be read or give no reason."""
    exceptions, findings = Exceptions({}, {}), []
    with open(os.path.join(root, EXCEPTIONS), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            what, _, why = line.partition(": ")
            kind, *names = what.split()
            if not why.strip():
                findings.append(Finding(EXCEPTIONS, number, "an exception without a reason", "write `: ` and why"))
            if kind == "include" and len(names) == 3 and names[1] == "->":
                exceptions.arrows[names[0], names[2]] = number
            elif kind == "cycle" and len(names) > 1:
                exceptions.cycles[frozenset(names)] = number
            else:
                findings.append(Finding(EXCEPTIONS, number, "not an exception",
                                        "write `include A -> B: why` or `cycle A B...: why`"))
    return exceptions, findings


def lower_exceptions(root, exceptions, needed, actual):
    """Removes what is no longer needed, and shrinks cycles that lost members. Adds nothing."""
    path = os.path.join(root, EXCEPTIONS)
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    for arrow, number in exceptions.arrows.items():
        if arrow not in needed:
            lines[number - 1] = ""
    for known, number in exceptions.cycles.items():
        why = lines[number - 1].partition(": ")[2]
        rest = sorted(" ".join(sorted(group)) for group in actual if group <= known)
        lines[number - 1] = "".join(f"cycle {names}: {why}" for names in rest)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)
