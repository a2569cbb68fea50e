"""A child process that tells what it was sent, and answers what it is asked to.

    wire_backend.py [--lsp] [--first LINE]

Methods are `NAME.WHAT`; what WHAT does is below. With --lsp messages have headers, with --first that line comes first.
"""

import json
import os
import sys

LSP = "--lsp" in sys.argv
waiting = {}        # calls that are not answered yet, by id
notifications = []  # in the order in which they came


def read():
    """The text of the next message, and its head."""
    if not LSP:
        return sys.stdin.buffer.readline().decode(), ""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sys.stdin.buffer.read(1)
        if not byte:
            return "", ""
        head += byte
    length = int(head.split(b":")[1])
    return sys.stdin.buffer.read(length).decode(), head.decode()


def write(text):
    data = text.encode()
    os.write(1, b"Content-Length: %d\r\n\r\n%s" % (len(data), data) if LSP else data + b"\n")


def answer(id, result):
    write(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}))


def serve(call, text, head):
    if "id" not in call:
        notifications.append(call)
        return
    what, id, params = call["method"].split(".")[-1], call["id"], call.get("params")
    if what == "call":
        answer(id, call)
    elif what == "text":
        # The text as it was read, as Python's readers would have split it, and with universal newlines.
        universal = text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        answer(id, {"text": text, "lines": len(text.splitlines()), "universal": universal, "head": head})
    elif what == "say":
        write(params[0].replace("ID", str(id)))
    elif what == "wait":
        waiting[id] = params
    elif what == "release":
        for each, value in waiting.items():
            answer(each, value)
        waiting.clear()
        answer(id, "released")
    elif what == "pid":
        answer(id, os.getpid())
    elif what == "noted":
        answer(id, notifications)
    elif what == "end":
        os._exit(0)
    else:
        write(json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found"}}))


if "--first" in sys.argv:
    write(sys.argv[sys.argv.index("--first") + 1])
while True:
    text, head = read()
    if not text:
        break
    serve(json.loads(text), text, head)
