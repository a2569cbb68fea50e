"""Programs of child processes that are watched: what a change of their files does to the calls."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from support.children import state_of
from support.daemon import SLOW, DaemonTest, code, duration, eventually, main
from support.program import has_sanitizer

# Answers with the version that is written into it. `sleep` waits, `pid` is the process's number.
HANDLER = """
import json, os, sys, time
for line in sys.stdin:
    call = json.loads(line)
    name = call["method"].split(".")[-1]
    if name == "sleep":
        time.sleep(call["params"][0])
    result = os.getpid() if name == "pid" else {"methods": [{"name": "VERSION", "params": []}]} if name == "discover" \
        else "VERSION"
    if "id" in call:
        print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}), flush=True)
"""
CHANGED = "has changed; new processes take the next calls"


class WatchTest(DaemonTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.program = self.folder / "handler.py"
        self.save("one")

    def save(self, version, program=None):
        """As many editors do: writes the file itself."""
        (program or self.program).write_text(HANDLER.replace("VERSION", version))

    def replace(self, version):
        """As other editors do: renames a new file over it."""
        new = self.folder / ".handler.py.new"
        self.save(version, new)
        new.replace(self.program)

    def backend(self, **more):
        return {"name": "own", "command": [sys.executable, str(self.program)], "methods": ["own.*"], "watch": True,
                "breaker": {"failures": 0}, "kill_after": duration(10000), **more}

    def with_backend(self, **more):
        """A daemon whose first process has read its program, and a connection."""
        daemon = self.start(backends=[self.backend(**more)])
        connection = self.connect(daemon)
        if more.get("start") != "lazy" and more.get("methods") != "discover":
            self.wait_version(connection, "one")
        return daemon, connection

    def wait_version(self, connection, version):
        eventually(10, lambda: connection.request("own.version").get("result") == version, f"{version} serves")


class Save(WatchTest):
    def test_the_next_call_goes_to_the_new_code_and_the_call_in_flight_ends_in_the_old(self):
        for save in (self.save, self.replace):
            with self.subTest(save=save.__name__):
                self.save("one")
                daemon, connection = self.with_backend()
                pid = connection.result("own.pid")
                connection.call("own.sleep", [1.5 * SLOW], id="slow")
                daemon.wait_in_flight(1)
                save("two")
                daemon.wait_log("info .*backend own: handler.py " + CHANGED)
                self.assertEqual(self.connect(daemon).result("own.version"), "two")
                self.assertNotEqual(self.connect(daemon).result("own.pid"), pid)
                self.assertIsNotNone(state_of(pid), "the old process still has a call")
                self.assertEqual(connection.receive(), {"jsonrpc": "2.0", "id": "slow", "result": "one"})
                eventually(10, lambda: state_of(pid) is None, "the old process has ended")
                self.assertEqual(daemon.value("sluice_backend_restarts_total", backend="own"), 1)
                self.assertEqual(daemon.value("sluice_backend_up", backend="own", instance="0"), 1)

    def test_changes_that_follow_one_another_are_one(self):
        daemon, connection = self.with_backend()
        for number in range(20):
            self.save(f"v{number}")
        self.wait_version(connection, "v19")
        self.assertLessEqual(len([entry for entry in daemon.log if CHANGED in entry]), 2)

    def test_all_instances_are_replaced(self):
        daemon, connection = self.with_backend(instances=3)
        self.save("two")
        daemon.wait_log(CHANGED)
        for number in range(9):
            connection.call("own.sleep", [0.05], id=number)
        self.assertEqual({reply["result"] for reply in connection.receive_many(9)}, {"two"})

    def test_a_call_that_waits_goes_to_the_new_code(self):
        daemon, connection = self.with_backend()
        connection.call("own.sleep", [1 * SLOW], id="slow")
        daemon.wait_in_flight(1)
        connection.call("own.version", id="waits")
        daemon.wait_in_flight(2)
        self.save("two")
        replies = connection.receive_by_id(2)
        self.assertEqual([replies["slow"]["result"], replies["waits"]["result"]], ["one", "two"])

    def test_another_file_of_the_folder_changes_nothing(self):
        other = self.folder / "other.py"
        self.save("other", other)
        daemon = self.start(backends=[self.backend(), self.backend(name="other", command=[sys.executable, str(other)],
                                                                   methods=["other.*"])])
        connection = self.connect(daemon)
        pid = connection.result("own.pid")
        connection.result("other.version")
        self.save("two", other)
        eventually(10, lambda: connection.request("other.version").get("result") == "two", "the other is new")
        self.assertEqual(connection.result("own.pid"), pid)
        self.assertEqual(len([entry for entry in daemon.log if CHANGED in entry]), 1)

    def test_an_executable_is_watched_as_well(self):
        script = self.folder / "script"
        script.write_text(f"#!/bin/sh\nexec {sys.executable} {self.program}\n")
        script.chmod(0o755)
        daemon, connection = self.with_backend(command=["./script"], working_directory=str(self.folder))
        pid = connection.result("own.pid")
        new = self.folder / "new"
        new.write_text(script.read_text() + "# changed\n")
        new.chmod(0o755)
        new.replace(script)
        eventually(10, lambda: connection.request("own.pid").get("result") not in (None, pid), "it was restarted")
        daemon.wait_log("backend own: script " + CHANGED)

    def test_a_lazy_backend_starts_the_new_code_at_the_next_call(self):
        daemon, connection = self.with_backend(start="lazy")
        pid = connection.result("own.pid")
        self.save("two")
        daemon.wait_log(CHANGED)
        eventually(10, lambda: state_of(pid) is None, "the old process has ended")
        self.assertEqual(daemon.log_text().count("started as process"), 1)
        self.assertEqual(connection.result("own.version"), "two")

    def test_methods_that_the_new_code_names_are_served(self):
        self.save("own.first")
        daemon, connection = self.with_backend(methods="discover")
        eventually(10, lambda: code(connection.request("own.first")) == "ok", "it has named its method")
        self.save("own.second")
        eventually(10, lambda: code(connection.request("own.second")) == "ok", "it has named another")

    def test_a_notification_that_was_sent_is_not_lost(self):
        daemon, connection = self.with_backend()
        connection.notify("own.sleep", [0.3])
        self.save("two")
        self.wait_version(connection, "two")
        daemon.wait_in_flight(0)

    def test_many_changes_under_a_slow_call_keep_few_processes(self):
        daemon, connection = self.with_backend()
        for number in range(8):
            connection.call("own.sleep", [2 * SLOW], id=number)
            daemon.wait_in_flight(number + 1)
            begin = len(daemon.log)
            self.save(f"v{number}")
            if number < 4:
                daemon.wait_log(CHANGED, begin=begin)
        self.assertEqual(len(connection.receive_many(8, 60)), 8)
        self.wait_version(connection, "v7")
        eventually(10, lambda: len(self.children(daemon)) == 1, "the others have ended")

    def children(self, daemon):
        listed = pathlib.Path(f"/proc/{daemon.process.pid}/task").glob("*/children")
        pids = [pid for each in listed for pid in each.read_text().split()]
        return [pid for pid in pids if "handler.py" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]


class Broken(WatchTest):
    def test_broken_code_is_down_and_mended_code_serves_at_once(self):
        daemon, connection = self.with_backend()
        self.program.write_text("def no name\n")
        daemon.wait_log("SyntaxError")
        daemon.wait_log("in a crash loop", 20)
        self.assert_error(connection.request("own.version"), -32013, "backend_down")
        self.save("mended")
        self.wait_version(connection, "mended")

    def test_a_file_that_is_away_for_a_while_is_watched_on(self):
        daemon, connection = self.with_backend()
        self.program.unlink()
        daemon.wait_log("No such file")
        self.save("back")
        self.wait_version(connection, "back")

    def test_code_that_was_broken_at_the_start_can_be_mended(self):
        self.program.write_text("def no name\n")
        daemon = self.start(backends=[self.backend()])
        connection = self.connect(daemon)
        daemon.wait_log("in a crash loop", 20)
        self.save("mended")
        self.wait_version(connection, "mended")


class NoInotify(WatchTest):
    def test_without_inotify_it_serves_and_says_so(self):
        if has_sanitizer() or not shutil.which("cc"):
            self.skipTest("no library can be loaded before the daemon's own")
        # As at the system's limit, for this daemon alone.
        library = self.folder / "full.so"
        (self.folder / "full.c").write_text("#include <errno.h>\n"
                                            "int inotify_init1(int flags) { errno = EMFILE; return -1 + 0 * flags; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, self.folder / "full.c"], check=True)
        daemon = self.start(backends=[self.backend()], environment={"LD_PRELOAD": str(library)})
        daemon.wait_log("warn .*backend own: its program's files can't be watched: .*max_user_instances")
        connection = self.connect(daemon)
        self.assertEqual(connection.result("own.version"), "one")
        self.save("two")
        daemon.reload()
        self.wait_version(connection, "two")


class Reload(WatchTest):
    def test_watching_begins_and_ends_with_the_key(self):
        daemon, connection = self.with_backend(watch=False)
        self.assertEqual(self.inotify(daemon), [])
        self.save("two")
        begin = len(daemon.log)
        daemon.reload(backends=[self.backend()])
        daemon.wait_log("configuration read again", 15, begin=begin)
        self.wait_version(connection, "two")
        self.save("three")
        self.wait_version(connection, "three")
        begin = len(daemon.log)
        daemon.reload(backends=[self.backend(watch=False)])
        daemon.wait_log("configuration read again", 15, begin=begin)
        self.wait_version(connection, "three")
        eventually(10, lambda: not self.inotify(daemon), "nothing is watched any more")

    def inotify(self, daemon):
        links = pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir()
        return [link for link in links if "inotify" in os.readlink(link)]

    def test_a_stop_waits_for_calls_in_old_and_new_processes(self):
        daemon = self.start(backends=[self.backend()], server={"drain_timeout": duration(20000)})
        connection = self.connect(daemon)
        self.wait_version(connection, "one")
        connection.call("own.sleep", [4 * SLOW], id="old")
        daemon.wait_in_flight(1)
        self.save("two")
        daemon.wait_log(CHANGED)
        self.wait_version(self.connect(daemon), "two")
        connection.call("own.sleep", [0.5 * SLOW], id="new")
        daemon.wait_in_flight(2)
        daemon.signal(signal.SIGTERM)
        replies = connection.receive_by_id(2)
        self.assertEqual([replies["old"]["result"], replies["new"]["result"]], ["one", "two"])
        daemon.wait_exit()


if __name__ == "__main__":
    main()
