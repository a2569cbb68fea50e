"""The command line client `sluice` that is tested: $SLUICE, else the one beside the `sluiced` that is tested."""

import os
import pathlib
import subprocess

from .daemon import DaemonTest
from .program import sluiced
from .timing import limit


def sluice():
    return os.environ.get("SLUICE") or str(pathlib.Path(sluiced()).with_name("sluice"))


def run(*words, environment=None, text_in=""):
    return subprocess.run([sluice(), *map(str, words)], input=text_in, capture_output=True, text=True,
                          timeout=limit(30), check=False, env={**os.environ, **(environment or {})})


class CommandTest(DaemonTest):
    def check(self, done, code, stdout, stderr=""):
        self.assertEqual((code, stdout, stderr), (done.returncode, done.stdout, done.stderr))

    def check_failure(self, done, code, pattern):
        """One line on stderr that matches, nothing on stdout."""
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)

    def close_later(self, server):
        self.addCleanup(server.close)
        return server
