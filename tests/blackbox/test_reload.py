"""Reloads that must not happen, and reloads that take long: contract 5 and 6."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support.children import silent_backends
from support.daemon import Daemon, DaemonTest, code, config_text, duration, eventually, limit, main, ms, sluiced
from support.notify_socket import NotifySocket
from support.tls import authority

TOKEN_SHA256 = "a" * 64
ECHOES = json.dumps([{"jsonrpc": "2.0", "id": id, "method": "demo.echo"} for id in range(3)])
CLIENT = {"name": "known", "token_sha256": TOKEN_SHA256}


class Refused(DaemonTest):
    """The file that is there can't be the one that was meant."""

    def protected(self, **options):
        return self.start(clients=[CLIENT], **options)

    def assert_protected(self, daemon):
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.echo", [1]), -32016)

    def refused(self, daemon, text, why):
        begin = len(daemon.log)
        daemon.reload(text=text)
        daemon.wait_log(why, 5, begin)
        daemon.wait_log("reload refused", 5, begin)
        self.assert_protected(daemon)

    def taken(self, daemon, text):
        begin = len(daemon.log)
        daemon.reload(text=text)
        daemon.wait_log("configuration read again", 5, begin)

    def without_clients(self, daemon, **more):
        return config_text(**{**daemon.parts, "clients": None, **more})

    def test_an_empty_file(self):
        daemon = self.protected()
        for text in ("", "\n\n", "# comments\n  \t# alone\n"):
            self.refused(daemon, text, re.escape(str(daemon.config)) + ": is empty")

    def test_a_file_that_was_cut_off_before_its_clients(self):
        daemon = self.protected()
        self.refused(daemon, self.without_clients(daemon), r"no \[\[client\]\] any more.*insecure = true")
        self.refused(daemon, "[server]\n", r"no \[\[client\]\] any more")

    def test_a_file_that_says_insecure_may_do_without_clients(self):
        daemon = self.protected()
        listen = [{"address": daemon.parts["listen"][0], "insecure": True}, daemon.parts["listen"][1]]
        self.taken(daemon, self.without_clients(daemon, listen=listen))
        with daemon.connect() as connection:
            self.assertEqual(connection.result("demo.echo", [1]), [1])

    def test_a_file_that_was_cut_off_in_the_limits_of_anonymous(self):
        anonymous = {"name": "anonymous", "methods": ["demo.sum"]}
        daemon = self.start(clients=[anonymous, CLIENT])
        cut = config_text(**{**daemon.parts, "clients": [{"name": "anonymous"}]})
        begin = len(daemon.log)
        daemon.reload(text=cut)
        daemon.wait_log(r"anonymous without methods.*\[\"\*\"\]", 5, begin)
        with daemon.connect() as connection:
            self.assertNotEqual(code(connection.request("demo.echo", [1])), "ok")
        self.taken(daemon, config_text(**{**daemon.parts, "clients": [{"name": "anonymous", "methods": ["*"]}]}))
        with daemon.connect() as connection:
            self.assertEqual(connection.result("demo.echo", [1]), [1])

    def test_a_listener_that_has_lost_its_tls(self):
        address = "tcp://0.0.0.0:0"
        daemon = self.start(clients=[CLIENT], listen=[{"address": address, "tls": authority().settings("server")}])
        begin = len(daemon.log)
        daemon.reload(listen=[address])
        daemon.wait_log(r"no tls at tcp://0\.0\.0\.0:0 any more.*insecure = true", 5, begin)
        daemon.wait_log("reload refused", 5, begin)
        with daemon.connect() as connection:
            refused = self.assert_error(connection.request_text('{"jsonrpc":"2.0","method":"demo.echo","id":1}'), -32016)
            self.assertIn("TLS", refused["data"]["detail"])
        begin = len(daemon.log)
        daemon.reload(listen=[{"address": address, "insecure": True}])
        daemon.wait_log("configuration read again", 5, begin)
        with daemon.connect() as connection:
            self.assertEqual(connection.request("demo.echo", [1])["error"]["data"]["reason"], "unauthenticated")

    def test_a_listener_behind_a_proxy_that_has_lost_its_tls(self):
        behind = {"address": "tcp://127.0.0.1:0", "proxy_protocol": True}
        daemon = self.start(clients=[CLIENT], listen=[{**behind, "tls": authority().settings("server")}])
        daemon.reload(listen=[behind])
        daemon.wait_log(r"no tls at tcp://127\.0\.0\.1:0 any more.*insecure = true", 5)
        daemon.wait_log("reload refused", 5)
        begin = len(daemon.log)
        daemon.reload(listen=[{**behind, "insecure": True}])
        daemon.wait_log("configuration read again", 5, begin)

    def test_a_path_that_is_not_a_regular_file(self):
        daemon = self.protected()
        daemon.config.unlink()
        daemon.config.mkdir()
        begin = len(daemon.log)
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reload refused", 5, begin)
        daemon.config.rmdir()
        os.mkfifo(daemon.config)
        begin = len(daemon.log)
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("is not a regular file", 5, begin)
        daemon.wait_log("reload refused", 5, begin)
        daemon.config.unlink()
        daemon.config.symlink_to("/dev/null")
        begin = len(daemon.log)
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("is not a regular file", 5, begin)
        self.assert_protected(daemon)

    def test_a_pipe_that_was_read_at_the_start(self):
        """As `--config <(...)` gives it: it is empty at the reload."""
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            text = config_text(listen=["tcp://127.0.0.1:0"], clients=[CLIENT])
            file = os.path.join(directory, "real.toml")
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
            daemon = Daemon(prefix=("bash", "-c", f'exec {sluiced()} --demo --config <(cat {file})'))
            self.addCleanup(daemon.close)
            daemon.start()
            begin = len(daemon.log)
            daemon.signal(signal.SIGHUP)
            daemon.wait_log("reload refused", 5, begin)
            self.assert_protected(daemon)

    def test_new_clients_beside_an_admin_address_that_is_taken_do_not_count(self):
        digest = "b" * 64
        daemon = self.start(clients=[{"name": "anonymous", "methods": ["demo.sum"]}, CLIENT])
        with socket.create_server(("127.0.0.1", 0)) as taken:
            begin = len(daemon.log)
            daemon.reload(admin=f"tcp://127.0.0.1:{taken.getsockname()[1]}",
                          clients=[{"name": "anonymous", "methods": ["*"]}, {"name": "other", "token_sha256": digest}],
                          server={"max_batch": 1})
            daemon.wait_log("reload refused", 5, begin)
        with daemon.connect() as connection:
            self.assertNotEqual(code(connection.request("demo.echo", [1])), "ok")
            self.assertEqual(connection.result("demo.sum", [1, 2]), 3)
            batch = json.dumps([{"jsonrpc": "2.0", "id": id, "method": "demo.sum", "params": [1, id]} for id in range(3)])
            self.assertEqual(len(connection.request_text(batch)), 3)


class Undone(DaemonTest):
    def children(self, daemon):
        """The processes that the daemon has started."""
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task").glob("*/children")
        return [child for task in tasks for child in task.read_text().split()]

    def test_a_reload_that_fails_at_its_last_step_leaves_no_process_behind(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "sockets").mkdir()
        address = f"unix://{folder}/sockets/it"
        backend = {"name": "child", "command": ["/bin/cat"], "methods": ["child.*"], "concurrency": 1}
        daemon = self.start(listen=[{"address": address, "mode": "0600"}], backends=[backend])
        eventually(10, lambda: len(self.children(daemon)) == 1)
        first = self.children(daemon)
        (folder / "sockets").rename(folder / "elsewhere")
        (folder / "sockets").write_text("")  # no socket can be below a file
        begin = len(daemon.log)
        daemon.reload(listen=[{"address": address, "mode": "0660"}], backends=[{**backend, "concurrency": 2}])
        daemon.wait_log("child.*started as process", 10, begin)
        daemon.wait_log("reload refused", 10, begin)
        eventually(10, lambda: self.children(daemon) == first, "the new process has ended")


class Slow(DaemonTest):
    """Four changed backends that say nothing when asked for their methods."""
    PERIOD_MS = 1000

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def notified(self):
        notify = NotifySocket(self.directory)
        self.addCleanup(notify.close)
        environment = {"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": str(ms(self.PERIOD_MS) * 1000)}
        return notify, environment

    def start_with_silent_backends(self, **settings):
        notify, environment = self.notified()
        begin = time.monotonic()
        daemon = Daemon(backends=silent_backends(self.directory, 4, "a"), environment=environment, **settings)
        self.addCleanup(daemon.close)
        daemon.start(ready=False)
        notify.wait("READY", "1", seconds=15)
        return daemon, notify, time.monotonic() - begin

    def test_several_silent_backends_cost_a_start_and_a_reload_no_more_than_one(self):
        daemon, notify, took = self.start_with_silent_backends()
        self.assertLess(took, limit(9), "four waits of 5 s at once")
        at = len(notify.received)
        begin = time.monotonic()
        daemon.reload(backends=silent_backends(self.directory, 4, "b"))
        notify.wait("RELOADING", "1", at)
        notify.wait("READY", "1", at, seconds=15)
        self.assertLess(time.monotonic() - begin, limit(9))

    def test_keep_alives_are_sent_during_a_slow_reload(self):
        daemon, notify, _ = self.start_with_silent_backends()
        at = len(notify.received)
        daemon.reload(backends=silent_backends(self.directory, 4, "b"))
        notify.wait("RELOADING", "1", at)
        end = notify.wait("READY", "1", at, seconds=15)
        sent = [when for when, fields in notify.received[at:end + 1] if fields.get("WATCHDOG") == "1"]
        times = [notify.received[at][0], *sent, notify.received[end][0]]
        gap = max(after - before for before, after in zip(times, times[1:]))
        self.assertLess(gap * 1000, ms(self.PERIOD_MS))

    def test_a_stop_does_not_wait_for_a_slow_reload(self):
        daemon, notify, _ = self.start_with_silent_backends()
        at = len(notify.received)
        daemon.reload(backends=silent_backends(self.directory, 4, "b"))
        notify.wait("RELOADING", "1", at)
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        notify.wait("STOPPING", "1", at)
        self.assertLess(time.monotonic() - begin, limit(1))
        self.assertEqual(daemon.wait_exit(), 0)
        # Children have their time to end as well.
        self.assertLess(time.monotonic() - begin, limit(4.5))

    def test_a_stop_during_a_reload_has_the_time_limit_of_the_new_file(self):
        daemon, _, _ = self.start_with_silent_backends(server={"drain_timeout": duration(500)})
        with daemon.connect() as connection, daemon.connect() as other:
            call = connection.call("demo.sleep", {"ms": ms(4000)})
            daemon.wait_in_flight(1)
            daemon.reload(backends=silent_backends(self.directory, 4, "b"),
                          server={"drain_timeout": duration(20000), "max_batch": 2})
            # The limits of the new file hold, and the reload waits for its backends.
            eventually(10, lambda: isinstance(other.request_text(ECHOES), dict), "max_batch is 2")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(connection.receive_by_id(1)[call]["result"], {"slept_ms": ms(4000)})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_reloads_that_are_asked_for_during_one_become_one_more(self):
        daemon, notify, _ = self.start_with_silent_backends()
        at = len(notify.received)
        daemon.reload(backends=silent_backends(self.directory, 4, "b"))
        notify.wait("RELOADING", "1", at)
        begin = len(daemon.log)
        daemon.reload(backends=None, server={"max_batch": 2})
        for _ in range(5):
            daemon.signal(signal.SIGHUP)
        daemon.wait_log("configuration read again", 15, begin)

        def second():
            return sum("configuration read again" in line for line in daemon.log[begin:]) == 2

        eventually(10, second, "the file is read once more")
        with daemon.connect() as connection:
            self.assertIsInstance(connection.request_text(ECHOES), dict, "max_batch is 2")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(sum("configuration read again" in line for line in daemon.log[begin:]), 2)


@unittest.skipUnless(os.geteuid() == 0, "takes root for a name server of its own")
class SilentNameServer(DaemonTest):
    """The one name server there is never answers, and the resolver waits for it for 10 s."""
    PERIOD_MS = 1000
    NAMES = [{"address": f"tcp://{name}.silent.test:0", "insecure": True} for name in ("one", "two", "three")]

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        address = f"127.{os.getpid() % 200 + 10}.0.53"
        self.server.bind((address, 53))
        resolver = os.path.join(self.directory, "resolv.conf")
        with open(resolver, "w", encoding="utf-8") as file:
            file.write(f"nameserver {address}\n")
        script = f'mount --bind {resolver} /etc/resolv.conf && exec "$0" "$@"'
        self.prefix = ("unshare", "--mount", "sh", "-c", script)
        if subprocess.run([*self.prefix, "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespace")

    def asked(self):
        """Once the resolver has asked, and now waits."""
        self.server.settimeout(limit(10))
        self.server.recv(512)

    def test_a_start_gives_up_after_one_time_limit_for_all_names(self):
        daemon = Daemon(listen=self.NAMES, prefix=self.prefix)
        self.addCleanup(daemon.close)
        begin = time.monotonic()
        daemon.start(ready=False)
        self.assertEqual(daemon.wait_exit(), 1)
        self.assertLess(time.monotonic() - begin, limit(8))
        self.assertIn("can't listen on tcp://one.silent.test:0: the name was not looked up in time", daemon.log_text())

    def test_a_stop_ends_a_start_that_waits_for_it(self):
        daemon = Daemon(listen=self.NAMES, prefix=self.prefix)
        self.addCleanup(daemon.close)
        daemon.start(ready=False)
        self.asked()
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, limit(2))

    def test_keep_alives_are_sent_and_a_stop_works_while_a_reload_waits_for_it(self):
        notify = NotifySocket(self.directory)
        self.addCleanup(notify.close)
        daemon = self.start(prefix=self.prefix, environment={"NOTIFY_SOCKET": notify.path,
                                                             "WATCHDOG_USEC": str(ms(self.PERIOD_MS) * 1000)})
        begin, at = len(daemon.log), len(notify.received)
        daemon.reload(listen=self.NAMES)
        daemon.wait_log("reload refused.*not looked up in time", 10, begin)
        end = notify.wait("READY", "1", at)
        sent = [when for when, fields in notify.received[at:end + 1] if fields.get("WATCHDOG") == "1"]
        times = [notify.received[at][0], *sent, notify.received[end][0]]
        self.assertLess(max(after - before for before, after in zip(times, times[1:])) * 1000, ms(self.PERIOD_MS))
        daemon.connect().fence()
        at = len(notify.received)
        daemon.signal(signal.SIGHUP)
        notify.wait("RELOADING", "1", at)
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, limit(3))


if __name__ == "__main__":
    main()
