#!/usr/bin/env python3
"""The plan of tests/run.sh --changed, for the files by which the working tree differs from a commit.

    tests/scripts/selection/changes.py [BASE]    prints `base COMMIT`, `changed N`, `steps STEP...`, `parts PART...`

BASE is where this branch left main, unless it is given. Files that are not committed count, also new ones.
"""

import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

import plan

ROOT = pathlib.Path(__file__).resolve().parents[3]


def git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout


def base_of(root, given=None):
    if given:
        return git(root, "rev-parse", "--verify", "--quiet", f"{given}^{{commit}}").strip()
    for main in ("main", "origin/main", "HEAD"):
        try:
            return git(root, "merge-base", "HEAD", main).strip()
        except subprocess.CalledProcessError:
            continue
    raise SystemExit("no commit to compare with")


def changed_files(root, base):
    """Both names of a file that moved."""
    listed = git(root, "diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", base)
    new = git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return sorted({*listed.split("\0"), *new.split("\0")} - {""})


def cpp_files(root):
    paths = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.cpp", "*.hpp").split("\0")
    return {path: (root / path).read_text(encoding="utf-8", errors="replace")
            for path in paths if path and (root / path).is_file()}


def unit_folders(root):
    """The unit-test programs that tests/CMakeLists.txt defines."""
    lib = {path.relative_to(root / "tests/lib").parts[0] for path in (root / "tests/lib").rglob("*_test.cpp")}
    return lib | {"daemon", "proto", "cli"}


def main():
    try:
        base = base_of(ROOT, *sys.argv[1:2])
    except subprocess.CalledProcessError:
        return f"there is no commit {sys.argv[1]}"
    changed = changed_files(ROOT, base)
    gone = {path for path in changed if not (ROOT / path).exists()}
    steps, parts = plan.plan(changed, cpp_files(ROOT), unit_folders(ROOT), gone)
    print("base", base)
    print("changed", len(changed))
    print("steps", *sorted(steps))
    print("parts", *parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
