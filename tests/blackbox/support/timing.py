"""Waits of tests. SLUICE_SLOW=1 makes every time five times longer, for sanitizer builds and busy machines."""

import http.client
import os
import time

SLOW = 5 if os.environ.get("SLUICE_SLOW", "0") not in ("", "0") else 1


def limit(seconds):
    """Seconds that something may take."""
    return seconds * SLOW


def ms(milliseconds):
    """Milliseconds that something does take: calls' lengths, configured time limits."""
    return milliseconds * SLOW


def duration(milliseconds):
    return f"{ms(milliseconds)}ms"


def deadline(within):
    """When `within` seconds are over, on the monotonic clock."""
    return time.monotonic() + limit(within)


def within_until(end):
    """The `within` that is left until `end`."""
    return max(0.001, end - time.monotonic()) / SLOW


def eventually(seconds, check, what=""):
    """Calls `check` until it returns something true, which is returned; fails after `seconds`."""
    end = deadline(seconds)
    pause = 0.001
    while True:
        failure = None
        try:
            value = check()
            if value:
                return value
        except (AssertionError, OSError, http.client.HTTPException) as error:
            failure = error
        if time.monotonic() >= end:
            text = what or getattr(check, "__doc__", None) or "the condition"
            raise AssertionError(f"not within {limit(seconds)} s: {text}" + (f" ({failure})" if failure else ""))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Stopwatch:
    def __init__(self):
        self.begin = time.monotonic()

    def ms(self):
        return (time.monotonic() - self.begin) * 1000
