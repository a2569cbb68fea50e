"""Common part of the tests with other projects' clients and servers."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "clients"), str(HERE.parent / "blackbox")]
import client_test  # noqa: E402
from support.daemon import SLOW, DaemonTest, code, duration, eventually, limit  # noqa: E402


class PeerTest(DaemonTest):
    """`peer` names the backend's settings; each subclass is one peer in one position."""

    @staticmethod
    def backend(**settings):
        return {"name": "peer", "methods": ["peer.*"], "kill_after": duration(1000), **settings}

    def error_of(self, connection, method, params=None):
        """The peer's own error, whatever it has for data."""
        connection.call(method, params)
        return json.loads(connection.receive_text(20))["error"]

    def assert_same_process(self, daemon):
        self.assertEqual(daemon.value("sluice_backend_restarts_total", backend="peer"), 0)

    def wait_up(self, connection, method="peer.sum", params=(1, 2)):
        """The peer has begun; runtimes take a while for that."""
        eventually(20, lambda: code(connection.request(method, list(params), within=20)) == "ok", "the peer answers")


class WithNode(DaemonTest):
    """Tests with the packages of tests/clients."""

    @classmethod
    def setUpClass(cls):
        client_test.install()
        super().setUpClass()

    @staticmethod
    def node(script):
        return [shutil.which("node") or "node", str(HERE / script)]


class NodePeerTest(WithNode, PeerTest):
    pass


class ClientTest(DaemonTest):
    """A program with a client of its own, which checks what it gets and says "ok"."""

    def url(self, scheme, daemon=None, path="/"):
        return (daemon or self.daemon).url(scheme) + path

    def run_client(self, command, *arguments, seconds=40, **options):
        done = subprocess.run([*map(str, command), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit(seconds), **options)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "ok"), done.stdout + done.stderr)
        self.assert_nothing_left(self.daemon)

    def assert_nothing_left(self, daemon):
        """Also calls that the client gave up or orphaned have ended."""
        daemon.wait_in_flight(0)
        daemon.wait_connections(0)


@unittest.skipIf(SLOW > 1, "the compiler takes too long beside slow builds, and the peer is the same there")
class CompiledClientTest(ClientTest):
    """The compiler has the time of the class, which is longer than a test's, and writes to `folder`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="sluice-client-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.compile()

    @classmethod
    def run_compiler(cls, command, **options):
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit(80), **options)
        if done.returncode:
            raise AssertionError(f"{command[0]}: {done.stdout}{done.stderr}")


class NodeClientTest(WithNode, ClientTest):
    pass


SYSTEM_PYTHON = "/usr/bin/python3"  # which has Debian's packages


def needs_module(name):
    """Skips where the system's Python has no such module."""
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0
    except OSError:
        found = False
    return unittest.skipUnless(found, f"Python's {name} is not installed")
