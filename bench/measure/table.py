"""Lines as a table for people and as JSON for programs."""

import datetime
import json
import os
import platform

HEADINGS = ("row", "server", "median", "unit", "spread", "ratio", "to", "goal", "met")
LEFT = {"row", "server", "unit", "to", "goal", "met"}


def number(value):
    """Three digits that mean something, and all of what is large."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells(line):
    met = {None: "", True: "yes", False: "NO"}[line.met()]
    goal = line.goal.text() if line.goal else ""
    ratio = f"{line.ratio():.3f}" if line.ratios else ""
    spread = f"{number(min(line.values))}..{number(max(line.values))}" if len(line.values) > 1 else ""
    return (line.row, line.server, number(line.median()), line.unit, spread, ratio, line.reference, goal, met)


def circumstances(bench, commit):
    """The circumstances that the figures depend on, in a line."""
    load = os.getloadavg()[0]
    return (f"{bench.rounds} rounds of {bench.seconds:g} s on {processor()}, commit {commit or 'unknown'}, load average "
            f"{load:.2f} at the beginning")


def as_text(lines):
    rows = [HEADINGS, *map(cells, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]

    def padded(row):
        return "  ".join(cell.ljust(width) if heading in LEFT else cell.rjust(width)
                         for cell, width, heading in zip(row, widths, HEADINGS)).rstrip()

    return "\n".join(map(padded, rows))


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), platform.machine())


def as_json(bench, lines, skipped, failed):
    result = {
        "taken": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "kernel": platform.release(),
        "rounds": bench.rounds,
        "seconds": bench.seconds,
        "server_cores": sorted(bench.server_cores),
        "load_cores": sorted(bench.load_cores),
        "lines": [line.as_json() for line in lines],
        "skipped": skipped,
        "failed": failed,
    }
    return json.dumps(result, indent=1) + "\n"
