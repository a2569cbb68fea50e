"""A child process that says what it was started with, and ends as it is asked to.

Methods are `NAME.WHAT`. With $RECYCLE it exits with $RECYCLE_STATUS, or 0, after so many answers; with $LAST_LINE it
ends at once, and says that on stderr without a newline.
"""

import json
import os
import resource
import sys
import time


def daemonize(command):
    """Runs `command` as a grandchild in a session of its own, whose parent has ended."""
    read, write = os.pipe()
    between = os.fork()
    if between == 0:
        os.setsid()
        helper = os.fork()
        if helper == 0:
            os.execvp(command[0], command)
        os.write(write, str(helper).encode())
        os._exit(0)
    os.waitpid(between, 0)
    helper = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    return helper


def status():
    return dict(line.split(":", 1) for line in open("/proc/self/status"))


def result_of(what, params):
    if what == "pid":
        return os.getpid()
    if what == "surroundings":
        return {"environment": dict(os.environ), "directory": os.getcwd(),
                "limits": {name: list(resource.getrlimit(getattr(resource, name)))
                           for name in dir(resource) if name.startswith("RLIMIT_")},
                "niceness": os.nice(0), "umask": status()["Umask"].strip(), "groups": os.getgroups(),
                "oom": open("/proc/self/oom_score_adj").read().strip(), "blocked": status()["SigBlk"].strip(),
                "processors": sorted(os.sched_getaffinity(0))}
    if what == "sleep":
        time.sleep(params[0])
        return os.getpid()
    if what == "helper":
        return daemonize(["sleep", str(params[0])])
    if what == "descendant":
        child = os.fork()
        if child == 0:
            time.sleep(600)
        return child
    if what == "exit":
        os._exit(params[0])
    return None


if os.environ.get("LAST_LINE"):
    os.write(2, b"one\n" + os.environ["LAST_LINE"].encode())
    os._exit(1)
answers = 0
for line in iter(sys.stdin.readline, ""):
    call = json.loads(line)
    if "id" not in call:
        continue
    reply = {"jsonrpc": "2.0", "id": call["id"], "result": result_of(call["method"].split(".")[-1], call.get("params"))}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
    answers += 1
    if answers == int(os.environ.get("RECYCLE", 0)):
        os._exit(int(os.environ.get("RECYCLE_STATUS", 0)))
