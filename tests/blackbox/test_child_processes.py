"""Child processes: their start, environment and end, and the effect of a reload."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support.children import is_alive, state_of
from support.daemon import SLOW, DaemonTest, code, eventually, main, run_to_end

PROGRAM = str(pathlib.Path(__file__).resolve().parent / "support/process_backend.py")
PYTHON = os.path.realpath(sys.executable)


def child(name="own", **more):
    return {"name": name, "command": [sys.executable, PROGRAM], "methods": [name + ".*"], **more}


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:  # it has ended meanwhile
        return ""


def children_by_thread(daemon):
    """Process ids of the daemon's children by the name of the thread that has them."""
    found = {}
    for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir():
        pids = (task / "children").read_text().split()
        if pids:
            found.setdefault((task / "comm").read_text().strip(), []).extend(map(int, pids))
    return found


class ProcessTest(DaemonTest):
    def with_child(self, server=None, environment=None, prefix=(), **more):
        daemon = self.start(server=server, backends=[child(**more)], environment=environment, prefix=prefix)
        return daemon, self.connect(daemon)

    def folder(self):
        return pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def script(self, text=None, interpreter=PYTHON, mode=0o755):
        """A program file of its own, in a folder that every user may enter."""
        folder = self.folder()
        folder.chmod(0o755)
        file = folder / "handler"
        file.write_text(f"#!{interpreter}\n" + (text or pathlib.Path(PROGRAM).read_text()))
        file.chmod(mode)
        return file


class Surroundings(ProcessTest):
    def surroundings(self, **options):
        _, connection = self.with_child(**options)
        return connection.result("own.surroundings")

    def test_the_raised_limit_of_open_files_is_the_servers_alone(self):
        prefix = ["sh", "-c", 'ulimit -Sn 300; exec "$@"', "sh"]
        daemon, connection = self.with_child(prefix=prefix)
        daemon.wait_log("limit raised from 300")
        self.assertEqual(connection.result("own.surroundings")["limits"]["RLIMIT_NOFILE"][0], 300)

    def test_a_child_has_what_the_server_was_started_with(self):
        prefix = ["sh", "-c", 'umask 027; exec "$@"', "sh"]
        seen = self.surroundings(prefix=prefix)
        self.assertEqual(seen["umask"], "0027")
        self.assertEqual(seen["niceness"], os.nice(0))
        self.assertEqual(seen["oom"], pathlib.Path("/proc/self/oom_score_adj").read_text().strip())
        self.assertEqual(seen["groups"], os.getgroups())
        self.assertEqual(seen["processors"], sorted(os.sched_getaffinity(0)))
        self.assertEqual(int(seen["blocked"], 16), 0)

    def test_variables_of_the_service_manager_are_not_passed_on(self):
        own = {name: "1" for name in ("WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PIDFDID", "INVOCATION_ID", "SYSTEMD_EXEC_PID",
                                      "JOURNAL_STREAM", "MANAGERPID", "MAINPID")}
        seen = self.surroundings(environment={**own, "KEPT": "yes", "PWD": "/nowhere", "OLDPWD": "/nowhere"})["environment"]
        self.assertEqual(seen["KEPT"], "yes")
        self.assertFalse({*own, "PWD", "OLDPWD"} & set(seen))

    def test_a_cleared_environment_has_path_and_what_the_settings_say(self):
        seen = self.surroundings(env_clear=True, env={"COLOUR": "blue"}, environment={"SECRET": "1"})["environment"]
        # Python adds LC_CTYPE to its own.
        self.assertEqual(set(seen) - {"LC_CTYPE"}, {"PATH", "COLOUR"})
        self.assertEqual((seen["PATH"], seen["COLOUR"]), (os.environ["PATH"], "blue"))

    @unittest.skipIf(os.getuid() != 0, "needs root")
    def test_another_users_child_has_that_users_names_and_folders(self):
        program = self.script(interpreter="/usr/bin/python3")
        daemon, connection = self.with_child(command=[str(program)], user="nobody", env={"SHELL": "/bin/mine"},
                                             environment={"HOME": "/root", "USER": "root", "LOGNAME": "root", "MAIL": "/root/mail",
                                                          "PWD": "/root", "XDG_RUNTIME_DIR": "/run/user/0"})
        seen = connection.result("own.surroundings")
        environment = seen["environment"]
        self.assertEqual([environment.get(name) for name in ("HOME", "USER", "LOGNAME", "SHELL")],
                         ["/nonexistent", "nobody", "nobody", "/bin/mine"])
        self.assertFalse({"PWD", "MAIL", "XDG_RUNTIME_DIR"} & set(environment))
        self.assertNotIn(0, seen["groups"])


SLOW_CALLS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void rest(const char* name) {
  const char* const seconds = getenv(name);
  if (seconds != NULL) usleep((useconds_t)(atof(seconds) * 1e6));
}
int execve(const char* file, char* const arguments[], char* const environment[]) {
  int (*real)(const char*, char* const[], char* const[]) = dlsym(RTLD_NEXT, "execve");
  rest("SLOW_EXECVE");
  return real(file, arguments, environment);
}
int getpwnam_r(const char* name, struct passwd* entry, char* buffer, size_t size, struct passwd** found) {
  int (*real)(const char*, struct passwd*, char*, size_t, struct passwd**) = dlsym(RTLD_NEXT, "getpwnam_r");
  rest("SLOW_USERS");
  return real(name, entry, buffer, size, found);
}
"""


class Starts(ProcessTest):
    def slow_calls(self, **environment):
        """An environment in which system calls take so many seconds."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("needs a C compiler")
        folder = self.folder()
        (folder / "slow.c").write_text(SLOW_CALLS)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "slow.so", folder / "slow.c", "-ldl"], check=True)
        return {"LD_PRELOAD": str(folder / "slow.so"), **environment}

    def longest_wait(self, daemon, seconds):
        """The longest wait of a client's quick calls, one at a time, for so long."""
        worst = 0
        with daemon.connect() as connection:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                begin = time.monotonic()
                self.assertEqual(connection.result("demo.echo_inline", [1]), [1])
                worst = max(worst, time.monotonic() - begin)
        return worst

    def test_a_slow_exec_delays_no_other_call(self):
        seconds = min(2 * SLOW, 5)  # a start is given up after 10 s
        daemon = self.start(server={"io_threads": 1}, backends=[child(start="lazy"), child("other", start="lazy")],
                            environment=self.slow_calls(SLOW_EXECVE=str(seconds)))
        connection = self.connect(daemon)
        for name in ("own", "other"):
            connection.call(f"{name}.pid")
        self.assert_below(self.longest_wait(daemon, seconds * 0.75), seconds / 2)
        self.assertEqual([code(reply) for reply in connection.receive_many(2, 20)], ["ok", "ok"])

    def test_a_slow_lookup_of_a_user_delays_no_other_call(self):
        seconds = 2 * SLOW
        daemon = self.start(server={"io_threads": 1}, backends=[child(start="lazy", user="nobody"), child("other", start="lazy")],
                            environment=self.slow_calls(SLOW_USERS=str(seconds)))
        connection = self.connect(daemon)
        connection.call("own.pid", id="own")
        connection.call("other.pid", id="other")
        self.assert_below(self.longest_wait(daemon, seconds * 0.75), seconds / 2)
        replies = connection.receive_by_id(2, 20)
        self.assertEqual(code(replies["other"]), "ok")

    def test_a_program_that_never_begins_to_run_is_given_up(self):
        daemon, connection = self.with_child(environment=self.slow_calls(SLOW_EXECVE="600"), start="lazy")
        reply = connection.request("own.pid", within=25)
        self.assert_error(reply, -32013, "backend_down")
        daemon.wait_log(r"could not be started: it has not begun to run its program in \d+ s")

    def test_processes_are_forked_by_a_thread_of_their_own(self):
        for io_threads in (1, 2):
            daemon, connection = self.with_child(server={"io_threads": io_threads}, instances=3)
            self.assertEqual(code(connection.request("own.pid")), "ok")
            daemon.wait_value(3, "sluice_backend_up", backend="own")
            self.assertEqual({name: len(pids) for name, pids in children_by_thread(daemon).items()}, {"starter": 3})

    def test_many_that_end_at_once_are_all_started_again(self):
        daemon, connection = self.with_child(server={"io_threads": 1}, instances=24)
        daemon.wait_value(24, "sluice_backend_up", seconds=30, backend="own")
        for pid in children_by_thread(daemon)["starter"]:
            os.kill(pid, signal.SIGKILL)
        daemon.wait_value(24, "sluice_backend_restarts_total", seconds=30, backend="own")
        daemon.wait_value(24, "sluice_backend_up", seconds=30, backend="own")
        self.assertEqual(code(connection.request("own.pid")), "ok")

    def test_waiting_calls_start_no_more_lazy_instances_than_they_need(self):
        daemon, connection = self.with_child(start="lazy", instances=8, concurrency=4)
        for _ in range(8):
            connection.call("own.sleep", [0.2 * SLOW])
        self.assertEqual({code(reply) for reply in connection.receive_many(8, 20)}, {"ok"})
        self.assertEqual(daemon.value("sluice_backend_up", backend="own"), 2)

    def test_a_missing_interpreter_is_named(self):
        program = self.script(interpreter="/nowhere/python9")
        daemon, _ = self.with_child(command=[str(program)])
        daemon.wait_log(rf"backend own\[0\]: could not be started: {program}: its interpreter /nowhere/python9: No such file")


class Recycling(ProcessTest):
    def test_a_worker_that_ends_after_some_answers_fails_no_call(self):
        for status in ("0", "1"):
            with self.subTest(status=status):
                daemon, connection = self.with_child(env={"RECYCLE": "20", "RECYCLE_STATUS": status},
                                                     breaker={"failures": 2, "window": "60s", "open": "60s"})
                for _ in range(100):
                    connection.call("own.pid")
                replies = connection.receive_many(100, 30)
                self.assertEqual({code(reply) for reply in replies}, {"ok"})
                self.assertEqual(len({reply["result"] for reply in replies}), 5)
                self.assertEqual(daemon.value("sluice_breaker_changes_total"), 0)

    def test_calls_wait_for_the_restart_of_several_recycled_workers(self):
        daemon, connection = self.with_child(env={"RECYCLE": "3"}, instances=3,
                                             breaker={"failures": 2, "window": "60s", "open": "60s"})
        for _ in range(20):
            for _ in range(5):
                connection.call("own.pid")
            self.assertEqual({code(reply) for reply in connection.receive_many(5, 30)}, {"ok"})

    def test_a_process_that_ends_between_calls_is_not_a_failure(self):
        daemon, connection = self.with_child(breaker={"failures": 2, "window": "60s", "open": "60s"})
        for _ in range(4):
            pid = eventually(20, lambda: connection.request("own.pid").get("result"), "it serves")
            os.kill(pid, signal.SIGKILL)
            eventually(10, lambda: state_of(pid) is None, "it is reaped")
        self.assertEqual(daemon.value("sluice_breaker_changes_total"), 0)

    def test_calls_that_end_with_their_process_are_failures(self):
        daemon, connection = self.with_child(breaker={"failures": 2, "window": "60s", "open": "60s"})
        for status in (0, 3):
            eventually(20, lambda: code(connection.request("own.pid")) == "ok", "it serves")
            self.assert_error(connection.request("own.exit", [status]), -32013, "backend_down")
        daemon.wait_log("breaker open")


class Ends(ProcessTest):
    def test_the_last_line_of_stderr_is_logged_without_its_newline(self):
        daemon, _ = self.with_child(env={"LAST_LINE": "no licence file"})
        daemon.wait_log(r"backend own\[0\]: one$")
        daemon.wait_log(r"backend own\[0\]: no licence file$")

    def test_what_a_child_has_started_ends_with_a_server_that_is_killed(self):
        daemon, connection = self.with_child(instances=2)
        pids = [connection.result("own.descendant") for _ in range(4)]
        for pid in pids:
            self.assertTrue(is_alive(pid))
        daemon.process.kill()
        daemon.process.wait()
        for pid in pids:
            eventually(10, lambda: not is_alive(pid), "the whole group has ended")
        daemon.process = None

    def test_a_reload_that_brings_the_first_child_guards_it_too(self):
        daemon = self.start()
        daemon.reload(backends=[child()])
        connection = self.connect(daemon)
        pid = eventually(10, lambda: connection.request("own.descendant").get("result"), "it serves")
        daemon.process.kill()
        daemon.process.wait()
        eventually(10, lambda: not is_alive(pid), "the whole group has ended")
        daemon.process = None

    def test_nothing_of_the_server_is_left_after_it(self):
        daemon, connection = self.with_child()
        self.assertEqual(code(connection.request("own.pid")), "ok")
        group = subprocess.run(["pgrep", "-x", "sluiced-guard"], capture_output=True, text=True).stdout.split()
        own = [pid for pid in group if str(daemon.config) in command_line(pid)]
        self.assertEqual(len(own), 1)
        self.assertEqual(os.listdir(f"/proc/{own[0]}/fd"), ["0"])
        self.assertEqual(daemon.stop(), 0)
        eventually(10, lambda: not is_alive(own[0]), "the guardian has ended")

    @staticmethod
    def adopted(daemon):
        """Children of the daemon that it has not started, running or not."""
        pids = [pid for name, pids in children_by_thread(daemon).items() if name != "starter" for pid in pids]
        return [pid for pid in pids if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() != "sluiced-guard"]

    def assert_orphans_are_reaped(self, daemon):
        eventually(10, lambda: self.adopted(daemon) == [], "none is left")
        # The daemon's own child is not taken from it.
        connection = self.connect(daemon)
        pid = connection.result("own.pid")
        self.assert_error(connection.request("own.exit", [7]), -32013, "backend_down")
        daemon.wait_log("process ended: exit code 7")
        self.assertNotEqual(eventually(20, lambda: connection.request("own.pid").get("result")), pid)

    def test_a_subreaper_reaps_the_helpers_of_handlers(self):
        become = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
        daemon = self.start(backends=[child()], prefix=[sys.executable, "-c", become])
        connection = self.connect(daemon)
        helpers = [connection.result("own.helper", [3]) for _ in range(3)]
        self.assertLessEqual(set(helpers), set(self.adopted(daemon)))
        self.assert_orphans_are_reaped(daemon)

    def test_a_child_that_a_shell_left_to_the_server_is_reaped(self):
        prefix = ["sh", "-c", 'sleep 2 & exec "$@"', "sh"]
        daemon = self.start(backends=[child()], prefix=prefix)
        self.assert_orphans_are_reaped(daemon)


class Reload(ProcessTest):
    def assert_keeps(self, daemon, connection, pid, why, seconds=15, **settings):
        begin = len(daemon.log)
        daemon.reload(backends=[child(**settings)])
        daemon.wait_log(why, seconds, begin=begin)
        daemon.wait_log("reload refused, the running configuration stays", seconds, begin=begin)
        self.assertEqual(connection.result("own.pid"), pid)

    def test_a_program_that_cannot_run_does_not_replace_one_that_can(self):
        daemon, connection = self.with_child()
        pid = connection.result("own.pid")
        text = self.folder() / "text"
        text.write_text("no program")
        text.chmod(0o755)
        empty = self.folder() / "empty"
        empty.touch(0o755)
        gone = self.script(interpreter="/nowhere/python9")
        by_env = self.script(interpreter="/usr/bin/env python9")
        dos = self.script(interpreter=PYTHON + "\r")
        for settings, key, why in (
                ({"command": [str(gone)]}, "command", "its interpreter /nowhere/python9: No such file"),
                ({"command": [str(by_env)]}, "command", "its interpreter python9: No such file"),
                ({"command": [str(dos)]}, "command", r"its interpreter .*\\x0d: No such file"),
                ({"command": [str(gone)], "start": "lazy"}, "command", "its interpreter /nowhere/python9: No such file"),
                ({"user": "no-such-user"}, "user", "there is no user no-such-user"),
                ({"working_directory": "/nowhere/"}, "working_directory", "/nowhere/: No such file"),
                *([] if self.runs_other_formats() else
                  [({"command": [str(text)]}, "command", "Exec format error"),
                   ({"command": [str(empty)]}, "command", "Exec format error")])):
            with self.subTest(settings=settings):
                why = rf"sluiced\.toml:\d+:\d+: backend\.{key} can't be used: .*{why}"
                self.assert_keeps(daemon, connection, pid, why, **settings)
                status, _, errors = run_to_end("--check", "--config", daemon.config)
                self.assertRegex(errors, why)
                self.assertEqual(status, 2)

    @unittest.skipIf(os.getuid() != 0, "needs root")
    def test_what_another_user_may_not_run_does_not_replace_what_works(self):
        daemon, connection = self.with_child()
        pid = connection.result("own.pid")
        mine = self.script(mode=0o700)
        closed = self.folder()
        closed.chmod(0o700)
        for start in ("eager", "lazy"):
            for settings, key, why in (({"command": [str(mine)]}, "command", "handler: Permission denied as user nobody"),
                                       ({"working_directory": str(closed)}, "working_directory", "Permission denied as user nobody")):
                with self.subTest(start=start, settings=settings):
                    why = rf"backend\.{key} can't be used: .*{why}"
                    self.assert_keeps(daemon, connection, pid, why, start=start, user="nobody", **settings)
                    status, _, errors = run_to_end("--check", "--config", daemon.config)
                    self.assertRegex(errors, why)
                    self.assertEqual(status, 2)

    @staticmethod
    def runs_other_formats():
        folder = pathlib.Path("/proc/sys/fs/binfmt_misc")
        return folder.is_dir() and any(each.name not in ("register", "status") for each in folder.iterdir())

    def test_what_only_a_start_can_show_does_not_replace_what_works_either(self):
        daemon, connection = self.with_child()
        pid = connection.result("own.pid")
        broken = self.script("echo no licence file >&2\nexit 1\n", interpreter="/bin/sh")
        # An executable header and nothing behind it.
        garbled = self.folder() / "garbled"
        garbled.write_bytes(b"\x7fELF" + bytes(100))
        garbled.chmod(0o755)
        # One that starts at its first call may be the one that is to replace what serves calls already.
        for start in ("eager", "lazy"):
            for program, why in ((garbled, ".*Exec format error"), (broken, "it has ended at once")):
                self.assert_keeps(daemon, connection, pid, f"backend own: its process could not be started: {why}",
                                  command=[str(program)], start=start)
        self.assertIn("no licence file", daemon.log_text())
        # A failed start of one backend does not undo another backend's change in the same reload.
        begin = len(daemon.log)
        daemon.reload(backends=[child(env={"NEW": "1"}), child("second", command=[str(garbled)])])
        daemon.wait_log("reload refused", 15, begin=begin)
        self.assertEqual(connection.result("own.pid"), pid)
        daemon.reload(backends=[child(env={"NEW": "1"})])
        eventually(10, lambda: connection.result("own.pid") != pid, "a good one replaces it")

    def test_a_lazy_program_whose_predecessor_has_not_run_is_started_by_its_first_call_only(self):
        daemon, connection = self.with_child(start="lazy")
        begin = len(daemon.log)
        daemon.reload(backends=[child(start="lazy", env={"NEW": "1"})])
        daemon.wait_log("configuration read again", begin=begin)
        self.assertNotIn("started as process", daemon.log_text())
        pid = connection.result("own.pid")
        daemon.reload(backends=[child(start="lazy", env={"NEW": "2"})])
        eventually(10, lambda: connection.result("own.pid") != pid, "a good one replaces it")

    def with_discovered(self):
        serves = ("import json, os, sys\nfor line in sys.stdin:\n    call = json.loads(line)\n"
                  "    result = {'methods': [{'name': 'found.pid', 'params': []}]} if call['method'] == 'rpc.discover' else os.getpid()\n"
                  "    print(json.dumps({'jsonrpc': '2.0', 'id': call['id'], 'result': result}), flush=True)\n")
        found = {"name": "found", "command": [str(self.script(serves))], "methods": "discover"}
        daemon = self.start(backends=[found])
        connection = self.connect(daemon)
        # A start does not wait for ever for the names of methods.
        pid = eventually(20, lambda: connection.request("found.pid").get("result"), "its method is known")
        return daemon, connection, found, pid

    def test_a_program_that_ends_before_it_has_named_its_methods_does_not_replace_one_that_has(self):
        daemon, connection, found, pid = self.with_discovered()
        begin = len(daemon.log)
        dies = self.script("read line\nsleep 0.8\nexit 1\n", interpreter="/bin/sh")
        daemon.reload(backends=[{**found, "command": [str(dies)]}])
        why = "reload refused, .*backend found: its process could not be started: it has ended"
        daemon.wait_log(why, 15, begin=begin)
        self.assertEqual(connection.result("found.pid"), pid)

    def test_a_refused_reload_leaves_discovered_methods_where_they_were(self):
        daemon, connection, found, pid = self.with_discovered()
        begin = len(daemon.log)
        # The second does not end at once, so that the first has time to name its methods.
        dies = self.script("sleep 0.15\nexit 1\n", interpreter="/bin/sh")
        daemon.reload(backends=[found, child("second")])
        daemon.wait_log("configuration read again", begin=begin)
        begin = len(daemon.log)
        daemon.reload(backends=[{**found, "env": {"NEW": "1"}}, child("second", command=[str(dies)])])
        outcome = daemon.wait_log("reload refused|configuration read again", 15, begin=begin).group(0)
        if "refused" not in outcome:
            self.skipTest("the machine is too slow for the process to end in time")
        for _ in range(20):
            self.assertEqual(connection.result("found.pid"), pid)

    def test_a_handler_whose_file_has_changed_is_renewed(self):
        program = self.script()
        script = self.folder() / "handler.py"
        shutil.copy(PROGRAM, script)
        for command, file in (([str(program)], program), ([sys.executable, str(script)], script)):
            with self.subTest(command=command):
                daemon, connection = self.with_child(command=command)
                pid = connection.result("own.pid")
                daemon.reload()
                daemon.wait_log("configuration read again")
                self.assertEqual(connection.result("own.pid"), pid, "the same file")
                connection.call("own.sleep", [0.3 * SLOW], id="old")
                daemon.wait_in_flight(1)
                new = file.with_suffix(".new")
                new.write_text(file.read_text() + "\n# changed\n")
                new.chmod(0o755)
                new.replace(file)
                daemon.reload()
                self.assertEqual(connection.receive()["result"], pid, "calls in flight end where they began")
                eventually(10, lambda: connection.result("own.pid") != pid, "the new one serves")
                eventually(10, lambda: state_of(pid) is None, "the old one has ended")


if __name__ == "__main__":
    main()
