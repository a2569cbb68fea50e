"""Starts real `sluiced` processes. What their clients need beside it can be imported from here too."""

import http.client
import os
import pathlib
import re
import resource
import signal
import tempfile
import unittest

from .configuration import config_text
from .json_rpc import check_reply, code, members, message, parse, without_space  # noqa: F401
from .logged_process import LoggedProcess
from .metrics import Metrics
from .program import ROOT, run_to_end, sluiced  # noqa: F401
from .sockets import free_port, open_socket  # noqa: F401
from .stream_client import Connection, framed  # noqa: F401
from .timing import SLOW, Stopwatch, duration, eventually, limit, ms  # noqa: F401

SANITIZED = re.compile(r"(Address|Thread|Leak|Memory)Sanitizer|runtime error:|terminate called|Assertion .* failed")


class Daemon(LoggedProcess):
    """One `sluiced`. By default it serves tcp://127.0.0.1:0, a Unix socket and an admin port, with --demo."""

    def __init__(self, server=None, methods=None, log=None, listen=None, admin="tcp://127.0.0.1:0", text=None,
                 arguments=("--demo",), environment=None, descriptors=None, prefix=(), pass_fds=(), directory=None,
                 clients=None, backends=None, events=None, topics=None):
        super().__init__()
        self._own_directory = None
        if directory is None:
            self._own_directory = tempfile.TemporaryDirectory(prefix="sluice-")
            directory = self._own_directory.name
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "sluiced.toml"
        # Backends have a thread of their own beside several I/O threads only.
        threads = {"io_threads": int(os.environ["SLUICE_IO_THREADS"])} if "SLUICE_IO_THREADS" in os.environ else {}
        if listen is None:
            listen = ["tcp://127.0.0.1:0", f"unix://{self.directory}/sluice.sock"]
        self.parts = {"server": {"drain_timeout": duration(5000), **threads, **(server or {})}, "methods": methods,
                      "log": log, "admin": admin, "clients": clients, "backends": backends, "listen": listen,
                      "events": events, "topics": topics}
        self.config.write_text(text if text is not None else config_text(**self.parts))
        self.command = [*prefix, sluiced(), "--config", str(self.config), *arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.descriptors = descriptors
        self.pass_fds = pass_fds

    # Life

    def start(self, ready=True):
        def prepare():
            if self.descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

        self.launch(self.command, env=self.environment, preexec_fn=prepare, pass_fds=self.pass_fds)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        try:
            self.wait_log(r"admin on tcp://")
            self.wait_log("is up as process")  # the last line about the start
            eventually(10, lambda: self.http("/readyz")[0] == 200, "/readyz is 200")
        except AssertionError:
            self.kill()
            raise AssertionError("the daemon did not become ready:\n" + "\n".join(self.log))

    def close(self):
        """Ends a test with this daemon: it must still be alive, and stop as asked."""
        try:
            if self.process is None:
                return
            already = self.process.poll()
            status = self.stop() if already is None else already
            self.end_log()
            text = self.log_text()
            assert not SANITIZED.search(text), "a sanitizer complains:\n" + text
            if already is None:
                assert status == 0, f"exit code {status} after SIGTERM:\n" + "\n".join(self.log[-20:])
            else:
                assert status in (0, 1, 2), f"died with {status}:\n" + "\n".join(self.log[-20:])
        finally:
            if self._own_directory:
                self._own_directory.cleanup()

    def reload(self, text=None, **parts):
        """Rewrites the configuration and sends SIGHUP. What changed is for the caller to wait for."""
        for name, value in parts.items():
            if name in ("server", "methods", "log") and value is not None:
                self.parts[name] = {**(self.parts[name] or {}), **value}
            else:
                self.parts[name] = value
        temporary = self.config.with_suffix(".new")
        temporary.write_text(text if text is not None else config_text(**self.parts))
        temporary.replace(self.config)
        self.signal(signal.SIGHUP)

    # Talking to it

    def _address(self, pattern, index):
        """The address in the log's line number `index` that matches, addresses named twice counted once."""

        def find():
            found = dict.fromkeys(found for line in list(self.log) for found in re.findall(pattern, line))
            return list(found)[index] if index < len(found) else None

        return eventually(5, find, f"the log says {pattern!r}")

    def tcp(self, index=0):
        host, port = self._address(r"listening on tcp://(\[[^\]]+\]|[^\s:]+):(\d+)", index)
        return host.strip("[]"), int(port)

    def unix(self, index=0):
        return self._address(r'listening on unix://([^\s"\\,]+)', index)

    def admin(self, index=0):
        host, port = self._address(r"admin on tcp://(\[[^\]]+\]|[^\s:]+):(\d+)", index)
        return host.strip("[]"), int(port)

    def url(self, scheme="tcp"):
        return f"unix://{self.unix()}" if scheme == "unix" else "{}://{}:{}".format(scheme, *self.tcp())

    def peer(self, kind="tcp"):
        return self.tcp() if kind == "tcp" else self.unix()

    def open_socket(self, kind="tcp", receive_buffer=None):
        return open_socket(self.peer(kind), receive_buffer)

    def connect(self, kind="tcp", **options):
        return Connection(self.peer(kind), **options)

    def http(self, path, method="GET", seconds=10, index=0):
        """(status, body) from the admin listener, the `index`th that there has been."""
        connection = http.client.HTTPConnection(*self.admin(index), timeout=limit(seconds))
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8")
        finally:
            connection.close()

    def metrics(self):
        status, text = self.http("/metrics")
        assert status == 200, status
        return Metrics(text)

    def value(self, name, **labels):
        return self.metrics().value(name, **labels)

    def wait_value(self, expected, name, seconds=5, **labels):
        eventually(seconds, lambda: self.value(name, **labels) == expected, f"{name}{labels} is {expected}")

    def in_flight(self, **labels):
        return self.value("sluice_calls_in_flight", **labels)

    def wait_in_flight(self, count, seconds=5, **labels):
        eventually(seconds, lambda: self.in_flight(**labels) == count, f"{count} calls in flight {labels or ''}")

    def wait_connections(self, count, seconds=5):
        eventually(seconds, lambda: self.value("sluice_connections") == count, f"{count} connections")

    # Looking at the process

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class DaemonTest(unittest.TestCase):
    """`self.start(...)` gives a daemon that is checked and stopped at the end of the test; `self.daemon` is
    one for the whole class, with the options of `options`, for tests that leave nothing behind."""

    options = {}
    maxDiff = 4000

    @classmethod
    def shared(cls):
        if "_shared" not in cls.__dict__:
            cls._shared = Daemon(**cls.options).start()
            cls.addClassCleanup(cls._shared.close)
        return cls._shared

    @property
    def daemon(self):
        return self.shared()

    def start(self, ready=True, **options):
        daemon = Daemon(**options)
        self.addCleanup(daemon.close)
        return daemon.start(ready)

    def connect(self, daemon=None, kind="tcp", **options):
        connection = (daemon or self.daemon).connect(kind, **options)
        self.addCleanup(connection.close)
        return connection

    def assert_error(self, reply, expected, reason=None, text=None):
        self.assertIn("error", reply, f"expected {expected}")
        self.assertEqual(reply["error"]["code"], expected, reply)
        if reason is not None:
            self.assertEqual(reply["error"]["data"]["reason"], reason, reply)
        if text is not None:
            self.assertEqual(reply["error"]["message"], text, reply)
        return reply["error"]

    def assert_below(self, value, bound, what=""):
        self.assertLess(value, bound, what)


def main():
    unittest.main(verbosity=2)
