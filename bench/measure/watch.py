"""An operator's view of a server during a load: /healthz, the service manager's watchdog, memory."""

import contextlib
import http.client
import os
import re
import socket
import threading
import time

HEALTH_PERIOD_S = 0.25
HEALTH_WAIT_MAX_S = 5


class Watchdog:
    """Stands for the service manager: gives the server a NOTIFY_SOCKET, and notes the longest time between two
    WATCHDOG=1 from begin() on."""

    def __init__(self, path, period_s):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(period_s * 1_000_000))}
        self._last = time.monotonic()
        self.longest_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                if b"WATCHDOG=1" in self._socket.recv(4096):
                    self._note()

    def _note(self):
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now

    def begin(self):
        self._last, self.longest_s = time.monotonic(), 0.0

    def longest(self):
        """The longest gap so far, the time since the last keep-alive included."""
        return max(self.longest_s, time.monotonic() - self._last)

    def close(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()


class Health:
    """Asks /healthz again and again within a `with` block: how often it did not answer 200, and the slowest answer."""

    def __init__(self, admin):
        self._host, self._port = admin.rsplit(":", 1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.failures, self.slowest_s = 0, 0.0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        while not self._ended.wait(HEALTH_PERIOD_S):
            began = time.monotonic()
            if self._status() != 200:
                self.failures += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _status(self):
        link = http.client.HTTPConnection(self._host, int(self._port), timeout=HEALTH_WAIT_MAX_S)
        try:
            link.request("GET", "/healthz")
            return link.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            link.close()


def forget_peak(pid):
    """From here on peak_bytes() counts from zero."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.MULTILINE)[1]) * 1024


def raise_priority():
    """Raises this process's priority, so that a load on its core does not delay its polling. Without root: nothing."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
