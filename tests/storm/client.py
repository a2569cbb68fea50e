"""The calls of a client of the storm, and the rules for its answers, whatever the protocol."""

import asyncio
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from support.json_rpc import call_object, check_reply, code, message  # noqa: E402
from support.sockets import reset_when_closed  # noqa: E402
from support.timing import limit  # noqa: E402

# Lines that are malformed before their end, whatever follows, so that only they are lost.
INVALID = [b"x", b"}", b"]", b"{\"a\" b", b"[1,,", b"\"\x01", b"\x00", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":tru ", b"nul ", b"\xff\xfe",
           b"[\"\xc3(\"]", b"{\"a\":01}", b"\"never closed", b"{'a':1}", b"//", b"{,", b"[\"\\q\"]"]

# Without a quotation mark: one would close a string that is never closed, and a bracket behind it would take
# the next line into an array, which is then lost with it.
INVALID_TAIL = b" abc{}[]\\\x00\xff"

# A client thinks between messages, so that calls of many are mixed and idle ones lie among busy ones. It waits
# for nothing. Seconds.
THINKING_MAX = 0.01

# In how many pieces a message is sent; the last is the rest. More of them are work for this program, not for the daemon.
PIECES_MAX = 50


# Behind what ends a connection: it must not be answered.
NEVER_RUN = message("demo.sum", [1], "never to be run").encode()


class Violation(Exception):
    pass


class Tally:
    def __init__(self):
        self.protocols = collections.Counter()
        self.ends = collections.Counter()     # how connections ended
        self.codes = collections.Counter()    # what calls were answered
        self.sent = 0
        self.violations = []


class Client:
    """One connection's life. `pending` maps each id to whether an answer is certain.

    What a protocol adds: frame() and invalid() give the bytes of a message and of an invalid one, read_replies()
    the replies in what comes next or None at the end, beginning() a message cut short; greet() comes first,
    owed() tells of what is due beside the answers to ids, and `ends` how it may end."""

    name = ""
    nameless_codes = (-32700, -32600, -32010)  # of answers without an id
    ends = ("stay", "stay", "stay", "half-close", "half-close", "reset", "reset", "close", "truncate", "vanish")

    def __init__(self, daemon, generator, tally):
        self.random = generator
        self.tally = tally
        self.kind = generator.choice(("tcp", "unix"))
        self.peer = daemon.tcp() if self.kind == "tcp" else daemon.unix()
        self.pending = {}
        self.answered = set()
        self.next_id = 0
        self.left = False  # this side has gone: nothing is certain any more
        self.changed = asyncio.Event()

    async def greet(self):
        pass

    def owed(self):
        return []

    # Sending

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
        more = {"timeout_ms": self.random.randrange(1, 40)} if self.random.random() < 0.1 else {}
        id = self.new_id(certain) if self.random.random() < 0.9 else None
        return id, call_object(method, params, id, **more)

    def encoded(self, body):
        return json.dumps(body, ensure_ascii=self.random.random() < 0.5).encode()

    def invalid_text(self):
        return self.random.choice(INVALID) + bytes(self.random.choice(INVALID_TAIL) for _ in range(self.random.randrange(30)))

    def cancellation(self, id):
        dialect = self.random.randrange(3)
        if dialect == 0:
            return call_object("rpc.cancel", {"id": id}, self.new_id())
        if dialect == 1:
            return call_object("$/cancelRequest", {"id": id})
        self.pending[json.dumps(id)] = False  # this dialect's calls stay silent
        return call_object("notifications/cancelled", {"requestId": id})

    def message(self):
        pick = self.random.random()
        if pick < 0.1:
            return self.frame([self.call()[1] for _ in range(self.random.randrange(1, 12))])
        if pick < 0.25:  # a long call that would never end by itself
            id = self.new_id()
            body = call_object("demo.sleep", {"ms": 600_000}, id)
            if self.random.random() < 0.3:
                return self.frame({**body, "timeout_ms": self.random.randrange(1, 100)})
            return self.frame(body) + self.frame(self.cancellation(id))
        if pick < 0.35:
            id, body = self.call()
            return self.frame(body) + (self.frame(self.cancellation(id)) if id is not None else b"")
        if pick < 0.42:
            return self.invalid()
        return self.frame(self.call()[1])

    async def write(self, data):
        size = self.random.choice((1 << 20, 1 << 20, 1000, 37, 7))
        cuts = range(0, len(data), size)[:PIECES_MAX]
        for begin, end in zip(cuts, [*cuts[1:], len(data)]):
            self.writer.write(data[begin:end])
            await self.writer.drain()
            if size < 1000 and self.random.random() < 0.1:
                await asyncio.sleep(0)  # lets others at it in the middle of a message

    # Receiving

    async def read_all(self):
        """Until the end of the stream."""
        while (replies := await self.read_replies()) is not None:
            for reply in replies:
                self.take(reply)
            if not self.unanswered():
                self.changed.set()

    def take(self, reply):
        try:
            answer = code(check_reply(reply))
        except (AssertionError, LookupError, TypeError) as wrong:
            raise Violation(f"not a reply: {reply}: {wrong!r}")
        self.tally.codes[answer] += 1
        if reply["id"] is None:
            if answer not in self.nameless_codes:
                raise Violation(f"an answer without an id: {reply}")
            return
        key = json.dumps(reply["id"])
        if key in self.answered:
            raise Violation(f"answered twice: {reply}")
        if key not in self.pending:
            raise Violation(f"never asked: {reply}")
        self.answered.add(key)
        del self.pending[key]

    def unanswered(self):
        return [id for id, is_certain in self.pending.items() if is_certain] + self.owed()

    # The end

    async def run(self):
        end = self.random.choice(self.ends)
        opener = asyncio.open_unix_connection if self.kind == "unix" else asyncio.open_connection
        where = (self.peer,) if self.kind == "unix" else self.peer
        life = f"{self.name}, {end}"
        try:
            self.reader, self.writer = await opener(*where, limit=1 << 24)
        except OSError as error:
            raise Violation(f"{life}: no connection: {error}")
        try:
            if end != "vanish":
                await asyncio.wait_for(self.converse(end), limit(60))
        except Violation as violation:
            raise Violation(f"{life}: {violation}")
        except (TimeoutError, asyncio.TimeoutError):
            raise Violation(f"{life}: unanswered after {limit(60)} s: {self.unanswered()[:5]}")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if not self.left:
                raise Violation(f"{life}: the daemon broke the connection: {error!r}, unanswered {self.unanswered()[:5]}")
        finally:
            self.tally.protocols[self.name] += 1
            self.tally.ends[end] += 1
            # One that was closed and has ended meanwhile can't be aborted (asyncio of Python 3.11).
            if not self.writer.transport.is_closing():
                self.writer.transport.abort()

    async def converse(self, end):
        await self.greet()
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
        if self.unanswered():
            self.changed.clear()
            waiting = asyncio.create_task(self.changed.wait())
            done, _ = await asyncio.wait((waiting, reading), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if reading in done:
                reading.result()
                if self.unanswered():
                    raise Violation(f"closed by the daemon with calls unanswered: {self.unanswered()[:5]}")

    async def read_to_end(self, reading):
        await reading
        if self.unanswered():
            raise Violation(f"ended, and these were not answered: {self.unanswered()[:5]}")

    async def end_half_close(self, reading):
        """Says that nothing more comes, and gets every answer and then the end."""
        self.writer.write_eof()
        await self.read_to_end(reading)

    async def be_dropped(self, reading):
        """For protocols where the end of input drops calls: which are answered is open, but no answer is wrong."""
        self.left = True
        self.writer.write_eof()
        outcome, = await asyncio.gather(reading, return_exceptions=True)
        if isinstance(outcome, Violation):
            raise outcome

    async def end_truncate(self, reading):
        """Half-closes in the middle of a message."""
        self.writer.write(self.beginning())
        await self.end_half_close(reading)

    async def end_reset(self, reading):
        self.left = True
        reset_when_closed(self.writer.get_extra_info("socket"))
        self.writer.transport.abort()

    async def end_close(self, reading):
        self.left = True
        self.writer.close()
