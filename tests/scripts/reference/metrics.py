"""Blocks of docs/reference/metrics.md from a daemon's own `/metrics`."""

import re

from blocks import table
from inline import code

# The first whose beginning a family has.
GROUPS = (
    ("process", ("process_", "sluice_build_info")),
    ("backends", ("sluice_backend_", "sluice_breaker_")),
    ("connections", ("sluice_connections", "sluice_received_", "sluice_sent_")),
    ("calls", ("sluice_",)),
)
# Labels whose values are fixed, and are all there from the start.
LISTED = ("reason", "fate", "protocol", "state")
SAMPLE = re.compile(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$")


def families(exposition):
    """Each family by name: (type, help, {label: [values]})."""
    found = {}
    for line in exposition.splitlines():
        if line.startswith("# HELP "):
            name, _, text = line.removeprefix("# HELP ").partition(" ")
            found[name] = ["", text, {}]
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split()
            found[name][0] = kind
        elif line:
            name, labels = SAMPLE.fullmatch(line).groups()
            for label, value in re.findall(r'(\w+)="([^"]*)"', labels or ""):
                values = found[name][2].setdefault(label, [])
                if value not in values:
                    values.append(value)
    return found


def shown(name, labels):
    own = [label for label in labels if label != "le"]
    return code(name + (f"{{{','.join(own)}}}" if own else ""))


def blocks(exposition):
    found = families(exposition)
    made, values = {group: [] for group, _ in GROUPS}, []
    for name, (kind, text, labels) in found.items():
        group = next(group for group, beginnings in GROUPS if name.startswith(beginnings))
        first = text[:1] if text[:2].isupper() else text[:1].lower()
        made[group].append((shown(name, labels), kind, first + text[1:].rstrip(".")))
        values += [(code(name), code(label), ", ".join(map(code, labels[label])))
                   for label in LISTED if label in labels]
    texts = {group: table(("metric", "type", "meaning"), rows) for group, rows in made.items()}
    texts["values of labels"] = table(("metric", "label", "values"), values)
    return texts
