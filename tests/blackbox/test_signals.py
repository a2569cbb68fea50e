"""Signals, from the first moment of the process to its last: contract 6."""

import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from support.children import silent_backends
from support.daemon import Daemon, DaemonTest, config_text, eventually, limit, main, sluiced


class Start(DaemonTest):
    """The configuration is a pipe, and the daemon waits for it in the first moments of its life."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        self.pipe = os.path.join(directory.name, "sluiced.toml")
        os.mkfifo(self.pipe)
        self.writer = os.open(self.pipe, os.O_RDWR)
        self.addCleanup(self.close_writer)

    def close_writer(self):
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None

    def opened_by(self, pid):
        folder = f"/proc/{pid}/fd"
        return any(os.readlink(f"{folder}/{each}") == self.pipe for each in os.listdir(folder))

    def starting(self):
        daemon = Daemon(prefix=("bash", "-c", f'exec "$0" --demo --config {self.pipe}'))
        self.addCleanup(daemon.close)
        daemon.start(ready=False)
        eventually(10, lambda: self.opened_by(daemon.process.pid), "the pipe is read")
        return daemon

    def test_a_reload_that_is_asked_for_in_the_first_moments_does_not_end_the_process(self):
        daemon = self.starting()
        daemon.signal(signal.SIGHUP)
        os.write(self.writer, config_text(listen=["tcp://127.0.0.1:0"]).encode())
        self.close_writer()
        daemon.wait_ready()
        daemon.wait_log("reload refused")  # the pipe has been read
        daemon.connect().fence()

    def test_a_stop_that_is_requested_in_the_first_moments_is_not_a_failure(self):
        daemon = self.starting()
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, limit(4), "the pipe alone is waited for 5 s")

    @unittest.skipUnless(os.geteuid() == 0, "takes root for a process namespace")
    def test_as_the_first_process_of_a_container_it_is_stopped_while_it_starts(self):
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", sluiced(), "--config", self.pipe],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
            inner = int(eventually(5, lambda: children.read_text().split())[0])
            eventually(10, lambda: self.opened_by(inner), "the pipe is read")
            os.kill(inner, signal.SIGTERM)
            self.assertEqual(outer.wait(limit(4)), 0)
        finally:
            outer.kill()
            outer.wait()

    def test_a_check_ends_by_the_first_signal(self):
        checking = subprocess.Popen([sluiced(), "--check", "--config", self.pipe])
        eventually(10, lambda: self.opened_by(checking.pid), "the pipe is read")
        checking.terminate()
        self.assertEqual(checking.wait(limit(4)), -signal.SIGTERM)

    def test_a_stop_ends_the_wait_for_backends_that_say_nothing(self):
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            daemon = Daemon(backends=silent_backends(directory, 3, "a"))
            self.addCleanup(daemon.close)
            daemon.start(ready=False)
            daemon.wait_log("admin on")
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, limit(4))


class Ignored(DaemonTest):
    NAMES = ("SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGXFSZ", "SIGXCPU", "SIGPWR",
             "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX", "SIGCHLD", "SIGURG", "SIGWINCH")

    def test_signals_that_say_nothing_about_the_process_do_not_end_it(self):
        daemon = self.start()
        with daemon.connect() as connection:
            for name in self.NAMES:
                if hasattr(signal, name):
                    daemon.signal(getattr(signal, name))
                connection.fence()

    def test_without_a_configuration_file_a_reload_does_nothing(self):
        with tempfile.TemporaryFile() as log:
            # The defaults' ports may be taken here: then the test is skipped.
            process = subprocess.Popen([sluiced()], stdin=subprocess.DEVNULL, stderr=log)
            self.addCleanup(process.kill)

            def text():
                log.seek(0)
                return log.read().decode()

            eventually(10, lambda: "is up as process" in text() or process.poll() is not None)
            if process.poll() is not None:
                self.assertEqual(process.returncode, 1, text())
                self.skipTest("the default ports are taken")
            process.send_signal(signal.SIGHUP)
            eventually(5, lambda: "there is no configuration file" in text())
            process.terminate()
            self.assertEqual(process.wait(limit(10)), 0)


class FullDisk(DaemonTest):
    """stderr leads to where nothing more can be written."""

    def serve(self, stderr, prepare=None):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        config = pathlib.Path(directory.name) / "sluiced.toml"
        path = os.path.join(directory.name, "s.sock")
        config.write_text(config_text(listen=[f"unix://{path}"], log={"level": "trace", "slow_call": "1us"}))
        process = subprocess.Popen([sluiced(), "--config", str(config), "--demo"], stdin=subprocess.DEVNULL, stderr=stderr,
                                   preexec_fn=prepare)
        self.addCleanup(process.kill)
        return process, path

    def check(self, process, path):
        from support.daemon import Connection
        connection = eventually(10, lambda: Connection(path))
        with connection:
            for _ in range(200):
                connection.fence()
        process.terminate()
        self.assertEqual(process.wait(limit(10)), 0)

    def test_a_log_file_at_its_size_limit_does_not_end_the_process(self):
        with tempfile.NamedTemporaryFile(prefix="sluice-") as log:
            bytes_max = 4096
            process, path = self.serve(log, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max)))
            self.check(process, path)
            self.assertLessEqual(os.path.getsize(log.name), bytes_max)

    def test_a_full_disk_does_not_end_the_process(self):
        with open("/dev/full", "w") as full:
            self.check(*self.serve(full))


if __name__ == "__main__":
    main()
