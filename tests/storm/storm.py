#!/usr/bin/env python3
"""A storm of clients that call, cancel, leave, half-close and send rubbish while the daemon is reloaded.

    SLUICED=build/release/bin/sluiced tests/storm/storm.py [--seconds 20] [--connections 200] [--seed N]

Afterwards nothing may be left: calls in flight, abandoned handlers, connections and open descriptors are
back where they were; every id was answered at most once, and exactly once on connections that stayed.
Exits 1 with the reasons where that does not hold. The seed is printed, and repeats what the clients do.
"""

import argparse
import asyncio
import collections
import json
import pathlib
import random
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from daemon import Daemon, SANITIZED, SLOW, eventually, limit  # noqa: E402

# Lines that are malformed before their end, whatever follows, so that only they are lost.
RUBBISH = [b"x", b"}", b"]", b"{\"a\" b", b"[1,,", b"\"\x01", b"\x00", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":tru ", b"nul ", b"\xff\xfe",
           b"[\"\xc3(\"]", b"{\"a\":01}", b"\"never closed", b"{'a':1}", b"//", b"{,", b"[\"\\q\"]"]

# Without a quotation mark: one would close a string that is never closed, and a bracket behind it would take
# the next line into an array, which is then lost with it.
RUBBISH_TAIL = b" abc{}[]\\\x00\xff"

# These pauses are what the storm is made of, and wait for nothing: clients that think between messages, so
# that calls of many are mixed and idle ones lie among busy ones, and an operator's rhythm. Seconds.
THINKING_MAX = 0.01
RELOAD_MIN, RELOAD_MAX = 0.2, 0.7
SCRAPE = 0.25


class Violation(Exception):
    pass


class Tally:
    def __init__(self):
        self.ends = collections.Counter()     # how connections ended
        self.codes = collections.Counter()    # what calls were answered
        self.sent = 0
        self.violations = []


class Client:
    """One connection's life. `pending` maps each id to whether an answer is certain."""

    def __init__(self, daemon, generator, tally):
        self.random = generator
        self.tally = tally
        self.kind = generator.choice(("tcp", "unix"))
        self.peer = daemon.tcp() if self.kind == "tcp" else daemon.unix()
        self.headers = generator.random() < 0.25
        self.pending = {}
        self.answered = set()
        self.next_id = 0
        self.left = False  # this side has gone: nothing is certain any more
        self.changed = asyncio.Event()

    # What is sent

    def new_id(self, certain=True):
        self.next_id += 1
        id = self.random.choice((self.next_id, f"id-{self.next_id}", f"é\"{self.next_id}", self.next_id + 0.5))
        self.pending[json.dumps(id)] = certain
        self.tally.sent += 1
        return id

    def call(self, certain=True):
        """(id, call) of a random kind; the id is None for a notification."""
        pick = self.random.random()
        params = None
        if pick < 0.35:
            method, params = "demo.echo", ["x" * self.random.choice((0, 1, 10, 100, 1000)), self.random.random()]
        elif pick < 0.5:
            method, params = "demo.echo_inline", {"a": [self.random.randrange(100)] * self.random.randrange(20)}
        elif pick < 0.6:
            method, params = "demo.sum", [1, 2, 3]
        elif pick < 0.78:
            method, params = "demo.sleep", {"ms": self.random.randrange(30)}
        elif pick < 0.84:
            method, params = "demo.hang", {"ms": self.random.randrange(15)}
        elif pick < 0.88:
            method, params = "demo.spin", {"ms": self.random.randrange(3)}
        elif pick < 0.91:
            method, params = "demo.fail", {"code": 7, "message": "m", "data": [1]}
        elif pick < 0.94:
            method = "demo.throw"
        elif pick < 0.96:
            method, params = "demo.sum", ["wrong"]
        elif pick < 0.98:
            method = "no.such"
        else:
            method, params = "rpc.discover", None
        body = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            body["params"] = params
        if self.random.random() < 0.1:
            body["timeout_ms"] = self.random.randrange(1, 40)
        id = None
        if self.random.random() < 0.9:
            id = body["id"] = self.new_id(certain)
        return id, body

    def frame(self, text):
        data = json.dumps(text, ensure_ascii=self.random.random() < 0.5).encode() if not isinstance(text, bytes) else text
        if self.headers:
            return b"Content-Length: %d\r\n\r\n" % len(data) + data
        return data + self.random.choice((b"\n", b"\n", b"", b"\r\n", b"\n\n"))

    def cancellation(self, id):
        dialect = self.random.randrange(3)
        if dialect == 0:
            return {"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": id}, "id": self.new_id()}
        if dialect == 1:
            return {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}}
        self.pending[json.dumps(id)] = False  # this dialect's calls stay silent
        return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}

    def message(self):
        pick = self.random.random()
        if pick < 0.1:
            return self.frame([self.call()[1] for _ in range(self.random.randrange(1, 12))])
        if pick < 0.25:  # a long call that would never end by itself
            id = self.new_id()
            body = {"jsonrpc": "2.0", "method": "demo.sleep", "params": {"ms": 600_000}, "id": id}
            if self.random.random() < 0.3:
                return self.frame({**body, "timeout_ms": self.random.randrange(1, 100)})
            return self.frame(body) + self.frame(self.cancellation(id))
        if pick < 0.35:
            id, body = self.call()
            return self.frame(body) + (self.frame(self.cancellation(id)) if id is not None else b"")
        if pick < 0.42:
            rubbish = self.random.choice(RUBBISH) + bytes(self.random.choice(RUBBISH_TAIL) for _ in range(self.random.randrange(30)))
            # A value without a newline behind it would be on the rubbish's line, so the line ends before it.
            return self.frame(rubbish) if self.headers else b"\n" + rubbish + b"\n"
        return self.frame(self.call()[1])

    async def write(self, data):
        size = self.random.choice((1 << 20, 1 << 20, 1000, 37, 7))
        for at in range(0, len(data), size):
            self.writer.write(data[at:at + size])
            await self.writer.drain()
            if size < 1000 and self.random.random() < 0.1:
                await asyncio.sleep(0)  # lets others at it in the middle of a message

    # What is received

    async def read_text(self):
        if not self.headers:
            line = await self.reader.readline()
            if line and not line.endswith(b"\n"):
                raise Violation(f"the stream ends inside a reply: {line[:200]!r}")
            return line
        length = None
        while True:
            line = await self.reader.readline()
            if not line:
                return b""
            if line == b"\r\n":
                return await self.reader.readexactly(length)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])

    async def read_all(self):
        """Until the end of the stream."""
        while text := await self.read_text():
            replies = json.loads(text)
            for reply in replies if isinstance(replies, list) else [replies]:
                self.take(reply)
            if not any(self.pending.values()):
                self.changed.set()

    def take(self, reply):
        code = reply["error"]["code"] if "error" in reply else "ok"
        self.tally.codes[code] += 1
        if reply["id"] is None:
            if code not in (-32700, -32600, -32010):
                raise Violation(f"an answer to nobody: {reply}")
            return
        key = json.dumps(reply["id"])
        if key in self.answered:
            raise Violation(f"answered twice: {reply}")
        if key not in self.pending:
            raise Violation(f"never asked: {reply}")
        self.answered.add(key)
        del self.pending[key]

    # How it ends

    async def run(self):
        end = self.random.choice(("stay", "stay", "stay", "half-close", "half-close", "reset", "reset", "close", "truncate", "vanish"))
        opener = asyncio.open_unix_connection if self.kind == "unix" else asyncio.open_connection
        where = (self.peer,) if self.kind == "unix" else self.peer
        try:
            self.reader, self.writer = await opener(*where, limit=1 << 24)
        except OSError as error:
            raise Violation(f"no connection: {error}")
        try:
            if end != "vanish":
                await asyncio.wait_for(self.converse(end), limit(60))
        except (TimeoutError, asyncio.TimeoutError):
            raise Violation(f"{end}: unanswered after {limit(60)} s: {self.certain()[:5]}")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if not self.left:
                raise Violation(f"{end}: the daemon broke the connection: {error!r}, unanswered {self.certain()[:5]}")
        finally:
            self.tally.ends[end] += 1
            # One that was closed and has ended meanwhile can't be aborted (asyncio of Python 3.11).
            if not self.writer.transport.is_closing():
                self.writer.transport.abort()

    def certain(self):
        return [id for id, is_certain in self.pending.items() if is_certain]

    async def converse(self, end):
        reading = asyncio.create_task(self.read_all())
        try:
            for _ in range(self.random.randrange(1, 40)):
                await self.write(self.message())
                if self.random.random() < 0.2:
                    await asyncio.sleep(self.random.random() * THINKING_MAX)
            await getattr(self, "end_" + end.replace("-", "_"))(reading)
        finally:
            if not reading.done():
                reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if not reading.cancelled() and reading.exception() and not self.left:
            raise reading.exception()

    async def end_stay(self, reading):
        """Waits for every answer, then leaves."""
        if self.certain():
            self.changed.clear()
            waiting = asyncio.create_task(self.changed.wait())
            done, _ = await asyncio.wait((waiting, reading), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if reading in done:
                reading.result()
                if self.certain():
                    raise Violation(f"closed by the daemon with calls unanswered: {self.certain()[:5]}")

    async def end_half_close(self, reading):
        """Says that nothing more comes, and gets every answer and then the end."""
        self.writer.write_eof()
        await reading
        if self.certain():
            raise Violation(f"half-closed, and these were not answered: {self.certain()[:5]}")

    async def end_truncate(self, reading):
        """Half-closes in the middle of a message."""
        self.writer.write(b'Content-Length: 100\r\n\r\n{"jsonrpc":' if self.headers else b'{"jsonrpc":"2.0","id":"never')
        await self.end_half_close(reading)

    async def end_reset(self, reading):
        self.left = True
        if self.kind == "tcp":
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def end_close(self, reading):
        self.left = True
        self.writer.close()


def configuration(generator):
    """A random change that keeps the storm's rules true."""
    return {
        "server": {"max_batch": generator.randrange(12, 1000), "batch_width": generator.randrange(1, 32),
                   "connection_window": generator.randrange(1, 200), "call_timeout": f"{generator.randrange(100, 3000)}ms"},
        "methods": {"demo.sleep": {"max_concurrent": generator.randrange(1, 400)}, "demo.*": {"timeout": f"{generator.randrange(50, 3000)}ms"}},
        "log": {"level": generator.choice(("info", "warn", "debug")), "slow_call": generator.choice(("1ms", "1s"))},
    }


async def reload_now_and_then(daemon, generator, end):
    listen, count = daemon.parts["listen"], 0
    while time.monotonic() < end:
        await asyncio.sleep(generator.uniform(RELOAD_MIN, RELOAD_MAX))
        extra = [f"unix://{daemon.directory}/extra{generator.randrange(3)}.sock"] if generator.random() < 0.5 else []
        if generator.random() < 0.2:
            daemon.reload(text="[server]\nworker = broken\n")
        else:
            daemon.reload(listen=listen + extra, **configuration(generator))
        count += 1
    return count


async def one_after_another(daemon, generator, tally, end):
    while time.monotonic() < end and len(tally.violations) < 5:
        try:
            await Client(daemon, random.Random(generator.random()), tally).run()
        except Violation as violation:
            tally.violations.append(str(violation))
        except Exception as error:  # a mistake in this file must not look like success
            tally.violations.append(f"{type(error).__name__}: {error}")


async def scrape_now_and_then(daemon, tally, end):
    loop = asyncio.get_running_loop()
    while time.monotonic() < end:
        try:
            await loop.run_in_executor(None, daemon.metrics)
        except Exception as error:
            tally.violations.append(f"metrics: {error}")
        await asyncio.sleep(SCRAPE)


async def storm(daemon, seed, seconds, connections, tally):
    end = time.monotonic() + seconds
    clients = [one_after_another(daemon, random.Random(f"{seed}/{number}"), tally, end) for number in range(connections)]
    results = await asyncio.gather(reload_now_and_then(daemon, random.Random(f"{seed}/reload"), end),
                                   scrape_now_and_then(daemon, tally, end), *clients)
    return results[0]


def remains(metrics, descriptors):
    names = ("sluice_calls_in_flight", "sluice_calls_abandoned", "sluice_connections", "sluice_worker_busy", "sluice_worker_queue_depth")
    return {**{name: int(metrics.value(name)) for name in names}, "descriptors": descriptors}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--connections", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = arguments.parse_args()
    print(f"storm: seed {options.seed}, {options.connections} connections, {options.seconds:g} s", flush=True)

    # Few workers and a short queue, so that refusals are part of it.
    server = {"workers": 4, "worker_queue": 100, "call_timeout": "5s", "drain_timeout": "5s", "connection_window": 64, "max_connections": 5000}
    daemon = Daemon(server=server).start()
    tally = Tally()
    try:
        listen = daemon.parts["listen"]
        with daemon.connect() as connection, daemon.connect("unix") as other:
            connection.fence()
            other.fence()
        daemon.wait_connections(0)
        before = remains(daemon.metrics(), daemon.open_descriptors())
        reloads = asyncio.run(storm(daemon, options.seed, options.seconds, options.connections, tally))
        if daemon.process.poll() is not None:
            tally.violations.append(f"the daemon died with {daemon.process.returncode}")
        else:
            daemon.parts["methods"] = daemon.parts["log"] = None
            daemon.reload(listen=listen, server=server)
            after = {}

            def settled():
                after.update(remains(daemon.metrics(), daemon.open_descriptors()))
                return after == before

            try:
                eventually(15, settled)
            except AssertionError:
                tally.violations.append(f"not back where it was: before {before}, after {after}")
            with daemon.connect() as connection:
                connection.fence()
            status = daemon.stop()
            if status != 0:
                tally.violations.append(f"exit code {status} after SIGTERM")
        if SANITIZED.search(daemon.log_text()):
            tally.violations.append("a sanitizer complains:\n" + daemon.log_text())
        if not tally.codes:
            tally.violations.append("nothing was answered")
        print(f"storm: {sum(tally.ends.values())} connections ({', '.join(f'{count} {end}' for end, count in tally.ends.most_common())}), "
              f"{tally.sent} ids, {reloads} reloads")
        print("storm: answers: " + ", ".join(f"{count} {code}" for code, count in tally.codes.most_common()))
    except AssertionError as error:
        tally.violations.append(str(error))
    finally:
        daemon.kill()
    if tally.violations:
        for violation in tally.violations[:20]:
            print(f"storm: VIOLATION: {violation}")
        if daemon.process.returncode not in (0, None):
            print("\n".join(daemon.log[-40:]))
        print(f"storm: FAILED, seed {options.seed}")
        return 1
    print("storm: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
