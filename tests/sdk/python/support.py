"""Runs a handler as the daemon does: with pipes, and a line for each message."""

import collections
import json
import os
import pathlib
import selectors
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

SDK = pathlib.Path(__file__).resolve().parents[3] / "sdk" / "python"
# $PYTHONPATH may name an installed copy.
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
               "PYTHONPATH": os.environ.get("PYTHONPATH", str(SDK))}
SLOW = 5 if os.environ.get("SLUICE_SLOW", "0") not in ("", "0") else 1
LIMIT_S = 20 * SLOW
IMPORTS = "from sluice import Call, Error, InvalidParams, method, publish, serve, subscribe\n"


def program(text):
    """A handler's whole text: the body of a test, and what each needs around it."""
    return IMPORTS + textwrap.dedent(text) + "\nserve()\n"


class Handler:
    """A handler's process, as its parent sees it."""

    def __init__(self, path, arguments=(), environment=None):
        self.process = subprocess.Popen(
            [sys.executable, str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**ENVIRONMENT, **(environment or {})})
        self._ids = 0
        self._out, self._err = bytearray(), bytearray()
        self._selector = selectors.DefaultSelector()
        for pipe, into in ((self.process.stdout, self._out), (self.process.stderr, self._err)):
            self._selector.register(pipe, selectors.EVENT_READ, into)
        self._kept = collections.deque()  # messages that a test has passed over
        self.hello = self.receive()

    def _read(self, end):
        """Reads what there is; False where both pipes have ended."""
        if not self._selector.get_map():
            return False
        ready = self._selector.select(max(0, end - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing in {LIMIT_S} s; on stderr: {self._err.decode()}")
        for key, _ in ready:
            data = os.read(key.fd, 1 << 16)
            if data:
                key.data.extend(data)
            else:
                self._selector.unregister(key.fileobj)
        return True

    def receive_text(self):
        """The next line of stdout."""
        end = time.monotonic() + LIMIT_S
        while b"\n" not in self._out:
            if not self._read(end):
                raise AssertionError(f"it has ended: {self._err.decode()}")
        line, _, rest = bytes(self._out).partition(b"\n")
        self._out[:] = rest
        return line.decode("ascii")

    def receive(self):
        return self._kept.popleft() if self._kept else json.loads(self.receive_text())

    def wait_log(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self._err.decode(errors="replace"):
            if not self._read(end):
                raise AssertionError(f"no {text!r} in: {self._err.decode()}")

    def log(self):
        return self._err.decode(errors="replace")

    def send_text(self, text):
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()

    def send(self, *messages):
        """All in one write."""
        self.send_text("".join(json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in messages))

    def message(self, method, params=None, **more):
        self._ids += 1
        return {"method": method, **({} if params is None else {"params": params}), "id": self._ids, **more}

    def start(self, method, params=None, **more):
        """Sends a call; its id."""
        self.send(self.message(method, params, **more))
        return self._ids

    def reply(self, call_id):
        """The reply to that call; what comes before it is kept for receive()."""
        passed = collections.deque()
        while True:
            message = self.receive()
            if message.get("id") == call_id and "method" not in message:
                passed.extend(self._kept)
                self._kept = passed
                return message
            passed.append(message)

    def request(self, method, params=None, **more):
        return self.reply(self.start(method, params, **more))

    def result(self, method, params=None, **more):
        reply = self.request(method, params, **more)
        if "result" not in reply:
            raise AssertionError(f"{reply} {self.log()}")
        return reply["result"]

    def error(self, method, params=None, **more):
        return self.request(method, params, **more)["error"]

    def notify(self, method, params=None):
        self.send({"method": method, **({} if params is None else {"params": params})})

    def cancel(self, call_id):
        self.notify("rpc.cancel", {"id": call_id})

    def event(self, topic, result, **more):
        self.notify("rpc.subscription",
                    {"subscription": "0x1", "n": 1, "topic": topic, "pos": "1", "result": result, **more})

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def end(self):
        """Closes its stdin; what is left on stdout, and the exit code."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.wait_end()

    def wait_end(self):
        end = time.monotonic() + LIMIT_S
        while self._read(end):
            pass
        left = [*self._kept, *map(json.loads, self._out.decode().splitlines())]
        return left, self.process.wait(LIMIT_S)

    def close(self):
        self.process.kill()
        self.process.wait()
        self._selector.close()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


class HandlerTest(unittest.TestCase):
    def write(self, text):
        folder = tempfile.TemporaryDirectory(prefix="sluice-sdk-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "handler.py"
        path.write_text(text, encoding="utf-8")
        return path

    def handler(self, text, *arguments, **environment):
        """A process that serves what the text defines."""
        handler = Handler(self.write(program(text)), arguments, environment)
        self.addCleanup(handler.close)
        return handler

    def run_program(self, text, *arguments):
        """Runs a program to its end: exit code, stdout, stderr."""
        done = subprocess.run([sys.executable, str(self.write(text)), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT)
        return done.returncode, done.stdout, done.stderr

    def assert_invalid(self, error, path, expected):
        self.assertEqual(error, {"code": -32602, "message": "Invalid params",
                                 "data": {"reason": "invalid_params", "path": path, "expected": expected}})

    def assert_reason(self, error, code, reason):
        self.assertEqual((error["code"], error["data"]["reason"]), (code, reason), error)
