"""Counts for tests/run.sh from a test program's output: count_suite.py EXIT_CODE OUTPUT.

Understands a closing line `N passed, N failed[, N skipped]`, Python's unittest and Node's test runner.
Exits 1 where the output has none of them.
"""

import re
import sys

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CLOSING = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")


def closing_line(lines):
    found = next(filter(None, (CLOSING.fullmatch(line) for line in reversed(lines))), None)
    return found and tuple(int(number or 0) for number in found.groups())


def unittest_summary(lines):
    ran = next(filter(None, (re.match(r"Ran (\d+) tests? in ", line) for line in reversed(lines))), None)
    verdict = next((line for line in reversed(lines) if re.match(r"(OK|FAILED)\b", line)), None)
    if not ran or not verdict:
        return None
    counted = {key: int(number) for key, number in re.findall(r"([a-z ]+)=(\d+)", verdict)}
    failed = sum(counted.get(key, 0) for key in ("failures", "errors", "unexpected successes"))
    skipped = counted.get("skipped", 0)
    return max(0, int(ran.group(1)) - failed - skipped), failed, skipped


def node_summary(lines):
    counted = dict(match.groups() for match in (re.match(r"[#ℹ] (pass|fail|skipped) (\d+)$", line) for line in lines) if match)
    if "pass" not in counted or "fail" not in counted:
        return None
    return int(counted["pass"]), int(counted["fail"]), int(counted.get("skipped", 0))


def main():
    code = int(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8", errors="replace") as output:
        lines = [COLOUR.sub("", line).strip() for line in output]
    found = closing_line(lines) or unittest_summary(lines) or node_summary(lines)
    if not found:
        return 1
    passed, failed, skipped = found
    if code and not failed:
        failed = 1  # it counted no failure and yet did not end well
    print(f"passed {passed}\nfailed {failed}")
    if skipped:
        print(f"skipped {skipped} by the suite, see its log")


if __name__ == "__main__":
    sys.exit(main())
