"""Measured processes: started on given cores, ended by their process id, examined in /proc."""

import contextlib
import os
import pathlib
import re
import subprocess
import time

START_LIMIT_S = 60  # 100,000 methods take a while to register
STOP_LIMIT_S = 10
LISTENING = re.compile(r"^(?:.* listening on )?((?:tcp|unix)://\S+)$", re.MULTILINE)


class Failure(Exception):
    """A row could not be measured; the text says why."""


@contextlib.contextmanager
def on_cores(cores):
    """Processes that are started within run on these cores from their first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A server that runs, and what it has written. Ended on leaving the `with` block."""

    def __init__(self, command, cores, folder, environment=None):
        self.log = pathlib.Path(folder) / f"{pathlib.Path(command[0]).name}.{time.monotonic_ns()}.log"
        with open(self.log, "wb") as output, on_cores(cores):
            self._process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output, env={**os.environ, **(environment or {})})
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def running(self):
        return self._process.poll() is None

    def until(self, check, what):
        """Waits until `check()` gives something true, which is returned."""
        end = time.monotonic() + START_LIMIT_S
        while not (found := check()):
            if not self.running() or time.monotonic() > end:
                raise Failure(f"{what}: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)
        return found

    def address(self, scheme="tcp"):
        """The address that the server logged as the one that it listens on."""
        def listening_address():
            return next((found for found in LISTENING.findall(self.log.read_text(errors="replace"))
                         if found.startswith(scheme)), None)

        return self.until(listening_address, "no server listens")

    def resident_bytes(self):
        """Exact, unlike VmRSS, which leaves out what each thread has not yet reported."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="utf-8")
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024

    def cpu_seconds(self, thread=None):
        """Processor time of all its threads, or of the one of that name."""
        nanoseconds = 0
        for path in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            if not thread or (path.parent / "comm").read_text().strip() == thread:
                nanoseconds += int(path.read_text().split()[0])
        return nanoseconds / 1e9

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
