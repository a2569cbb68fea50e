"""Output of the built programs: their help, and the metrics of a daemon that has served a call."""

import pathlib
import re
import subprocess
import tempfile
import threading
import urllib.request

LIMIT_S = 30
# On free ports; with a backend, so that its metrics are there. Without a call its process never starts.
CONFIGURATION = """
[[listen]]
address = "tcp://127.0.0.1:0"
[admin]
address = "tcp://127.0.0.1:0"
[[backend]]
name = "example"
command = ["cat"]
methods = ["example.*"]
start = "lazy"
"""


def help_of(*command):
    return subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout


def metrics_of(daemon, client):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "sluiced.toml")
        file.write_text(CONFIGURATION, encoding="utf-8")
        running = subprocess.Popen([daemon, "--demo", "--config", file], stderr=subprocess.PIPE, text=True)
        limit = threading.Timer(LIMIT_S, running.kill)
        limit.start()
        try:
            address, admin = addresses(running.stderr)
            subprocess.run([client, "call", address, "demo.echo", "[1]"], check=True, capture_output=True,
                           timeout=LIMIT_S)
            with urllib.request.urlopen(f"http://{admin}/metrics", timeout=LIMIT_S) as answer:
                return answer.read().decode()
        finally:
            running.terminate()
            running.stderr.read()
            running.wait()
            limit.cancel()


def addresses(log):
    """The addresses of the daemon's listener and of its admin listener, once it is up."""
    text = ""
    for each in log:
        text += each
        if "is up as process" in each:
            return re.search(r"listening on (tcp://\S+\d)", text)[1], re.search(r"admin on tcp://(\S+\d)", text)[1]
    raise RuntimeError(f"the daemon did not start:\n{text}")
