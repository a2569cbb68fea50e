"""Starts real `sluiced` processes and talks to them as raw clients do.

The program is $SLUICED, else the first of build/{release,debug}/bin/sluiced. SLUICE_SLOW=1 makes every
time in the tests five times longer, for sanitizer builds and busy machines.
"""

import collections
import fcntl
import http.client
import itertools
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOW = 5 if os.environ.get("SLUICE_SLOW", "0") not in ("", "0") else 1
SANITIZED = re.compile(r"(Address|Thread|Leak|Memory)Sanitizer|runtime error:|terminate called|Assertion .* failed")


def sluiced():
    named = os.environ.get("SLUICED")
    if named:
        return os.path.abspath(named)
    for preset in ("release", "debug"):
        program = ROOT / "build" / preset / "bin" / "sluiced"
        if program.exists():
            return str(program)
    raise unittest.SkipTest("no sluiced: set SLUICED")


def limit(seconds):
    """Seconds that something may take."""
    return seconds * SLOW


def ms(milliseconds):
    """Milliseconds that something does take: calls' lengths, configured time limits."""
    return milliseconds * SLOW


def duration(milliseconds):
    return f"{ms(milliseconds)}ms"


def eventually(seconds, check, what=""):
    """Calls `check` until it returns something true, which is returned; fails after `seconds`."""
    end = time.monotonic() + limit(seconds)
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


# --- JSON text ----------------------------------------------------------------------------------------------

_decoder = json.JSONDecoder()
_space = re.compile(r"[ \t\r\n]*")


def members(text):
    """The members of an object, each value as its own text."""
    found = {}
    at = _space.match(text, 0).end()
    assert text[at] == "{", text[:80]
    at = _space.match(text, at + 1).end()
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        at = _space.match(text, at).end()
        assert text[at] == ":", text[at:at + 20]
        begin = _space.match(text, at + 1).end()
        _, at = _decoder.raw_decode(text, begin)
        assert name not in found, f"{name} twice in {text[:200]}"
        found[name] = text[begin:at]
        at = _space.match(text, at).end()
        if text[at] == ",":
            at = _space.match(text, at + 1).end()
    return found


def without_space(text):
    """JSON text without insignificant white space."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', lambda found: found.group(1) or "", text)


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse(text):
    return json.loads(text, parse_constant=_no_constant)


def check_reply(reply):
    """What holds for every reply, whatever was asked."""
    if isinstance(reply, list):
        assert reply, "an empty array is no reply"
        for entry in reply:
            check_reply(entry)
        return reply
    assert isinstance(reply, dict), f"not a reply: {reply!r}"
    assert reply.get("jsonrpc") == "2.0", f"no version: {reply!r}"
    assert "id" in reply, f"no id: {reply!r}"
    assert ("result" in reply) != ("error" in reply), f"neither or both of result and error: {reply!r}"
    assert set(reply) <= {"jsonrpc", "id", "result", "error"}, f"unknown members: {reply!r}"
    if "error" in reply:
        error = reply["error"]
        assert isinstance(error["code"], int) and isinstance(error["message"], str), f"no error object: {reply!r}"
        assert set(error) <= {"code", "message", "data"}, f"unknown members: {reply!r}"
        if -32899 < error["code"] < -31999:
            assert isinstance(error["data"], dict) and isinstance(error["data"]["reason"], str), f"no reason: {reply!r}"
    return reply


def code(reply):
    """The error code of a reply, or "ok"."""
    return reply["error"]["code"] if "error" in reply else "ok"


def message(method, params=None, id=None, **more):
    """The text of a call, or of a notification where `id` is None."""
    body = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        body["params"] = params
    if id is not None:
        body["id"] = id
    body.update(more)
    return json.dumps(body, separators=(",", ":"))


def framed(text, header="Content-Length: {}\r\n\r\n"):
    body = text.encode() if isinstance(text, str) else text
    return header.format(len(body)).encode() + body


# --- connections --------------------------------------------------------------------------------------------


class Connection:
    """A raw client. Every wait is bounded; replies are checked for form."""

    def __init__(self, peer, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(peer, str) else (socket.AF_INET6 if ":" in peer[0] else socket.AF_INET)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(limit(10))
        self.socket.connect(peer)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = False  # replies come with Content-Length headers
        self._half_closed = False
        self._buffer = bytearray()
        self._ids = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Sending

    def send(self, data):
        self.socket.settimeout(limit(20))
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_pieces(self, data, size):
        """Sends `size` bytes at a time, on a Unix socket each only once the last was read."""
        unix = self.socket.family == socket.AF_UNIX
        for at in range(0, len(data), size):
            self.send(data[at:at + size])
            if unix:
                self.wait_until_read()

    def wait_until_read(self):
        end = time.monotonic() + limit(10)
        while struct.unpack("i", fcntl.ioctl(self.socket, 0x5411, b"\0\0\0\0"))[0]:  # SIOCOUTQ
            assert time.monotonic() < end, "the daemon does not read"

    def call(self, method, params=None, id=None, **more):
        """Sends a call and returns its id."""
        id = next(self._ids) if id is None else id
        self.send(message(method, params, id, **more) + "\n")
        return id

    def notify(self, method, params=None, **more):
        self.send(message(method, params, **more) + "\n")

    # Receiving

    def _fill(self, end, what):
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no {what} in time; so far {bytes(self._buffer[:200])!r}")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                continue
            self._buffer += data
            return bool(data)

    def receive_text(self, within=10):
        """One reply's text; None at the end of the stream."""
        end = time.monotonic() + limit(within)
        if self.headers:
            return self._receive_framed(end)
        searched, begin = 0, 0
        while True:
            newline = self._buffer.find(b"\n", searched)
            if newline < 0:
                searched = len(self._buffer)
                if not self._fill(end, "reply"):
                    assert not self._buffer, f"the stream ends inside a reply: {bytes(self._buffer[:200])!r}"
                    return None
                continue
            searched = newline + 1
            text = self._buffer[:newline].decode("utf-8")
            try:
                parse(text)
            except ValueError:
                begin += 1  # a result may hold newlines between its tokens
                assert begin < 100, f"not JSON: {text[:200]!r}"
                continue
            del self._buffer[:newline + 1]
            if self._half_closed:
                text = text.lstrip(" ")  # blanks look for a client that has ended its side
            assert text and text == text.strip(" \t\r\n"), f"more than one newline between replies: {text[:80]!r}"
            return text

    def _receive_framed(self, end):
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill(end, "header block"):
                assert not self._buffer, f"the stream ends inside a header block: {bytes(self._buffer)!r}"
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        assert len(lengths) == 1, head
        length = int(lengths[0])
        start = len(head) + 4
        while len(self._buffer) < start + length:
            assert self._fill(end, "body"), "the stream ends inside a body"
        text = self._buffer[start:start + length].decode("utf-8")
        del self._buffer[:start + length]
        parse(text)
        return text

    def receive(self, within=10):
        text = self.receive_text(within)
        assert text is not None, "the connection was closed instead of a reply"
        return check_reply(parse(text))

    def receive_many(self, count, within=10):
        end = time.monotonic() + limit(within)
        return [self.receive(max(0.001, end - time.monotonic()) / SLOW) for _ in range(count)]

    def receive_by_id(self, count, within=10):
        found = {}
        for reply in self.receive_many(count, within):
            assert reply["id"] not in found, f"answered twice: {reply!r}"
            found[reply["id"]] = reply
        return found

    def request(self, method, params=None, within=10, id=None, **more):
        """The reply to one call, where no other is outstanding."""
        id = self.call(method, params, id, **more)
        reply = self.receive(within)
        assert reply["id"] == id, f"expected the reply to {id!r}: {reply!r}"
        return reply

    def result(self, method, params=None, within=10, **more):
        reply = self.request(method, params, within, **more)
        assert "result" in reply, f"{method}: {reply!r}"
        return reply["result"]

    def request_text(self, text, within=10):
        """Sends `text` as a line and returns the reply, parsed."""
        self.send(text + "\n")
        return self.receive(within)

    def fence(self, within=10):
        """Proves that nothing but what was received so far has been answered."""
        reply = self.request("demo.echo", ["fence"], within, id="fence")
        assert reply["result"] == ["fence"], reply

    def read_to_end(self, within=10):
        """All replies until the daemon closes; a reset raises ConnectionResetError."""
        end = time.monotonic() + limit(within)
        replies = []
        while True:
            text = self.receive_text(max(0.001, end - time.monotonic()) / SLOW)
            if text is None:
                return replies
            replies.append(check_reply(parse(text)))

    def expect_closed(self, within=10):
        """The daemon ends the connection, by an end of stream or a reset, without a further reply."""
        try:
            replies = self.read_to_end(within)
            assert not replies, f"unexpected: {replies!r}"
        except (ConnectionResetError, BrokenPipeError):
            pass

    # Ending

    def expect_blanks(self):
        """Between replies: the daemon looks for a client that may have gone."""
        self._half_closed = True

    def half_close(self):
        self._half_closed = True
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """TCP: a reset. Unix: a hang-up."""
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


# --- metrics ------------------------------------------------------------------------------------------------

_sample = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
_label = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')


class Metrics(dict):
    """(name, frozenset of label pairs) -> value."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                self.types[name] = kind
            elif line and not line.startswith("#"):
                found = _sample.match(line)
                assert found, f"not a sample: {line!r}"
                labels = frozenset(_label.findall(found.group(2) or ""))
                assert (found.group(1), labels) not in self, f"twice: {line!r}"
                self[found.group(1), labels] = float(found.group(3))

    def value(self, name, **labels):
        """The sum of all samples of that name with these labels; 0 where there is none."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        return sum(value for (sample, have), value in self.items() if sample == name and wanted <= have)

    def label_values(self, name, label):
        return {dict(have)[label] for (sample, have) in self if sample == name and label in dict(have)}

    def names(self):
        return {name for name, _ in self}


# --- the daemon ---------------------------------------------------------------------------------------------


def _toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value)


def _toml_table(head, table):
    return "\n".join([head] + [f"{key} = {_toml_value(value)}" for key, value in table.items()]) + "\n"


def config_text(server=None, methods=None, log=None, listen=(), admin="tcp://127.0.0.1:0", clients=None,
                backends=None):
    parts = [_toml_table("[server]", server or {})]
    for listener in listen:
        parts.append(_toml_table("[[listen]]", listener if isinstance(listener, dict) else {"address": listener}))
    if admin:
        parts.append(_toml_table("[admin]", {"address": admin}))
    if log:
        parts.append(_toml_table("[log]", log))
    for client in clients or ():
        parts.append(_toml_table("[[client]]", client))
    for backend in backends or ():
        parts.append(_toml_table("[[backend]]", backend))
    for name, table in (methods or {}).items():
        parts.append(_toml_table(f"[method.{json.dumps(name)}]", table))
    return "\n".join(parts)


def free_port():
    """A port that was free a moment ago, for tests that must name one in advance."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """One `sluiced`. By default it serves tcp://127.0.0.1:0, a Unix socket and an admin port, with --demo."""

    def __init__(self, server=None, methods=None, log=None, listen=None, admin="tcp://127.0.0.1:0", text=None,
                 arguments=("--demo",), environment=None, descriptors=None, prefix=(), pass_fds=(), directory=None, clients=None,
                 backends=None):
        self._own_directory = None
        if directory is None:
            self._own_directory = tempfile.TemporaryDirectory(prefix="sluice-")
            directory = self._own_directory.name
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "sluiced.toml"
        # Backends have a thread of their own beside several I/O threads only.
        threads = {"io_threads": int(os.environ["SLUICE_IO_THREADS"])} if "SLUICE_IO_THREADS" in os.environ else {}
        self.parts = {"server": {"drain_timeout": duration(5000), **threads, **(server or {})}, "methods": methods, "log": log,
                      "admin": admin, "clients": clients, "backends": backends, "listen": listen if listen is not None else
                      ["tcp://127.0.0.1:0", f"unix://{self.directory}/sluice.sock"]}
        self.config.write_text(text if text is not None else config_text(**self.parts))
        self.command = [*prefix, sluiced(), "--config", str(self.config), *arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.descriptors = descriptors
        self.pass_fds = pass_fds
        self.process = None
        self.log = []
        self._changed = threading.Condition()

    # Life

    def start(self, ready=True):
        def prepare():
            if self.descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, env=self.environment, preexec_fn=prepare,
                                        pass_fds=self.pass_fds)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if ready:
            self.wait_ready()
        return self

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.log.append("(end of the log)")
            self._changed.notify_all()

    def wait_ready(self):
        try:
            self.wait_log(r"admin on tcp://")
            self.wait_log("is up as process")  # the last line about the start
            eventually(10, lambda: self.http("/readyz")[0] == 200, "/readyz is 200")
        except AssertionError:
            self.kill()
            raise AssertionError("the daemon did not become ready:\n" + "\n".join(self.log))

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
                ended = self.log and self.log[-1] == "(end of the log)"
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
            raise AssertionError("the daemon did not exit:\n" + "\n".join(self.log[-20:]))
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

    def close(self):
        """Ends a test with this daemon: it must still be alive, and stop as asked."""
        try:
            if self.process is None:
                return
            already = self.process.poll()
            status = self.stop() if already is None else already
            self._reader.join(limit(5))
            self.process.stderr.close()
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

    def connect(self, kind="tcp", **options):
        return Connection(self.tcp() if kind == "tcp" else self.unix(), **options)

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


def run_to_end(*arguments, seconds=10, config=None, environment=None):
    """Runs sluiced until it exits by itself: (exit code, stdout, stderr)."""
    done = subprocess.run([sluiced(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit(seconds), env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


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
