"""A program that a test starts, whose log is read as it is written."""

import re
import signal
import subprocess
import threading
import time

from .timing import limit

LOG_END = "(end of the log)"


class LoggedProcess:
    """`log`: the lines of its standard error so far."""

    def __init__(self):
        self.process = None
        self.log = []
        self._changed = threading.Condition()

    def launch(self, command, **options):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.log.append(LOG_END)
            self._changed.notify_all()

    def wait_log(self, pattern, seconds=10, begin=0):
        """The first log line from number `begin` on that matches."""
        matcher = re.compile(pattern)
        end = time.monotonic() + limit(seconds)
        at = begin
        with self._changed:
            while True:
                while at < len(self.log):
                    found = matcher.search(self.log[at])
                    if found:
                        return found
                    at += 1
                ended = self.log and self.log[-1] == LOG_END
                left = end - time.monotonic()
                if ended or left <= 0:
                    raise AssertionError(f"no log line matches {pattern!r}:\n" + "\n".join(self.log[begin:]))
                self._changed.wait(left)

    def log_text(self):
        with self._changed:
            return "\n".join(self.log)

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, seconds=15):
        """The exit code."""
        try:
            status = self.process.wait(limit(seconds))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("it did not exit:\n" + "\n".join(self.log[-20:]))
        self._reader.join(limit(5))
        return status

    def stop(self, seconds=15):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end_log(self):
        """Once it has exited: all of the log is there."""
        self._reader.join(limit(5))
        self.process.stderr.close()
