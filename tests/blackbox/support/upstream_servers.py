"""Servers for tests of upstreams: one that misbehaves as the method says, and a gate on the way to a good one."""

import json
import socket
import threading
import time

from .sockets import reset_when_closed
from .timing import eventually, limit


class Server:
    """A TCP server on a free port. Each connection has a thread, which runs `serve`; close() ends them all."""

    def __init__(self, backlog=128):
        self.backlog = backlog
        self.lock = threading.Condition()
        self.sockets = set()
        self.accepted = 0
        self.closing = False
        self.errors = []
        self.port = 0
        self.listen()

    def listen(self):
        """Opens its port, the same again after refuse()."""
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(self.backlog)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def refuse(self):
        """Closes its port: who connects is refused."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                self.sockets.add(connection)
                self.lock.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve(connection)
        except OSError:
            pass
        except Exception as error:  # of this server, not of the daemon
            self.errors.append(error)
        finally:
            self.drop(connection)

    def drop(self, connection, reset=False):
        with self.lock:
            self.sockets.discard(connection)
            self.lock.notify_all()
        try:
            if not reset:
                connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        connection.close()

    def cut(self):
        """Resets all connections."""
        def each(change):
            for connection in connections:
                try:
                    change(connection)
                except OSError:
                    pass

        connections = list(self.sockets)
        each(reset_when_closed)
        each(lambda connection: connection.shutdown(socket.SHUT_RD))  # the thread that reads from it gives it up
        for connection in connections:
            self.drop(connection, reset=True)

    def close(self):
        self.closing = True
        try:
            self.refuse()
        except OSError:
            pass
        self.cut()
        assert not self.errors, self.errors

    def url(self, scheme="tcp"):
        return f"{scheme}://127.0.0.1:{self.port}"

    def wait_connections(self, count):
        eventually(5, lambda: len(self.sockets) == count, f"{count} connections")


def reply(id, result):
    return json.dumps({"jsonrpc": "2.0", "id": id, "result": result}, separators=(",", ":"))


def error(id, code, data=None):
    return json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no", "data": data}})


def read_head(stream):
    """(first line, headers) of a request; None at the end of the stream."""
    first = stream.readline().decode().strip()
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return (first, headers) if first else None


class Misbehaving(Server):
    """Answers `bad.ok` with its params; what else it does is said by `what_*`, by the name behind `bad.`. `seen` has
    what it was sent, in order."""

    def __init__(self, **options):
        self.seen = []
        self.released = threading.Event()  # what `bad.wait` waits for
        self.failures = 0                  # how often `bad.flaky` fails before it answers
        super().__init__(**options)

    def close(self):
        self.released.set()
        super().close()

    def calls(self, method):
        return [each for each in list(self.seen) if each["method"] == method]

    def wait_seen(self, method, count=1):
        eventually(10, lambda: len(self.calls(method)) >= count, f"{count} calls of {method} arrive")
        return self.calls(method)

    def note(self, call):
        with self.lock:
            self.seen.append(call)
            self.lock.notify_all()

    def serve(self, connection):
        with connection.makefile("rb") as lines:
            for line in lines:
                call = json.loads(line)
                self.note(call)
                if "id" in call:
                    getattr(self, "what_" + call["method"].split(".")[1])(connection, call["id"], call.get("params"))

    def say(self, connection, text, end="\n"):
        connection.sendall((text + end).encode())

    def what_ok(self, connection, id, params):
        self.say(connection, reply(id, params))

    def what_silent(self, connection, id, params):
        pass

    def what_wait(self, connection, id, params):
        def later():
            self.released.wait(limit(20))
            try:
                self.say(connection, reply(id, params))
            except OSError:
                pass
        threading.Thread(target=later, daemon=True).start()

    def what_cut(self, connection, id, params):
        self.drop(connection)

    def what_half(self, connection, id, params):
        connection.sendall(reply(id, params).encode()[:-5])
        self.drop(connection)

    def what_garbage(self, connection, id, params):
        self.say(connection, "\x00\xff{[not json")
        self.say(connection, '{"hello":"world"}\n[1,2]\n"text"')
        self.say(connection, reply(id, params))

    def what_flood(self, connection, id, params):
        self.say(connection, '{"no":"reply"}\n' * 200_000)

    def send_endlessly(self, connection, data):
        while True:
            connection.sendall(data)

    def what_spaces(self, connection, id, params):
        self.send_endlessly(connection, b" \r\n\t" * 10_000)

    def what_line_without_end(self, connection, id, params):
        self.send_endlessly(connection, b"x" * 40_000)

    def what_double(self, connection, id, params):
        self.say(connection, reply(id, params))
        self.say(connection, reply(id, "again"))

    def what_unnamed_twice(self, connection, id, params):
        text = error(None, -32050, {"reason": "own"})
        connection.sendall(2 * f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    def what_both(self, connection, id, params):
        both = {"result": 1, "error": {"code": 1, "message": "both"}}
        self.say(connection, json.dumps({"jsonrpc": "2.0", "id": id, **both}))

    def what_unknown(self, connection, id, params):
        for text in (reply(id + 1_000_000, "whose?"), reply("text", 1), reply(id, params)):
            self.say(connection, text)

    def what_giant(self, connection, id, params):
        self.say(connection, reply(id, "x" * params["bytes"]))

    def what_giant_first(self, connection, id, params):
        self.say(connection, '{"jsonrpc":"2.0","result":"' + "x" * params["bytes"] + f'","id":{id}}}')

    def what_glued(self, connection, id, params):
        self.say(connection, "\r\n\t " + json.dumps(json.loads(reply(id, params)), indent=2), end="")

    def what_draining(self, connection, id, params):
        self.say(connection, error(id, -32012, {"reason": "draining"}))

    def what_own(self, connection, id, params):
        self.say(connection, error(id, params["code"], params.get("data")))

    def what_slow(self, connection, id, params):
        class Slowly:
            def sendall(self, data):
                for at in range(len(data)):
                    connection.sendall(data[at:at + 1])
                    time.sleep(0.001)
        self.say(Slowly(), reply(id, params))

    def what_flaky(self, connection, id, params):
        with self.lock:
            self.failures -= 1
            failing = self.failures >= 0
        if failing:
            return self.drop(connection)
        self.say(connection, reply(id, params))


class Gate(Server):
    """Between the daemon and a good upstream. What passes is in its hands: `piece` bytes at a time, `delay` seconds
    late, the byte at `corrupt` of the next answer that holds `corrupt_in` replaced; closed() and open() stop and let
    go all that passes."""

    def __init__(self, target, **options):
        self.target = target
        self.piece = 0
        self.delay = 0.0
        self.corrupt = None
        self.corrupt_in = b""
        self.passing = threading.Event()
        self.passing.set()
        super().__init__(**options)

    def close(self):
        self.passing.set()
        super().close()

    def serve(self, connection):
        other = socket.create_connection(self.target, limit(5))
        other.settimeout(None)
        other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.sockets.add(other)
        back = threading.Thread(target=self._pump, args=(other, connection, True), daemon=True)
        back.start()
        try:
            self._pump(connection, other, False)
        finally:
            self.drop(other)
            back.join(limit(10))

    def _pump(self, source, sink, answers):
        try:
            while data := source.recv(1 << 16):
                self.passing.wait(limit(30))
                if self.delay:
                    time.sleep(self.delay)
                if answers and self.corrupt is not None and self.corrupt_in in data:
                    data = bytes(byte ^ 0x80 if at == self.corrupt else byte for at, byte in enumerate(data))
                    self.corrupt = None
                size = self.piece or len(data)
                for at in range(0, len(data), size):
                    sink.sendall(data[at:at + size])
            self.drop(sink)
        except OSError:
            self.cut()
