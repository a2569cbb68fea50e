"""Counts for tests/run.sh from ctest's JUnit report: count_ctest.py REPORT.

A doctest program counts as its test cases, any other program as one.
"""

import re
import sys
import xml.etree.ElementTree

SUMMARY = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*(?:\|\s*(\d+) skipped)?")


def count(case):
    """(passed, failed, skipped) of one ctest test."""
    status = case.get("status")
    if status in ("notrun", "disabled"):
        return (0, 0, 1) if case.find("skipped") is not None else (0, 1, 0)
    output = case.findtext("system-out") or ""
    found = SUMMARY.search(re.sub(r"\x1b\[[0-9;]*m", "", output))
    passed, failed = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if status == "fail":
        return passed, max(failed, 1), 0  # a crash has no summary; a leak comes after one
    return (passed, failed, 0) if passed + failed else (1, 0, 0)


def main():
    cases = list(xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    totals = [sum(column) for column in zip(*map(count, cases))]
    if not cases:
        return 1
    for name, number in zip(("passed", "failed", "skipped"), totals):
        if number:
            print(name, number, *(["by ctest"] if name == "skipped" else []))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        sys.exit(str(error))
