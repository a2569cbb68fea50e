"""Common part of the tests with clients that people really use."""

import fcntl
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
from support.daemon import DaemonTest, limit  # noqa: E402


def installed():
    """Whether what is in node_modules is what the lock file names."""
    mark = HERE / "node_modules" / ".package-lock.json"
    return mark.exists() and mark.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime


def install():
    """The packages of package.json, once, however many test programs want them at the same time."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise unittest.SkipTest("node and npm are not installed")
    with open(HERE / "package.json") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if installed():
            return
        done = subprocess.run(["npm", "ci", "--no-progress"], cwd=HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise AssertionError(f"npm ci: {done.stdout}{done.stderr}")


class NotificationTest(DaemonTest):
    """Each client sends demo.subtract once without an id; whether it ran shows in the metrics."""

    def setUp(self):
        self.before = self.subtractions()

    def subtractions(self):
        return self.daemon.value("sluice_calls_total", method="demo.subtract", code="ok")

    def assert_notified(self, calls_besides):
        self.daemon.wait_value(self.before + calls_besides + 1, "sluice_calls_total", method="demo.subtract", code="ok")
        self.daemon.wait_in_flight(0)
        self.daemon.wait_connections(0)


class NodeTest(NotificationTest):
    @classmethod
    def setUpClass(cls):
        install()

    def run_node(self, script, *arguments):
        done = subprocess.run(["node", str(HERE / script), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit(40))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "ok"), done.stdout + done.stderr)

    def run_script(self, script, *arguments):
        self.run_node(script, *arguments)
        self.assert_notified(calls_besides=1)
