"""wrk: the load on servers that speak HTTP. One request in flight on each connection, sent by POST."""

import json
import re
import subprocess

from measure.load import WAIT_MAX_S
from measure.process import Failure, on_cores

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [=[{body}]=]
"""


def request(load, method="echo"):
    """As `sluice bench` sends them, with params of the same size."""
    return json.dumps({"jsonrpc": "2.0", "id": 1000000000000001, "method": method, "params": ["x" * (load.size - 4)]},
                      separators=(",", ":"))


def seconds(bench):
    """The length of a load: wrk counts whole seconds."""
    return max(1, round(bench.seconds))


def rate_of(bench, port, load, method="echo"):
    """Without a warm-up, which wrk does not have."""
    script = bench.path("lua")
    script.write_text(SCRIPT.format(body=request(load, method)), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds(bench)}s", "-s", script, f"http://127.0.0.1:{port}/"]
    try:
        with on_cores(bench.load_cores):
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                                  timeout=seconds(bench) + WAIT_MAX_S)
    except subprocess.SubprocessError as error:
        raise Failure(f"wrk: {error}") from None
    found = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
    if not found or "Non-2xx" in done.stdout or float(found[1]) == 0:
        raise Failure(f"wrk: {done.stdout}")
    return float(found[1])
