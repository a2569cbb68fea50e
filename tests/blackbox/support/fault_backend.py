"""A child process that does what the method says, also what it should not.

Methods are `NAME.WHAT`; what WHAT does is below. With $STARTS each start appends a line to that file, with
$FAIL_STARTS the first so many end at once, with $SLOW_START it takes so many seconds to begin.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time

seen = []  # notifications


def line():
    text = sys.stdin.readline()
    if not text:
        sys.exit(0)
    return text


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def raw(text):
    os.write(1, text if isinstance(text, bytes) else text.encode())


def answer(call, result):
    say({"jsonrpc": "2.0", "id": call["id"], "result": result})


def until_cancelled(call):
    """Serves what comes meanwhile, as a child with concurrency would."""
    while True:
        other = json.loads(line())
        if other["method"] == "rpc.cancel":
            seen.append(other)
            if other["params"]["id"] == call["id"]:
                error = {"code": -32800, "message": "Request cancelled"}
                return say({"jsonrpc": "2.0", "id": call["id"], "error": error})
        else:
            serve(other)


def serve(call):
    what = call["method"].split(".")[-1]
    params = call.get("params")
    if "id" not in call:
        seen.append(call)
        if os.environ.get("NOTED"):
            with open(os.environ["NOTED"], "a") as noted:
                noted.write(json.dumps(call) + "\n")
    elif what == "echo":
        # Its own bytes, as they came.
        text = serve.text
        begin = text.index('"params":') + 9
        raw('{"id":%d,"result":%s,"jsonrpc":"2.0"}\n' % (call["id"], text[begin:text.index(',"timeout_ms"')]))
    elif what == "call":
        answer(call, call)
    elif what == "pid":
        answer(call, os.getpid())
    elif what == "sleep":
        time.sleep(params[0])
        answer(call, os.getpid())
    elif what == "seen":
        answer(call, seen)
    elif what == "surroundings":
        answer(call, {"environment": dict(os.environ), "directory": os.getcwd(),
                      "user": os.getuid(), "group": os.getpgrp(),
                      "descriptors": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
                      "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
                      "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
                      "ignored": [s for s in range(1, 32) if signal.getsignal(s) == signal.SIG_IGN],
                      "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))})
    elif what == "until_cancelled":
        until_cancelled(call)
    elif what == "fail":
        say({"jsonrpc": "2.0", "id": call["id"], "error": params})
    elif what == "die":
        os._exit(params[0] if params else 3)
    elif what == "half_then_die":
        raw('{"jsonrpc":"2.0","id":%d,"resu' % call["id"])
        os._exit(0)
    elif what == "answer_then_die":
        answer(call, "the last answer")
        os._exit(0)
    elif what == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    elif what == "regroup":
        try:
            os.setpgid(0, os.getpgid(os.getppid()))
        except PermissionError:
            pass
        while True:
            time.sleep(1)
    elif what == "ignore":
        pass
    elif what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif what == "text":
        raw("a line for the log\n\x1b[31mred\x1b[0m\n{}\n[]\n[1,2\n\n   \n\"text\"\n\xff\n")
        answer(call, "text")
    elif what == "unknown_id":
        say({"jsonrpc": "2.0", "id": 99999999, "result": 1})
        say({"jsonrpc": "2.0", "id": "text", "result": 1})
        answer(call, "known")
    elif what == "logged":
        say({"id": call["id"], "level": "info", "message": "at work"})
        answer(call, "logged")
    elif what == "twice":
        answer(call, "once")
        answer(call, "twice")
    elif what == "both":
        say({"jsonrpc": "2.0", "id": call["id"], "result": 1, "error": {"code": 1, "message": "both"}})
    elif what == "reply_with":
        raw('{"jsonrpc":"2.0","id":%d,%s}\n' % (call["id"], params[0]))
    elif what == "flood":
        end = time.monotonic() + params[0]
        while time.monotonic() < end:
            raw(b"invalid " * 4096 + b"\n")
        answer(call, "flooded")
    elif what == "errors":
        os.write(2, b"".join(b"line %d\n" % i for i in range(params[0])))
        answer(call, "said")
    elif what == "giant":
        raw('{"jsonrpc":"2.0","id":%d,"result":"' % call["id"] if params[1] else '{"result":"')
        for _ in range(params[0]):
            raw(b"x" * (1 << 20))
        raw('"}\n' if params[1] else '","id":%d}\n' % call["id"])
    elif what == "long_foreign":
        raw('{"jsonrpc":"2.0","id":987654321,"result":"' + "x" * 300000 + '"}\n')
        answer(call, "mine")
    elif what == "endless":
        while True:
            raw(b"x" * (1 << 20))
    elif what == "deaf":
        answer(call, "deaf")
        while True:
            time.sleep(1)
    elif what == "mute":
        os.close(1)
        time.sleep(60)
    elif what == "descendant":
        answer(call, subprocess.Popen(["sleep", "600"]).pid)
    elif call["method"] == "rpc.discover":
        answer(call, {"openrpc": "1.3.2", "info": {"title": "fault", "version": "1"}, "methods": [
            {"name": "found." + name, "summary": "a summary", "params": [
                {"name": "value", "required": True, "schema": {"type": "integer"}}],
             "result": {"name": "it", "schema": {"type": "string"}}} for name in ("pid", "call")] + [
            {"name": "rpc.hidden", "params": []}, {"name": 7}, "no method"]})
    else:
        say({"jsonrpc": "2.0", "id": call["id"], "error": {"code": 404, "message": "there is no such thing"}})


if os.environ.get("STARTS"):
    with open(os.environ["STARTS"], "a+") as starts:
        starts.write("start\n")
        starts.flush()
        starts.seek(0)
        if len(starts.readlines()) <= int(os.environ.get("FAIL_STARTS", 0)):
            os._exit(1)
time.sleep(float(os.environ.get("SLOW_START", 0)))
while True:
    serve.text = line()
    serve(json.loads(serve.text))
