"""Busy polling before a sleep, which is only for a client that calls again at once. The tests take the release build:
with a slow client or server polling does not pay and stays off."""

import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

from support.daemon import DaemonTest, Stopwatch, eventually, main  # noqa: E402

LIMIT_S = 30  # others may use the machine meanwhile
AWAKE, ASLEEP = 0.4, 0.6  # of the calls are slept before at most, at least


def sleeps(daemon):
    """The number of times that I/O threads have fallen asleep."""
    total = 0
    for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("io-"):
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])
    return total


def lone_caller(daemon, *options):
    """Runs one client with one call at a time; returns the number of calls."""
    host, port = daemon.tcp()
    command = [os.environ["SLUICE"], "bench", f"tcp://{host}:{port}", "--method", "demo.echo_inline", "--json",
               "--duration", "200ms", "--warmup", "1ms", *options]
    report = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    return json.loads(report.stdout)["sent"]


def sleeps_per_call(daemon, *options):
    before = sleeps(daemon)
    calls = lone_caller(daemon, *options)
    return (sleeps(daemon) - before) / calls


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "client and server need a processor each")
class BusyPoll(DaemonTest):
    def test_a_client_that_calls_again_at_once_finds_the_server_awake(self):
        daemon = self.start(server={"io_threads": 1})
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon) < AWAKE, "the server stays awake")

    def test_a_slow_call_that_has_ended_does_not_prevent_it(self):
        daemon = self.start(server={"io_threads": 1})
        self.connect(daemon).result("demo.sleep", [300])
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon) < AWAKE, "the server stays awake")

    def test_a_client_that_calls_now_and_then_finds_it_asleep(self):
        daemon = self.start(server={"io_threads": 1})
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon, "--rate", "1000") > ASLEEP, "the server sleeps between calls")

    def test_it_can_be_turned_off_and_on_by_a_reload(self):
        daemon = self.start(server={"io_threads": 1, "busy_poll": False})
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon) > ASLEEP, "the server sleeps")
        daemon.reload(server={"io_threads": 1, "busy_poll": True})
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon) < AWAKE, "the server stays awake")
        daemon.reload(server={"io_threads": 1, "busy_poll": False})
        eventually(LIMIT_S, lambda: sleeps_per_call(daemon) > ASLEEP, "the server sleeps")

    def test_a_server_without_calls_does_not_look(self):
        daemon = self.start(server={"io_threads": 1})
        lone_caller(daemon)
        before, watch = daemon.cpu_seconds(), Stopwatch()
        eventually(5, lambda: watch.ms() > 1000, "a second passes")
        self.assertLess(daemon.cpu_seconds() - before, 0.05)


if __name__ == "__main__":
    main()
