"""The `sluiced` that is tested: $SLUICED, else the first of build/{release,debug}/bin/sluiced."""

import mmap
import os
import pathlib
import subprocess
import unittest

from .timing import limit

ROOT = pathlib.Path(__file__).resolve().parents[3]


def sluiced():
    named = os.environ.get("SLUICED")
    if named:
        return os.path.abspath(named)
    for preset in ("release", "debug"):
        program = ROOT / "build" / preset / "bin" / "sluiced"
        if program.exists():
            return str(program)
    raise unittest.SkipTest("no sluiced: set SLUICED")


def run_to_end(*arguments, seconds=10, environment=None):
    """Runs sluiced until it exits by itself: (exit code, stdout, stderr)."""
    done = subprocess.run([sluiced(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit(seconds), env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


def has_sanitizer():
    """Their allocators end the process where there is no memory."""
    with open(sluiced(), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        return any(program.find(name) >= 0 for name in (b"__asan_init", b"__tsan_init"))
