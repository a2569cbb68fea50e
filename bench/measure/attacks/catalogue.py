"""All attacks by name. Each is a function of the server's addresses (by scheme) and of when to end."""

import contextlib
import json
import ssl
import subprocess
import time

from measure.attacks import messages
from measure.attacks.flood import RECONNECT_PAUSE_S, churn, connect, flood

REPEAT = 64 * 1024  # bytes of a payload that is sent at once, at least


def repeated(message):
    return message * max(1, REPEAT // len(message))


def flooding(message, count=1, scheme="tcp", **more):
    payload = repeated(message)
    return lambda where, ended: flood(where[scheme], ended, count=count, payload=payload, **more)


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def key_updates(where, ended):
    """OpenSSL's own client sends a KeyUpdate for each line `k`."""
    address = where["tls"].removeprefix("tcp://")
    while not ended():
        client = subprocess.Popen(["openssl", "s_client", "-connect", address, "-tls1_3"], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not ended() and client.poll() is None:
                client.stdin.write(b"k\n" * 1000)
                client.stdin.flush()
        except OSError:
            time.sleep(RECONNECT_PAUSE_S)
        finally:
            client.kill()
            with contextlib.suppress(OSError):
                client.stdin.close()
            client.wait()


def tiny_records(where, ended):
    """One byte of white space in each TLS record."""
    while not ended():
        with contextlib.suppress(OSError), connect(where["tls"]) as raw:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = trusting().wrap_bio(incoming, outgoing)
            shake_hands(tls, raw, incoming, outgoing)
            while not ended():
                for _ in range(2000):
                    tls.write(b" ")
                raw.sendall(outgoing.read())


def shake_hands(tls, raw, incoming, outgoing):
    while True:
        try:
            tls.do_handshake()
            raw.sendall(outgoing.read())
            return
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            data = raw.recv(1 << 16)
            if not data:
                raise ConnectionResetError from None
            incoming.write(data)


def handshakes(where, ended):
    context = trusting()
    while not ended():
        with contextlib.suppress(OSError), connect(where["tls"]) as raw, context.wrap_socket(raw):
            pass


def hellos(where, ended):
    """The first message of a handshake, and a reset: the server's work without the client's."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting().wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    churn(where["tls"], ended, first_bytes=outgoing.read(), resets=True)


def half_messages(where, ended, count=500):
    """Connections that have begun a message, to which each adds a byte from time to time."""
    links = []
    try:
        while not ended():
            if len(links) < count:
                with contextlib.suppress(OSError):
                    links.append(connect(where["tcp"]))
                    links[-1].sendall(b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["')
                continue
            for link in links:
                with contextlib.suppress(OSError):
                    link.sendall(b"z")
    finally:
        for link in links:
            link.close()


def unfinished(where, ended, count=50):
    """Strings of nearly 4 MiB whose end never comes."""
    flood(where["tcp"], ended, count=count, greeting=messages.big()[:-4])


def listings(where, ended):
    """`rpc.calls` again and again beside thousands of calls in flight."""
    waiting = messages.call("demo.sleep", {"ms": 60000}) * 128
    links = []
    try:
        for _ in range(32):
            link = connect(where["tcp"])
            link.sendall(waiting)
            links.append(link)
        flood(where["tcp"], ended, count=4, payload=repeated(messages.call("rpc.calls")))
    finally:
        for link in links:
            link.close()


def stalled_batches(where, ended, connections=20, batches=7):
    """Batches whose replies are kept while one entry hangs."""
    hanging = messages.call("demo.hang", {"ms": 3000}).strip()
    entry = messages.call("rpc.discover").strip()
    text = b"[" + b",".join([entry] * 999 + [hanging]) + b"]\n"
    flood(where["tcp"], ended, count=connections, greeting=text * batches)


def abandoned_calls(where, ended):
    """Calls that take long, of clients that leave at once."""
    churn(where["tcp"], ended, first_bytes=messages.call("demo.sleep", {"ms": 1000}) * 8)



def upstream_page(where, ended):
    """Pipelined HTTP requests that are not calls."""
    flood(where["tcp"], ended, count=16, payload=repeated(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"))


TOKEN = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.authenticate", "params": {"token": "wrong"}}).encode() + b"\n"
ECHO = messages.call("demo.echo_inline", ["x" * 96])
NOTIFICATION = b'{"jsonrpc":"2.0","method":"demo.echo_inline","params":[1]}\n'

# Calls behind those of these attackers may wait for a worker as long as theirs take: only inline calls must be quick.
TAKE_WORKERS = {"abandoned calls", "cancels with escapes", "cancels, batches pending", "rpc.calls", "stalled batches"}

ATTACKS = {
    "errors": flooding(b"x\n", count=64),
    "errors in batches": flooding(b"[" + b",".join([b"1"] * messages.BATCH) + b"]\n"),
    "errors in headers": flooding(b"Content-Length: 1\r\n\r\nx", count=16),
    "cancels with escapes": flooding(messages.batch(messages.cancel()), greeting=messages.pending()),
    "cancels, batches pending": flooding(
        messages.batch(messages.cancel()),
        greeting=b"[" + messages.pending(999).strip().replace(b"\n", b",") + b"]\n"),
    "key updates": key_updates,
    "tiny records": tiny_records,
    "deep nesting": flooding(messages.nested(), count=4),
    "too deep": flooding(messages.too_deep(), count=4),
    "4 MiB messages": flooding(messages.big(), count=8),
    "4 MiB for workers": flooding(messages.big("demo.echo"), count=8),
    "messages over the limit": flooding(messages.oversize(), count=4),
    "notifications": flooding(NOTIFICATION, count=8),
    "calls": flooding(ECHO, count=64),
    "rpc.discover": flooding(messages.batch(messages.call("rpc.discover"))),
    "rpc.calls": listings,
    "wrong tokens": flooding(TOKEN, count=8),
    "handshakes": handshakes,
    "hellos": hellos,
    "resets": lambda where, ended: churn(where["tcp"], ended, first_bytes=ECHO, resets=True),
    "connection churn": lambda where, ended: churn(where["tcp"], ended),
    "half messages": half_messages,
    "unfinished strings": unfinished,
    "slow readers": flooding(messages.call("demo.echo_inline", ["x" * 4000]), count=32, reads=False),
    "stalled batches": stalled_batches,
    "abandoned calls": abandoned_calls,
    "HTTP requests": upstream_page,
    "WebSocket pings": flooding(messages.websocket_frame(9, b"ping"), count=8, greeting=messages.websocket_greeting()),
    "WebSocket fragments": flooding(messages.websocket_frame(0, b"", final=False), count=8,
                                    greeting=messages.websocket_greeting() + messages.websocket_frame(1, b"", final=False)),
}
