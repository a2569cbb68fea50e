"""Messages of the attackers: built once, sent again and again."""

import base64
import json
import struct

BATCH = 1000  # entries: what max_batch allows by default
BIG_BYTES = 4 * 1024 * 1024 - 1024  # just under max_message
NESTED_LEVELS = 120  # just under what a message may have


def call(method, params=None, number=1):
    text = {"jsonrpc": "2.0", "id": number, "method": method}
    return (json.dumps(text if params is None else {**text, "params": params}) + "\n").encode()


def batch(entry, count=BATCH):
    return b"[" + b",".join([entry.strip()] * count) + b"]\n"


def cancel(escapes=120):
    """A cancel whose id has to be unescaped before it can be compared."""
    return b'{"jsonrpc":"2.0","id":2,"method":"rpc.cancel","params":{"id":"' + b"\\u0041" * escapes + b'"}}'


def pending(count=64, escapes=120):
    """Calls in flight whose ids such cancels are compared with."""
    entry = b'{"jsonrpc":"2.0","id":"%s%d","method":"demo.sleep","params":{"ms":60000}}'
    return b"".join(entry % (b"\\u0042" * escapes, number) + b"\n" for number in range(count))


def nested():
    """A message of the greatest depth, as wide as fits into 256 KiB."""
    value = b"[" * NESTED_LEVELS + b"]" * NESTED_LEVELS
    params = b"[" + b",".join([value] * (256 * 1024 // len(value))) + b"]"
    return b'{"jsonrpc":"2.0","id":1,"method":"demo.echo_inline","params":' + params + b"}\n"


def too_deep():
    return b"[" * 100_000 + b"\n"


def big(method="demo.echo_inline"):
    return b'{"jsonrpc":"2.0","id":1,"method":"%s","params":["%s"]}\n' % (method.encode(), b"x" * BIG_BYTES)


def oversize(count=4):
    """Messages over the limit, whose ends have to be looked for."""
    return (b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["' + b"y" * (5 << 20) + b'"]}\n') * count


def http(body, headers=b""):
    return (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
            % (headers, len(body)) + body)


def websocket_greeting():
    key = base64.b64encode(b"0123456789abcdef")
    return (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")


def websocket_frame(opcode, data=b"", final=True):
    """Masked with zeros, so that the data stays readable."""
    head = bytes([(0x80 if final else 0) | opcode])
    if len(data) < 126:
        length = bytes([0x80 | len(data)])
    elif len(data) < 1 << 16:
        length = bytes([0x80 | 126]) + struct.pack(">H", len(data))
    else:
        length = bytes([0x80 | 127]) + struct.pack(">Q", len(data))
    return head + length + bytes(4) + data
