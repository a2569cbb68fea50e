"""Arguments, the configuration file, --check and SIGHUP: contract 1 and 5."""

import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import unittest

from support.daemon import (Connection, Daemon, DaemonTest, code, config_text, duration, eventually, free_port, limit,
                            main, message, ms, run_to_end, sluiced)
from support.json_rpc import batch
from support.tls import Authority

WHOLE = """
[server]
io_threads = 0
workers = 0
worker_queue = 1024
max_in_flight = 0
connection_window = 128
max_connections = 10000
max_message = "4MiB"
max_response = "16MiB"
max_batch = 1000
batch_width = 16
max_output_buffer = "16MiB"
call_timeout = "30s"
idle_timeout = "11m"
message_timeout = "30s"
write_timeout = "10s"
drain_timeout = "20s"

[[listen]]
address = "tcp://127.0.0.1:7070"
[[listen]]
address = "unix:///run/sluice/sluice.sock"
mode = "0660"

[admin]
address = "tcp://127.0.0.1:7071"

[log]
level = "info"
format = "text"
slow_call = "1s"

[method."demo.sleep"]
timeout = "2s"
max_concurrent = 4
"""


class Check(DaemonTest):
    def check(self, text):
        """(exit code, stderr) of `sluiced --check` on `text`, with the file's name as FILE."""
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            path = pathlib.Path(directory) / "c.toml"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            status, _, errors = run_to_end("--check", "--config", path)
            return status, errors.replace(str(path), "FILE")

    def positions(self, errors):
        return [(int(line), int(column)) for line, column in re.findall(r"FILE:(\d+):(\d+): \S", errors)]

    def test_the_documented_file_is_valid(self):
        self.assertEqual(self.check(WHOLE), (0, ""))

    def test_an_empty_file_is_valid(self):
        self.assertEqual(self.check(""), (0, ""))
        self.assertEqual(self.check("# nothing\n")[0], 0)

    def test_every_unit_is_understood(self):
        for value in ('"65536B"', '"64KiB"', '"4MiB"', '"1GiB"', "65536"):
            with self.subTest(value):
                self.assertEqual(self.check(f"[server]\nmax_response = {value}\n")[0], 0)
        for value in ("250000us", "250ms", "30s", "10m", "1h"):
            with self.subTest(value):
                self.assertEqual(self.check(f'[server]\ncall_timeout = "{value}"\n')[0], 0)

    # what is wrong, the line it is on, the columns that may be named (key or value), words that must be said
    ERRORS = [
        ("[server]\nworker = 4\n", 2, (1, 10), ["worker", "workers"]),
        ("[server]\nmax_conections = 4\n", 2, (1, 18), ["max_conections", "max_connections"]),
        ("[server]\ncall_timout = \"1s\"\n", 2, (1, 15), ["call_timout", "call_timeout"]),
        ("\n[sever]\nworkers = 1\n", 2, (1, 2), ["sever", "server"]),
        ("[log]\nlevl = \"info\"\n", 2, (1, 8), ["levl", "level"]),
        ("[[listen]]\nadress = \"tcp://127.0.0.1:1\"\n", 2, (1, 10), ["adress", "address"]),
        ("[admin]\naddres = \"tcp://127.0.0.1:1\"\n", 2, (1, 10), ["addres", "address"]),
        ("[method.\"demo.sleep\"]\ntimeot = \"1s\"\n", 2, (1, 10), ["timeot", "timeout"]),
        ("[method.\"demo.sleep\"]\nmax_concurent = 1\n", 2, (1, 17), ["max_concurent", "max_concurrent"]),
        ("[server]\n\n   call_timeout = 5\n", 3, (4, 19), ["call_timeout"]),
        ("[server]\ncall_timeout = \"5\"\n", 2, (1, 16), ["call_timeout", "ms"]),
        ("[server]\ncall_timeout = \"5 parsecs\"\n", 2, (1, 16), ["call_timeout", "ms"]),
        ("[server]\ncall_timeout = \"-5s\"\n", 2, (1, 16), ["call_timeout"]),
        ("[server]\nmax_message = \"4MB\"\n", 2, (1, 15), ["max_message", "MiB"]),
        ("[server]\nmax_message = -1\n", 2, (1, 15), ["max_message"]),
        ("[server]\nmax_message = true\n", 2, (1, 15), ["max_message"]),
        ("[server]\nworkers = \"four\"\n", 2, (1, 11), ["workers"]),
        ("[server]\nworkers = -1\n", 2, (1, 11), ["workers"]),
        ("[server]\nworkers = 1.5\n", 2, (1, 11), ["workers"]),
        ("[server]\nmax_batch = 99999999999999999999\n", 2, None, []),
        ("[log]\nlevel = \"loud\"\n", 2, (1, 9), ["loud", "trace", "debug", "info", "warn", "error"]),
        ("[log]\nformat = \"xml\"\n", 2, (1, 10), ["xml", "text", "json"]),
        ("[[listen]]\naddress = \"ftp://127.0.0.1:21\"\n", 2, (1, 11), ["tcp://", "unix://"]),
        ("[[listen]]\naddress = \"tcp://127.0.0.1\"\n", 2, (1, 11), []),
        ("[[listen]]\naddress = \"tcp://127.0.0.1:70000\"\n", 2, (1, 11), []),
        ("[[listen]]\naddress = \"unix://relative\"\n", 2, (1, 11), []),
        ("[[listen]]\naddress = 7070\n", 2, (1, 11), ["address"]),
        ("[[listen]]\naddress = \"unix:///tmp/x.sock\"\nmode = \"rw\"\n", 3, (1, 8), ["mode"]),
        ("[[listen]]\naddress = \"unix:///tmp/x.sock\"\nmode = \"0999\"\n", 3, (1, 8), ["mode"]),
        ("[[listen]]\naddress = \"tcp://0.0.0.0:7070\"\n", 2, (1, 11), ["insecure"]),
        ("[[listen]]\naddress = \"tcp://[::]:7070\"\n", 2, (1, 11), ["insecure"]),
        ("[method.\"demo.sleep\"]\nmax_concurrent = -2\n", 2, (1, 18), ["max_concurrent"]),
        ("[events]\nqueu = 1\n", 2, (1, 8), ["queu", "queue"]),
        ("[topic.\"a*\"]\nhistory = 1\n", 1, (1, 8), ["a*", "orders.*"]),
        ("server = 5\n", 1, (1, 10), ["server"]),
        ("[server]\nworkers = \n", 2, None, []),
        ("[server\n", 1, None, []),
        ("[server]\nworkers = 1\nworkers = 2\n", 3, None, ["workers"]),
        (b"[server]\nworkers = \xff\n", 2, None, []),
    ]

    def test_an_error_names_its_position_and_what_is_allowed(self):
        for text, line, columns, words in self.ERRORS:
            with self.subTest(text):
                status, errors = self.check(text)
                self.assertEqual(status, 2, errors)
                found = self.positions(errors)
                self.assertIn(line, [position[0] for position in found], errors)
                if columns:
                    self.assertTrue(set(found) & {(line, column) for column in columns}, errors)
                for word in words:
                    self.assertIn(word, errors)
                self.assertNotIn("terminate", errors)

    def test_a_listener_behind_a_proxy_says_who_may_call_or_insecure(self):
        for address in ("tcp://127.0.0.1:7070", "unix:///run/x.sock"):
            with self.subTest(address):
                text = f'[[listen]]\naddress = "{address}"\nproxy_protocol = true\n'
                status, errors = self.check(text)
                self.assertEqual(status, 2)
                self.assertRegex(errors, r":3:18: listen\.proxy_protocol = true takes clients from other machines.*insecure = true")
                self.assertEqual(self.check(text + "insecure = true\n")[0], 0)
                self.assertEqual(self.check(text + '[[client]]\nname = "me"\nuser = "root"\n')[0], 0)

    def test_a_listener_that_says_insecure_may_be_reached_from_outside(self):
        self.assertEqual(self.check('[[listen]]\naddress = "tcp://0.0.0.0:7070"\ninsecure = true\n')[0], 0)
        self.assertEqual(self.check('[[listen]]\naddress = "tcp://[::1]:7070"\n')[0], 0)
        self.assertEqual(self.check('[[listen]]\naddress = "tcp://127.0.0.2:7070"\n')[0], 0)

    def test_check_opens_nothing(self):
        daemon = self.start()
        port = daemon.tcp()[1]
        self.assertEqual(self.check(f'[[listen]]\naddress = "tcp://127.0.0.1:{port}"\n')[0], 0)


class Arguments(DaemonTest):
    def one_line(self, errors):
        lines = [line for line in errors.splitlines() if line.strip()]
        self.assertTrue(lines, "nothing on stderr")
        for word in ("terminate", "what():", "Aborted", "#0"):
            self.assertNotIn(word, errors)
        return lines

    def test_version_and_help_exit_with_0(self):
        status, output, _ = run_to_end("--version")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"\d+\.\d+")
        status, output, _ = run_to_end("--help")
        self.assertEqual(status, 0)
        for option in ("--config", "--demo", "--check", "--version", "--help"):
            self.assertIn(option, output)

    def test_help_shows_the_defaults(self):
        _, output, _ = run_to_end("--help")
        keys = dict(re.findall(r"^  (\w+) .*\n +(.*)$", output, re.MULTILINE))
        for key, default in (("call_timeout", '"30s"'), ("worker_queue", "1024"), ("max_message", '"4MiB"'), ("level", '"info"'),
                             ("optional", "false"), ("health_path", '"/readyz"'), ("adaptive", "false"), ("io_threads", "0")):
            self.assertTrue(keys[key].endswith(f"; default {default}"), (key, keys[key]))
        admin = keys["address"]  # the last of that name
        self.assertTrue(admin.endswith('; default "tcp://127.0.0.1:7071"'), admin)
        self.assertTrue(keys["mode"].endswith('; default "0660"'), keys["mode"])
        self.assertNotIn("default", keys["certificate"])

    def test_a_doubtful_setting_is_a_warning_at_check_and_at_start(self):
        client = '[[client]]\nname = "anonymous"\n'
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "f.toml")
            path.write_text(client + '[[listen]]\naddress = "tcp://0.0.0.0:0"\n[admin]\naddress = "tcp://0.0.0.0:0"\n')
            status, _, errors = run_to_end("--check", "--config", path)
        self.assertEqual((status, len(errors.splitlines())), (0, 2), errors)
        self.assertIn(":1:1: warning: client anonymous has no methods", errors)
        self.assertIn(':6:11: warning: admin.address = "tcp://0.0.0.0:0" can be reached', errors)
        daemon = self.start(ready=False, text=client + '[[listen]]\naddress = "tcp://0.0.0.0:0"\n[admin]\naddress = "tcp://127.0.0.1:0"\n')
        daemon.wait_log(r"warn .*sluiced\.toml:1:1: client anonymous has no methods")
        daemon.wait_ready()
        lines = len(daemon.log)
        daemon.reload()
        daemon.wait_log("configuration read again", begin=lines)
        self.assertNotIn("anonymous", "\n".join(daemon.log[lines:]))

    def test_a_key_that_others_can_read_is_a_warning_at_check_and_at_start(self):
        authority = Authority()
        tls = authority.settings(authority.issue("server"))
        text = config_text(listen=[{"address": "tcp://127.0.0.1:0", "tls": tls}])
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "f.toml")
            path.write_text(text)
            for mode, warned in ((0o600, False), (0o400, False), (0o640, os.geteuid() != 0), (0o644, True), (0o666, True),
                                 (0o660, True), (0o604, True)):
                os.chmod(tls["key"], mode)
                status, _, errors = run_to_end("--check", "--config", path)
                self.assertEqual(status, 0, errors)
                with self.subTest(oct(mode)):
                    self.assertEqual(bool(re.search(rf":\d+:\d+: warning: listen\.tls\.key = .*\(mode {mode:04o}", errors)), warned,
                                     errors)
        os.chmod(tls["key"], 0o666)
        daemon = self.start(text=text)
        daemon.wait_log(r"warn .*listen\.tls\.key = .* is open to all users")

    def test_a_password_file_that_others_can_read_is_a_warning(self):
        with tempfile.TemporaryDirectory() as directory:
            path, password = pathlib.Path(directory, "f.toml"), pathlib.Path(directory, "node.password")
            password.write_text("secret\n")
            backend = {"name": "node", "url": "http://127.0.0.1:1", "methods": ["eth_*"], "user": "u",
                       "password_file": str(password)}
            path.write_text(config_text(listen=["tcp://127.0.0.1:0"], backends=[backend]))
            for mode, warned in ((0o600, False), (0o644, True)):
                os.chmod(password, mode)
                status, _, errors = run_to_end("--check", "--config", path)
                self.assertEqual(status, 0, errors)
                self.assertEqual("password_file" in errors, warned, errors)

    @unittest.skipUnless(os.geteuid() == 0, "takes root for a user namespace")
    def test_an_overflow_user_or_group_is_refused_in_a_user_namespace(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "f.toml")
            for key, value in (("user", '"nobody"'), ("user", "65534"), ("group", '"nogroup"'), ("group", "65534")):
                path.write_text(f'[[client]]\nname = "a"\n{key} = {value}\n')
                self.assertEqual(run_to_end("--check", "--config", path)[0], 0)
                inside = subprocess.run(["unshare", "--user", "--map-root-user", sluiced(), "--check", "--config", str(path)],
                                        capture_output=True, text=True, timeout=limit(10))
                self.assertEqual(inside.returncode, 2, inside.stderr)
                self.assertRegex(inside.stderr, rf":3:\d+: client\.{key} = .* user namespace")

    def test_a_start_without_enough_descriptors_names_what_could_not_be_created(self):
        started = 0
        for descriptors in range(6, 64):
            daemon = Daemon(descriptors=descriptors, server={"io_threads": 2})
            self.addCleanup(daemon.close)
            daemon.start(ready=False)
            up = eventually(10, lambda: re.search("is up as|end of the log", daemon.log_text()))
            if up.group() == "is up as":
                started += 1
                break
            self.assertEqual(daemon.wait_exit(), 2 if "cannot be read" in daemon.log_text() else 1)
            self.assertRegex(daemon.log_text(), r"can't (create|listen on) \S+.*: Too many open files|cannot be read")
            daemon.close()
        self.assertEqual(started, 1)

    def test_bad_usage_exits_with_2(self):
        for arguments in (["--nonsense"], ["extra"], ["--config"], ["--config", "/nonexistent/x.toml"], ["--check", "--config", "/nonexistent/x.toml"],
                          ["--config", "/"]):
            with self.subTest(arguments):
                status, _, errors = run_to_end(*arguments)
                self.assertEqual(status, 2, errors)
                self.one_line(errors)

    def test_a_missing_file_is_named(self):
        status, _, errors = run_to_end("--config", "/nonexistent/x.toml")
        self.assertEqual(status, 2)
        self.assertIn("/nonexistent/x.toml", errors)

    def exit_of(self, text):
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            path = pathlib.Path(directory) / "c.toml"
            path.write_text(text)
            status, _, errors = run_to_end("--config", path)
            return status, errors

    def test_a_broken_file_stops_the_start_with_2(self):
        status, errors = self.exit_of("[server]\nworker = 1\n")
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"c\.toml:2:1: ")

    def test_an_unsafe_listener_stops_the_start_with_2(self):
        status, errors = self.exit_of('[[listen]]\naddress = "tcp://0.0.0.0:0"\n')
        self.assertEqual(status, 2)
        self.assertIn("insecure", errors)

    def test_a_port_in_use_stops_the_start_with_1_and_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for text in (config_text(listen=[f"tcp://{address}"]), config_text(listen=["tcp://127.0.0.1:0"], admin=f"tcp://{address}")):
                status, errors = self.exit_of(text)
                self.assertEqual(status, 1, errors)
                self.assertIn(address, errors)
                self.one_line(errors)

    def test_a_socket_path_without_a_folder_stops_the_start_with_1(self):
        status, errors = self.exit_of(config_text(listen=["unix:///nonexistent/folder/x.sock"]))
        self.assertEqual(status, 1, errors)
        self.assertIn("/nonexistent/folder/x.sock", errors)
        self.one_line(errors)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        status, errors = self.exit_of(config_text(listen=["unix:///tmp/" + "x" * 200]))
        self.assertIn(status, (1, 2))
        self.one_line(errors)


class Listeners(DaemonTest):
    def test_ipv6_is_served(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 loopback")
        daemon = self.start(listen=["tcp://[::1]:0"])
        with Connection(daemon.tcp()) as connection:
            connection.fence()

    def test_several_listeners_serve_the_same_methods(self):
        daemon = self.start(listen=["tcp://127.0.0.1:0", "tcp://127.0.0.2:0"])
        for index in range(2):
            with Connection(daemon.tcp(index)) as connection:
                connection.fence()

    def test_a_port_that_was_used_a_moment_ago_can_be_used_again(self):
        port = free_port()
        for _ in range(2):
            daemon = Daemon(listen=[f"tcp://127.0.0.1:{port}"]).start()
            with daemon.connect() as connection:
                connection.fence()
                daemon.close()


class Logs(DaemonTest):
    def test_a_slow_call_is_logged(self):
        daemon = self.start(log={"slow_call": duration(50)})
        with daemon.connect() as connection:
            connection.request("demo.echo", [1])
            begin = len(daemon.log)
            connection.request("demo.sleep", {"ms": ms(100)})
            daemon.wait_log(r"demo\.sleep", 5, begin)

    def test_json_logs_are_json_a_line(self):
        daemon = self.start(log={"format": "json"})
        daemon.connect().fence()
        self.assertEqual(daemon.stop(), 0)
        lines = [line for line in daemon.log if line != "(end of the log)"]
        self.assertTrue(lines)
        for line in lines:
            self.assertIsInstance(json.loads(line), dict)

    def test_a_client_cannot_write_its_own_log_lines(self):
        daemon = self.start(log={"level": "trace", "slow_call": "1us"})
        with daemon.connect() as connection:
            for method in ("x\nforged line\n", "demo.sleep\nforged line"):
                connection.request(method, {"ms": 1})
                connection.request("demo.sleep", {"ms": 1}, id="1\nforged line", traceparent="a\nforged line")
            connection.request_text('{"jsonrpc":"2.0","oops\nforged line\n')
            connection.half_close()
            connection.read_to_end()
        daemon.stop()
        self.assertFalse([line for line in daemon.log if line.startswith("forged line")])


def refused(peer):
    try:
        Connection(peer).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True


FIVE = batch(message("demo.echo", [id], id) for id in range(5))


class Reload(DaemonTest):
    def test_limits_apply_to_the_next_call_on_open_connections(self):
        daemon = self.start(server={"max_batch": 10})
        with daemon.connect() as connection:
            self.assertEqual(len(connection.request_text(FIVE)), 5)
            daemon.reload(server={"max_batch": 3})
            eventually(5, lambda: isinstance(connection.request_text(FIVE), dict), "max_batch is 3")
            daemon.reload(server={"max_message": "1KiB", "max_batch": 10})
            eventually(5, lambda: code(connection.request_text(message("demo.echo", ["x" * 2000], 1))) == -32007,
                       "max_message is 1KiB")
            daemon.reload(server={"call_timeout": duration(50), "max_message": "4MiB"})
            eventually(5, lambda: code(connection.request("demo.sleep", {"ms": ms(150)})) == -32002, "call_timeout is short")

    def test_settings_of_methods_are_reloaded(self):
        daemon = self.start(server={"workers": 4})
        with daemon.connect() as connection:
            daemon.reload(methods={"demo.sleep": {"timeout": duration(50), "max_concurrent": 1}})
            eventually(5, lambda: code(connection.request("demo.sleep", {"ms": ms(150)})) == -32002, "the timeout is short")
            connection.call("demo.sleep", {"ms": ms(45)}, id=1)
            connection.call("demo.sleep", {"ms": ms(45)}, id=2)
            self.assertIn(-32009, [code(reply) for reply in connection.receive_many(2)])
            daemon.reload(text=config_text(**{**daemon.parts, "methods": None}))
            eventually(5, lambda: code(connection.request("demo.sleep", {"ms": ms(150)})) == "ok", "the timeout is gone")

    def test_max_in_flight_is_reloaded(self):
        daemon = self.start(server={"workers": 4, "max_in_flight": 10})
        daemon.reload(server={"max_in_flight": 2})
        daemon.wait_value(2, "sluice_in_flight_limit")
        with daemon.connect() as connection:
            for id in range(3):
                connection.call("demo.sleep", {"ms": ms(100)}, id=id)
            self.assertEqual(sorted(str(code(reply)) for reply in connection.receive_many(3)), ["-32009", "ok", "ok"])

    def test_the_log_level_is_reloaded(self):
        daemon = self.start(log={"slow_call": "1ms"})
        with daemon.connect() as connection:
            connection.request("demo.sleep", {"ms": 30})
            daemon.wait_log(r"demo\.sleep")

            def silent():
                begin = len(daemon.log)
                connection.request("demo.sleep", {"ms": 30})
                connection.request("demo.sleep", {"ms": 30})  # its line, if any, is behind that of the first
                return len(daemon.log) == begin

            daemon.reload(log={"level": "error"})
            eventually(5, silent, "warnings are no longer logged")
            begin = len(daemon.log)
            daemon.reload(log={"level": "warn"})

            def logged():
                connection.request("demo.sleep", {"ms": 30})
                return any("demo.sleep" in line for line in daemon.log[begin:])

            eventually(5, logged, "warnings are logged again")

    def test_a_running_call_is_not_lost(self):
        daemon = self.start()
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(500)}, id=1)
            daemon.wait_in_flight(1)
            daemon.reload(server={"call_timeout": "1ms", "max_batch": 3})
            self.assertEqual(code(connection.receive()), "ok")

    def test_a_new_listener_is_opened_and_a_removed_one_closed_while_its_connections_live_on(self):
        daemon = self.start()
        listen = daemon.parts["listen"]
        added = f"unix://{daemon.directory}/added.sock"
        with daemon.connect("unix") as old:
            old.fence()
            path, port = daemon.unix(), daemon.tcp()
            daemon.reload(listen=[listen[0], added])

            def call(peer):
                with Connection(peer) as connection:
                    return connection.result("demo.echo", [1]) == [1]

            eventually(5, lambda: call(str(daemon.directory / "added.sock")), "the added listener serves")
            eventually(5, lambda: refused(path), "the removed listener is closed")
            old.fence()
            self.assertTrue(call(port), "the listener that stayed kept its port")
            daemon.reload(listen=[f"tcp://127.0.0.1:{free_port()}", added])
            eventually(5, lambda: refused(port), "the removed port is closed")
            self.assertTrue(call(str(daemon.directory / "added.sock")))
            old.fence()

    def test_the_admin_listener_moves_to_its_new_address(self):
        daemon = self.start()
        old, port = daemon.admin(), free_port()
        daemon.reload(admin=f"tcp://127.0.0.1:{port}")
        daemon.wait_log(rf"admin on tcp://127\.0\.0\.1:{port}$")
        eventually(5, lambda: refused(old), "the old admin listener is closed")
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(daemon.http(path, index=1)[0], 200)
        daemon.connect().fence()

    def test_an_admin_address_that_cannot_be_had_leaves_the_old_one(self):
        daemon = self.start()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            begin = len(daemon.log)
            daemon.reload(admin=f"tcp://127.0.0.1:{taken.getsockname()[1]}")
            daemon.wait_log("reload refused", 5, begin)
        self.assertEqual(daemon.http("/readyz")[0], 200)

    def test_two_listeners_on_any_port_keep_their_ports(self):
        daemon = self.start(server={"max_batch": 10}, listen=["tcp://127.0.0.1:0"] * 2)
        peers = [daemon.tcp(0), daemon.tcp(1)]
        begin = len(daemon.log)
        daemon.reload(server={"max_batch": 3})
        daemon.wait_log("configuration read again", 5, begin)
        for peer in peers:
            with Connection(peer) as connection:
                self.assertIsInstance(connection.request_text(FIVE), dict, "max_batch is 3")
        self.assertFalse([line for line in daemon.log[begin:] if "listening" in line])

    def test_a_listener_that_cannot_be_opened_leaves_everything_as_it_was(self):
        daemon = self.start(server={"max_batch": 10})
        begin = len(daemon.log)
        daemon.reload(server={"max_batch": 3}, listen=["unix:///nonexistent/folder/x.sock"])
        daemon.wait_log(r"/nonexistent/folder/x\.sock", 5, begin)
        with daemon.connect() as connection, daemon.connect("unix"):
            self.assertEqual(len(connection.request_text(FIVE)), 5)

    def test_a_broken_file_is_refused_with_the_errors_position_and_the_old_configuration_stays(self):
        daemon = self.start(server={"max_batch": 10})
        with daemon.connect() as connection:
            for text, position in [("[server]\nmax_batch = 3\nworker = 1\n", ":3:1: "), ("[server\n", r":1:\d+: "),
                                ("[server]\nmax_batch = 3\ncall_timeout = 5\n", r":3:\d+: ")]:
                begin = len(daemon.log)
                daemon.reload(text=text)
                daemon.wait_log(re.escape(str(daemon.config)) + position, 5, begin)
                self.assertEqual(len(connection.request_text(FIVE)), 5)
            begin = len(daemon.log)
            daemon.config.unlink()
            daemon.signal(1)
            daemon.wait_log(re.escape(str(daemon.config)), 5, begin)
            self.assertEqual(len(connection.request_text(FIVE)), 5)
            daemon.reload(server={"max_batch": 3})
            eventually(5, lambda: isinstance(connection.request_text(FIVE), dict), "a good file is taken after bad ones")
        self.assertEqual(daemon.http("/readyz")[0], 200)

    def test_what_only_a_restart_changes_does_no_harm(self):
        daemon = self.start(server={"workers": 2, "io_threads": 1, "max_batch": 10})
        daemon.reload(server={"workers": 5, "io_threads": 3, "max_batch": 3})
        for key in ("workers", "io_threads"):
            daemon.wait_log(rf"server\.{key} is fixed at start")
        self.assertNotIn("worker_cpus is fixed", "\n".join(daemon.log))
        with daemon.connect() as connection:
            eventually(5, lambda: isinstance(connection.request_text(FIVE), dict), "max_batch is 3")
        self.assertEqual(len(daemon.metrics().label_values("sluice_worker_busy", "worker")), 2)

    def test_many_reloads_under_load_lose_no_call(self):
        daemon = self.start(server={"workers": 2})
        stop, failures, count = threading.Event(), [], [0]

        def client(kind):
            try:
                with daemon.connect(kind) as connection:
                    while not stop.is_set():
                        for id in range(20):
                            connection.call("demo.echo", [id], id=id)
                        for reply in connection.receive_by_id(20).values():
                            assert code(reply) == "ok", reply
                        count[0] += 20
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=client, args=(kind,)) for kind in ("tcp", "unix")]
        for thread in threads:
            thread.start()
        for round in range(20):
            daemon.reload(server={"max_batch": 100 + round, "call_timeout": duration(10000 + round)},
                          methods={"demo.echo": {"max_concurrent": 500 + round}})
            done = count[0]
            eventually(5, lambda: count[0] > done or failures, "calls go on")
        stop.set()
        for thread in threads:
            thread.join(limit(20))
        self.assertEqual(failures, [])


if __name__ == "__main__":
    main()
