#!/usr/bin/env python3
"""Compares the generated blocks of docs/reference/ with what the programs and the source say.

    tests/scripts/reference/reference.py            compares them
    tests/scripts/reference/reference.py --update   writes them

The programs are $SLUICED and $SLUICE, or else those of the dev build.

Keys of the configuration, options and commands are those of `--help`; metrics those of a daemon's own `/metrics`;
errors those of proto/. The text around the blocks is written by hand. The last line is `N passed, N failed`.
"""

import argparse
import difflib
import os
import pathlib
import sys

sys.dont_write_bytecode = True

import blocks
import command_lines
import configuration
import errors
import metrics
import programs

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs/reference"


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def generated():
    """The content of each page's blocks."""
    daemon, client = (os.environ.get(name.upper(), ROOT / "build/dev/bin" / name) for name in ("sluiced", "sluice"))
    daemon_help, client_help = programs.help_of(daemon), programs.help_of(client)
    helps = {name: programs.help_of(client, name) for name in command_lines.commands(client_help)}
    return {
        "configuration.md": configuration.blocks(daemon_help, read("lib/transport/http/rules.cpp")),
        "cli.md": command_lines.blocks(daemon_help, client_help, helps),
        "metrics.md": metrics.blocks(programs.metrics_of(daemon, client)),
        "errors.md": errors.blocks(read("proto/error.hpp"), read("proto/error.cpp"),
                                   read("lib/transport/http/response.cpp")),
    }


def compare(path, texts, update):
    """Whether the page is as it has to be, or has been written so."""
    page = path.read_text(encoding="utf-8")
    wanted = blocks.filled(page, texts)
    if wanted != page and update:
        path.write_text(wanted, encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")
    elif wanted != page:
        print(f"FAILED: {path.relative_to(ROOT)} is not what is generated; run {sys.argv[0]} --update")
        lines, wanted_lines = page.splitlines(True), wanted.splitlines(True)
        sys.stdout.writelines(difflib.unified_diff(lines, wanted_lines, "page", "generated", n=0))
        return False
    return True


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--update", action="store_true", help="write the pages")
    options = arguments.parse_args()
    passed = failed = 0
    for name, texts in generated().items():
        try:
            right = compare(PAGES / name, texts, options.update)
        except ValueError as error:
            print(f"FAILED: docs/reference/{name}: {error}")
            right = False
        passed, failed = passed + right, failed + (not right)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
