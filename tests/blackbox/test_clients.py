"""Access: credentials, allowed methods and limits of clients, and that no secret leaks."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import unittest

from support import http_client
from support.configuration import digest
from support.daemon import (ROOT, Connection, DaemonTest, Stopwatch, code, config_text, duration, eventually, limit,
                            main, message, ms, run_to_end)
from support.json_rpc import batch
from support.transports import TransportTest

TOKEN = "correct-horse-battery-staple"
OTHER = "another-token-altogether"
CALL = message("demo.echo", [1], 1)


def client(name="deploy", **more):
    """A [[client]] with TOKEN, unless `more` has another credential."""
    credentials = {"token_sha256", "user", "group", "certificate"} & set(more)
    return {"name": name, **({} if credentials or name == "anonymous" else {"token_sha256": digest(TOKEN)}), **more}


def reason(reply):
    return reply["error"]["data"]["reason"] if "error" in reply else "ok"


class ClientsTest(DaemonTest):
    def known(self, daemon, token=TOKEN, **options):
        """A connection that has presented the token."""
        connection = self.connect(daemon, **options)
        self.assertIs(connection.result("rpc.authenticate", {"token": token}), True)
        return connection


class Tokens(ClientsTest):
    options = {"clients": [client(), client("ci", token_sha256=digest(OTHER).upper())]}

    def test_an_unauthenticated_client_is_refused_whatever_it_calls(self):
        connection = self.connect()
        for method in ("demo.echo", "no.such", "rpc.discover", "rpc.nonsense"):
            self.assert_error(connection.request(method), -32016, "unauthenticated", "Not allowed")
        calls = [message("demo.echo", [1], 1), message("no.such", [1], 2)]
        replies = connection.request_text(batch(calls))
        self.assertEqual([reason(reply) for reply in replies], ["unauthenticated"] * 2)

    def test_a_token_is_taken_by_name_and_by_position(self):
        for params in ({"token": TOKEN}, [TOKEN], {"token": OTHER}):
            connection = self.connect()
            self.assertIs(connection.result("rpc.authenticate", params), True)
            self.assertEqual(connection.result("demo.echo", [1]), [1])

    def test_a_wrong_token_leaves_the_connection_what_it_was(self):
        connection = self.connect()
        for wrong in ("", TOKEN[:-1], TOKEN + "x", digest(TOKEN), "x" * 10_000):
            self.assert_error(connection.request("rpc.authenticate", {"token": wrong}), -32016, "unauthenticated")
        self.assert_error(connection.request("demo.echo"), -32016, "unauthenticated")
        connection = self.known(self.daemon)
        self.assert_error(connection.request("rpc.authenticate", {"token": "wrong"}), -32016, "unauthenticated")
        self.assertEqual(connection.result("demo.echo", [1]), [1])

    def test_a_missing_token_or_one_of_another_type_is_an_invalid_param(self):
        connection = self.connect()
        for params in (None, {}, [], {"token": 1}, [None]):
            error = self.assert_error(connection.request("rpc.authenticate", params), -32602, "invalid_params")
            self.assertEqual(error["data"]["path"], "/token")

    def test_guessing_ends_after_ten_wrong_tokens(self):
        connection = self.connect()
        for guess in range(10):
            connection.request("rpc.authenticate", {"token": f"guess {guess}"})
        self.assert_error(connection.request("rpc.authenticate", {"token": TOKEN}), -32016, "unauthenticated")
        self.known(self.daemon)

    def test_an_identity_belongs_to_one_connection(self):
        self.known(self.daemon)
        self.assert_error(self.connect().request("demo.echo"), -32016, "unauthenticated")

    def test_a_token_counts_from_the_next_message_on(self):
        connection = self.connect()
        calls = [message("rpc.authenticate", [TOKEN], 1), message("demo.echo", [1], 2)]
        replies = connection.request_text(batch(calls))
        self.assertEqual([code(reply) for reply in replies], ["ok", -32016])
        self.assertEqual(connection.result("demo.echo", [1]), [1])
        connection = self.connect()
        connection.send(message("rpc.authenticate", [TOKEN]) + message("demo.echo", [1], 3))
        self.assertEqual(connection.receive()["result"], [1])

    def test_cancelling_needs_no_credentials(self):
        self.assertIs(self.connect().result("rpc.cancel", {"id": 1}), False)

    def test_notifications_of_unauthenticated_clients_are_not_run(self):
        before = self.daemon.value("sluice_calls_rejected_total", reason="unauthenticated")
        connection = self.connect()
        connection.notify("demo.echo")
        self.daemon.wait_value(before + 1, "sluice_calls_rejected_total", reason="unauthenticated")

    def test_header_framing_makes_no_difference(self):
        connection = self.connect()
        connection.headers = True
        body = message("demo.echo", [1], 1)
        connection.send(f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.assert_error(connection.receive(), -32016, "unauthenticated")


class BearerTokens(TransportTest):
    transport = "http"
    WRONG = "wrong-token-of-no-client"

    def test_a_right_token_is_let_in_and_a_wrong_one_is_401(self):
        http = self.open(daemon := self.start(clients=[client()]))
        self.assertEqual(http.exchange_call("demo.echo", [1], Authorization=f"Bearer {TOKEN}").result, [1])
        for headers in ({}, {"Authorization": f"Bearer {self.WRONG}"}, {"Authorization": f"Basic {TOKEN}"}):
            response = http.exchange(CALL, **headers)
            self.assertEqual((response.status, response.headers["www-authenticate"]), (401, "Bearer"))
            self.assert_error(response.reply, -32016, "unauthenticated", "Not allowed")
        # The connection may be a proxy's: a token of one of its clients does not count for the others.
        for _ in range(20):
            http.exchange(CALL, Authorization=f"Bearer {self.WRONG}")
        self.assertEqual(http.exchange_call("demo.echo", [1], Authorization=f"Bearer {TOKEN}").result, [1])
        websocket = self.unshaken(daemon)
        websocket.handshake(Authorization=f"Bearer {TOKEN}")
        self.assertEqual(websocket.result("demo.echo", [1]), [1])
        answer = self.unshaken(daemon).refused(Authorization=f"Bearer {self.WRONG}")
        self.assertEqual((answer.status, answer.headers["www-authenticate"]), (401, "Bearer"))
        self.assert_error(json.loads(answer.body), -32016, "unauthenticated", "Not allowed")

    def test_wrong_tokens_are_counted_and_logged_without_being_shown(self):
        daemon = self.start(clients=[client()])
        refused = {"reason": "unauthenticated"}
        self.open(daemon).exchange(CALL, Authorization=f"Bearer {self.WRONG}")
        self.assertEqual(daemon.value("sluice_calls_rejected_total", **refused), 1)
        daemon.wait_log(r"info .*wrong token peer=127\.0\.0\.1:\d+$")
        lines = len(daemon.log)
        self.unshaken(daemon).refused(Authorization=f"Bearer {self.WRONG}")
        self.assertEqual(daemon.value("sluice_calls_rejected_total", **refused), 2)
        daemon.wait_log(r"info .*wrong token peer=127\.0\.0\.1:\d+$", begin=lines)
        lines = len(daemon.log)
        self.connect(daemon, "unix").request("rpc.authenticate", {"token": self.WRONG}, id="guess")
        self.assertEqual(daemon.value("sluice_calls_rejected_total", **refused), 3)
        daemon.wait_log(rf'info .*wrong token method=rpc\.authenticate id="guess" peer=unix:{os.getuid()}$', begin=lines)
        self.assertNotIn(self.WRONG, daemon.log_text())

    def test_a_token_after_too_many_wrong_ones_is_neither_checked_nor_called_wrong(self):
        daemon = self.start(clients=[client()])
        connection = self.connect(daemon)
        for _ in range(10):
            connection.request("rpc.authenticate", {"token": self.WRONG})
        connection.request("rpc.authenticate", {"token": TOKEN}, id=11)
        daemon.wait_log("info .*token ignored after too many wrong ones method=rpc.authenticate id=11 peer=")
        self.assertEqual(daemon.log_text().count(" wrong token "), 10)

    def test_a_used_up_rate_is_429_and_says_truly_when_to_come_back(self):
        http = self.open(self.start(clients=[client(rate=0.8, burst=1)]))
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(http.exchange_call("demo.echo_inline", [1], **bearer).status, 200)
        response = http.exchange_call("demo.echo_inline", [1], **bearer)
        wait = self.assert_error(response.reply, -32005, "rate_limited", "Limit exceeded")["data"]["retry_after_ms"]
        self.assertTrue(0 < wait <= 1250, wait)
        self.assertEqual((response.status, response.headers["retry-after"]), (429, str(-(-wait // 1000))))
        time.sleep(wait / 1000)
        self.assertEqual(http.exchange_call("demo.echo_inline", [2], **bearer).result, [2])
        response = http.exchange_call("demo.echo_inline", [3], **bearer)
        time.sleep(int(response.headers["retry-after"]))
        self.assertEqual((response.status, http.exchange_call("demo.echo_inline", [4], **bearer).result), (429, [4]))


class UnixUsers(ClientsTest):
    def test_a_user_by_number_and_by_name(self):
        for user in (os.getuid(), pwd.getpwuid(os.getuid()).pw_name):
            daemon = self.start(clients=[client(user=user)])
            self.assertEqual(self.connect(daemon, "unix").result("demo.echo", [1]), [1])
            self.assert_error(self.connect(daemon, "tcp").request("demo.echo"), -32016, "unauthenticated")

    def test_a_group_by_number_and_by_name(self):
        for group in (os.getgid(), grp.getgrgid(os.getgid()).gr_name):
            daemon = self.start(clients=[client(group=group)])
            self.assertEqual(self.connect(daemon, "unix").result("demo.echo", [1]), [1])

    def test_other_users_are_unauthenticated(self):
        daemon = self.start(clients=[client(user=os.getuid() + 1), client("b", group=54321)])
        self.assert_error(self.connect(daemon, "unix").request("demo.echo"), -32016, "unauthenticated")

    @unittest.skipUnless(os.getuid() == 0, "only root can be in another group")
    def test_supplementary_groups_count(self):
        daemon = self.start(clients=[client(group=54321)])
        os.chmod(daemon.directory, 0o755)
        os.chmod(daemon.unix(), 0o777)
        call = message("demo.echo", [1], 1)
        program = (f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({daemon.unix()!r}); "
                   f"s.sendall({call!r}.encode()); print(s.recv(1000).decode())")
        for groups, expected in (([54320, 54321], "ok"), ([54320], -32016)):
            done = subprocess.run(["python3", "-c", program], user=65534, group=65534, extra_groups=groups,
                                  capture_output=True, text=True, timeout=limit(20), check=True)
            self.assertEqual(code(json.loads(done.stdout)), expected)


class Methods(ClientsTest):
    options = {"clients": [client(methods=["demo.*", "!demo.throw", "other.*"]),
                           client("anonymous", methods=["demo.sum"])]}

    def test_only_what_the_patterns_allow_is_called(self):
        connection = self.known(self.daemon)
        self.assertEqual(connection.result("demo.echo", [1]), [1])
        self.assert_error(connection.request("demo.throw"), -32016, "forbidden", "Not allowed")

    def test_a_method_that_may_not_be_called_does_not_show_whether_it_exists(self):
        connection = self.known(self.daemon)
        there = connection.request_text(message("demo.throw", None, 1))
        absent = connection.request_text(message("secret.nothing", None, 1))
        self.assertEqual(there, absent)
        self.assert_error(connection.request("other.none"), -32601, "unknown_method")
        stranger = self.connect()
        self.assertEqual(stranger.request_text(message("demo.echo", None, 1)),
                         stranger.request_text(message("secret.nothing", None, 1)))

    def test_an_unauthenticated_client_has_the_rights_of_anonymous(self):
        connection = self.connect()
        self.assertEqual(connection.result("demo.sum", [1, 2]), 3)
        # Showing a token may yet help.
        self.assert_error(connection.request("demo.echo"), -32016, "unauthenticated")

    def names(self, connection):
        return {method["name"] for method in connection.result("rpc.discover")["methods"]}

    def test_discover_shows_what_the_caller_may_call(self):
        self.assertEqual(self.names(self.connect()), {"demo.sum", "rpc.discover"})
        known = self.names(self.known(self.daemon))
        self.assertIn("demo.echo", known)
        self.assertNotIn("demo.throw", known)

    def test_refusals_are_counted(self):
        def rejected(reason):
            return self.daemon.value("sluice_calls_rejected_total", reason=reason)

        before = rejected("forbidden"), rejected("unauthenticated")
        self.known(self.daemon).request("demo.throw")
        self.connect().request("demo.echo")
        self.assertEqual((rejected("forbidden"), rejected("unauthenticated")), (before[0] + 1, before[1] + 1))


class Limits(ClientsTest):
    def drained(self, connection):
        """Calls until the rate is used up; the refusal."""
        while True:
            reply = connection.request("demo.echo_inline")
            if "error" in reply:
                return self.assert_error(reply, -32005, "rate_limited", "Limit exceeded")["data"]

    def test_a_rate_lets_its_burst_through_and_tells_when_to_come_back(self):
        daemon = self.start(clients=[client(rate=4, burst=3)])
        connection = self.known(daemon)
        connection.send("".join(message("demo.echo_inline", [id], id) for id in range(5)))
        self.assertEqual([code(reply) for reply in connection.receive_many(5)], ["ok"] * 3 + [-32005] * 2)
        for _ in range(3):
            wait = self.drained(connection)["retry_after_ms"]
            self.assertIsInstance(wait, int)
            self.assertTrue(0 < wait <= 250, wait)
            time.sleep(wait / 1000)
            self.assertEqual(code(connection.request("demo.echo_inline")), "ok")
        self.assertGreaterEqual(daemon.value("sluice_calls_rejected_total", reason="rate_limited"), 4)

    def test_a_rate_holds_for_all_of_a_clients_connections_and_for_no_other_client(self):
        daemon = self.start(clients=[client(rate=0.01, burst=2), client("b", token_sha256=digest(OTHER))])
        first, second, other = self.known(daemon), self.known(daemon), self.known(daemon, OTHER)
        self.assertEqual(code(first.request("demo.echo")), "ok")
        self.assertEqual(code(second.request("demo.echo")), "ok")
        for connection in (first, second):
            self.assertGreater(self.drained(connection)["retry_after_ms"], 50_000)
        self.assertEqual(code(other.request("demo.echo")), "ok")

    def test_a_call_that_is_refused_elsewhere_does_not_count(self):
        daemon = self.start(clients=[client(rate=0.01, burst=2, max_in_flight=1)])
        connection = self.known(daemon)
        connection.call("demo.sleep", {"ms": ms(300)}, id="slow")
        for _ in range(5):
            self.assertEqual(code(connection.request("no.such")), -32601)
            self.assert_error(connection.request("demo.echo"), -32005, "rate_limited")
        self.assertEqual(connection.receive()["id"], "slow")
        self.assertEqual(code(connection.request("demo.echo")), "ok")

    def test_calls_in_flight_are_limited(self):
        daemon = self.start(clients=[client(max_in_flight=2)], server={"workers": 4})
        first, second = self.known(daemon), self.known(daemon)
        first.call("demo.sleep", {"ms": ms(400)}, id=1)
        second.call("demo.sleep", {"ms": ms(400)}, id=2)
        daemon.wait_in_flight(2)
        data = self.assert_error(first.request("demo.echo"), -32005, "rate_limited")["data"]
        self.assertGreater(data["retry_after_ms"], 0)
        self.assertEqual(first.receive()["id"], 1)
        self.assertEqual(code(first.request("demo.echo")), "ok")

    def test_a_permit_is_held_until_the_handler_has_returned(self):
        daemon = self.start(clients=[client(max_in_flight=1)], server={"workers": 4})
        connection = self.known(daemon)
        self.assertEqual(code(connection.request("demo.hang", {"ms": ms(400)}, timeout_ms=ms(30))), -32002)
        self.assert_error(connection.request("demo.echo"), -32005, "rate_limited")
        daemon.wait_value(0, "sluice_calls_abandoned")
        self.assertEqual(code(connection.request("demo.echo")), "ok")

    def from_address(self, daemon, address):
        connection = Connection.__new__(Connection)
        plain = socket.create_connection(daemon.tcp(), limit(10), source_address=(address, 0))
        connection.__init__(daemon.tcp())
        connection.socket.close()
        connection.socket = plain
        self.addCleanup(connection.close)
        return connection

    def test_anonymous_limits_hold_per_address(self):
        daemon = self.start(clients=[client("anonymous", rate=0.01, burst=1)])
        self.assertEqual(code(self.from_address(daemon, "127.0.0.1").request("demo.echo")), "ok")
        self.assertEqual(code(self.from_address(daemon, "127.0.0.1").request("demo.echo")), -32005)
        self.assertEqual(code(self.from_address(daemon, "127.0.0.2").request("demo.echo")), "ok")
        self.assertEqual(code(self.connect(daemon, "unix").request("demo.echo")), "ok")
        self.assertEqual(code(self.connect(daemon, "unix").request("demo.echo")), -32005)


class Fairness(ClientsTest):
    """One client calls ten times as often as it may. Its load alone is twice what the one worker can carry."""

    SPIN = {"ms": 1}
    SHARE = 200
    PORTIONS_PER_SECOND = 50

    def greedy(self, connection, ended):
        """Calls without waiting; returns the number of admitted calls."""
        connection.socket.setblocking(False)
        portion = (message("demo.spin", self.SPIN, 1) + "\n").encode() * (10 * self.SHARE // self.PORTIONS_PER_SECOND)
        while not ended.wait(1 / self.PORTIONS_PER_SECOND):
            with contextlib.suppress(BlockingIOError):
                connection.socket.send(portion)
                self.let_in += connection.socket.recv(1 << 20).count(b'"result"')

    def median_ms(self, connections):
        took = []
        for connection in connections * 15:
            watch = Stopwatch()
            connection.result("demo.spin", self.SPIN)
            took.append(watch.ms())
        return statistics.median(took)

    def test_a_greedy_client_costs_the_others_little(self):
        daemon = self.start(server={"workers": 1}, clients=[
            client("greedy", user=os.getuid(), rate=self.SHARE, burst=10, max_in_flight=2), client("anonymous")])
        polite = [self.connect(daemon) for _ in range(10)]
        self.median_ms(polite)  # the first calls are slower
        ended = threading.Event()
        self.let_in = 0
        thread = threading.Thread(target=self.greedy, args=(self.connect(daemon, "unix"), ended))
        alone = self.median_ms(polite)
        thread.start()
        try:
            beside = self.median_ms(polite)
        finally:
            ended.set()
            thread.join()
        self.assertGreater(self.let_in, 0)
        self.assertGreater(daemon.value("sluice_calls_rejected_total", reason="rate_limited"), 0)
        self.assert_below(beside, 5 * alone)


class Reload(ClientsTest):
    def test_it_applies_to_connections_that_are_open(self):
        daemon = self.start()
        connection = self.connect(daemon)
        self.assertEqual(code(connection.request("demo.echo")), "ok")
        daemon.reload(clients=[client(methods=["demo.echo"])])
        eventually(5, lambda: reason(connection.request("demo.echo")) == "unauthenticated", "strangers are refused")
        self.assertIs(connection.result("rpc.authenticate", [TOKEN]), True)
        self.assertEqual(reason(connection.request("demo.sum", [1])), "forbidden")
        daemon.reload(clients=[client(methods=["demo.sum"])])
        eventually(5, lambda: reason(connection.request("demo.sum", [1])) == "ok", "other methods are allowed")
        self.assertEqual(reason(connection.request("demo.echo")), "forbidden")
        daemon.reload(clients=[client(token_sha256=digest(OTHER))])
        eventually(5, lambda: reason(connection.request("demo.sum", [1])) == "unauthenticated", "the token is gone")
        listen = [{"address": daemon.parts["listen"][0], "insecure": True}, daemon.parts["listen"][1]]
        daemon.reload(clients=None, listen=listen)
        eventually(5, lambda: reason(connection.request("demo.echo")) == "ok", "every client is admitted")

    def test_users_of_unix_sockets_are_found_on_connections_from_before(self):
        daemon = self.start()
        connection = self.connect(daemon, "unix")
        self.assertEqual(code(connection.request("demo.echo")), "ok")
        daemon.reload(clients=[client(user=os.getuid(), methods=["demo.echo"])])
        eventually(5, lambda: reason(connection.request("demo.sum", [1])) == "forbidden", "the user is known")
        self.assertEqual(code(connection.request("demo.echo")), "ok")

    def test_a_reload_does_not_refill_a_used_rate(self):
        daemon = self.start(clients=[client(rate=0.01, burst=1)])
        connection = self.known(daemon)
        self.assertEqual(code(connection.request("demo.echo")), "ok")
        daemon.reload(clients=[client(rate=0.01, burst=1, methods=["demo.*"])])
        daemon.wait_log("configuration read again")
        self.assertEqual(code(connection.request("demo.echo")), -32005)

    def test_a_broken_file_keeps_the_clients(self):
        daemon = self.start(clients=[client()])
        connection = self.known(daemon)
        daemon.reload(clients=[{"name": "deploy", "token": TOKEN}])
        daemon.wait_log("token_sha256")
        daemon.wait_log("reload refused")
        self.assertEqual(code(connection.request("demo.echo")), "ok")
        self.assert_error(self.connect(daemon).request("demo.echo"), -32016, "unauthenticated")
        self.assertNotIn(TOKEN, daemon.log_text())


class Configuration(ClientsTest):
    def check(self, text):
        daemon_file = self.folder / "sluiced.toml"
        daemon_file.write_text(text)
        status, _, errors = run_to_end("--check", "--config", daemon_file)
        return status, errors

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_others_may_be_listened_to_where_clients_are_named(self):
        outside = {"listen": ["tcp://0.0.0.0:7070"]}
        status, errors = self.check(config_text(**outside))
        self.assertEqual(status, 2)
        self.assertRegex(errors, r":4:11: .*\[\[client\]\].*insecure = true")
        self.assertEqual(self.check(config_text(clients=[client()], **outside)), (0, ""))

    def test_a_token_in_plain_text_is_refused_and_not_shown(self):
        for text in (f'[[client]]\nname = "a"\ntoken = "{TOKEN}"\n', f'[[client]]\nname = "a"\ntoken_sha256 = "{TOKEN}"\n'):
            status, errors = self.check(text)
            self.assertEqual(status, 2)
            self.assertIn("token_sha256", errors)
            self.assertEqual(errors.count("\n"), 1, errors)
            self.assertNotIn(TOKEN, errors)


class Logs(ClientsTest):
    def test_no_token_is_in_the_log_at_any_level(self):
        daemon = self.start(clients=[client()], log={"level": "trace"})
        connection = self.known(daemon)
        wrong = "wrong-token-of-no-client"
        connection.request("rpc.authenticate", {"token": wrong})
        connection.request_text(message("rpc.authenticate", {"token": wrong, "x": 1}, 9)[:-1] + "]")
        connection.result("demo.echo", [1])
        daemon.wait_log(r"method=demo\.echo")
        daemon.stop()
        for secret in (TOKEN, wrong, digest(TOKEN)):
            self.assertNotIn(secret, daemon.log_text())

    def test_every_call_has_a_line_at_debug(self):
        daemon = self.start(clients=[client()], log={"level": "debug"})
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        connection = self.known(daemon)
        connection.request("demo.echo", [1], id="a b", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        line = daemon.wait_log(r"call method=demo\.echo .*").group(0)
        self.assertRegex(line, r'^call method=demo\.echo id="a b" client=deploy peer=127\.0\.0\.1:\d+ code=0 took_ms=[\d.]+ queue_ms=[\d.]+ '
                               r'run_ms=[\d.]+ request_bytes=\d+ reply_bytes=\d+ trace_id=' + trace + "$")
        connection.request("no.such")
        self.assertIn("code=-32601", daemon.wait_log(r"call method=no\.such .*").group(0))

    def test_as_json_the_values_are_members(self):
        daemon = self.start(clients=[client()], log={"level": "debug", "format": "json"})
        self.known(daemon).request("demo.echo", [1], id=7)
        line = json.loads(daemon.wait_log(r'^.*"method":"demo\.echo".*$').group(0))
        self.assertEqual((line["level"], line["message"], line["id"], line["client"], line["code"]),
                         ("debug", "call", 7, "deploy", 0))
        for member in ("took_ms", "queue_ms", "run_ms", "request_bytes", "reply_bytes"):
            self.assertIsInstance(line[member], (int, float))

    def test_lines_name_the_peer_of_calls_and_of_connections_that_end(self):
        daemon = self.start(log={"level": "debug"}, listen=["tcp://127.0.0.1:0", "tcp://[::1]:0", "unix:///{}/s".format(
            self.enterContext(tempfile.TemporaryDirectory()).lstrip("/"))])
        for connection in (self.connect(daemon), self.connect(daemon, "unix"),
                           self.enterContext(contextlib.closing(Connection(daemon.tcp(1))))):
            name = connection.socket.getsockname()
            peer = {socket.AF_INET: "{}:{}", socket.AF_INET6: "[{}]:{}", socket.AF_UNIX: f"unix:{os.getuid()}"}[
                connection.socket.family].format(*name[:2])
            lines = len(daemon.log)
            connection.request("demo.echo", [1])
            connection.request_text(f"[{message('demo.sum', [1], 1)}]")
            for method in ("demo.echo", "demo.sum"):
                daemon.wait_log(f"call method={method} id=\\d+ peer={re.escape(peer)} code=0", begin=lines)
            connection.call("demo.sleep", {"ms": ms(60_000)})
            connection.send(f"[{message('demo.spin', {'ms': 1}, 1)},{message('demo.sleep', {'ms': ms(60_000)}, 2)}]")
            daemon.wait_in_flight(2, method="demo.sleep")
            daemon.wait_log("call method=demo.spin .*code=0", begin=lines)  # or it would be cancelled with the others
            connection.reset()
            daemon.wait_log(f"connection closed: reset peer={re.escape(peer)}$", begin=lines)
            left = [line for line in daemon.log[lines:] if "code=-32800" in line]
            self.assertEqual((len(left), [peer in text for text in left]), (2, [True] * 2), left)
            daemon.wait_in_flight(0)

    def test_the_size_of_a_request_is_its_messages_or_its_entrys(self):
        daemon = self.start(log={"level": "debug"})
        single = '{"jsonrpc": "2.0", "id": 1, "method": "demo.echo", "other": 5}'
        self.connect(daemon).request_text(single)
        daemon.wait_log(f"method=demo.echo .*request_bytes={len(single)} ")
        entry = '{"jsonrpc":"2.0","id":1,  "method":"demo.sum","params":[1,2]}'
        http = http_client.connect(daemon)
        self.addCleanup(http.close)
        http.exchange(f"[ {entry} ,{single}]")
        daemon.wait_log(f"method=demo.sum .*request_bytes={len(entry)} ")

    def test_a_call_past_its_time_limit_is_one_line_and_its_handlers_return_another_at_debug(self):
        for level in ("info", "debug"):
            daemon = self.start(log={"level": level, "slow_call": duration(20)})
            connection = self.connect(daemon)
            self.assertEqual(code(connection.request("demo.hang", {"ms": ms(200)}, id=7, timeout_ms=ms(50))), -32002)
            if level == "debug":
                line = daemon.wait_log(r"debug handler returned late method=demo\.hang id=7 .*").group(0)
                self.assertRegex(line, r"took_ms=[\d.]+ queue_ms=[\d.]+ run_ms=[\d.]+$")
                self.assertNotRegex(line, "code=|bytes=")
            daemon.wait_value(0, "sluice_calls_abandoned")
            daemon.stop()
            answers = re.findall(r"(\w+) +\w+ call method=demo\.hang .*(code=\S+)", daemon.log_text())
            self.assertEqual(answers, [("warn", "code=-32002")])

    def test_failed_and_slow_calls_are_louder_and_the_rest_is_silent(self):
        daemon = self.start(log={"slow_call": duration(200)})
        connection = self.connect(daemon)
        connection.request("demo.throw")
        daemon.wait_log(r"info .*failed call method=demo\.throw .*code=-32603")
        connection.request("demo.sleep", {"ms": ms(1000)}, timeout_ms=ms(50))
        daemon.wait_log(r"info .*failed call method=demo\.sleep .*code=-32002")
        connection.request("demo.sleep", {"ms": ms(250)})
        daemon.wait_log(r"warn .*slow call method=demo\.sleep .*code=0")
        connection.request("no.such")
        connection.request("demo.echo")
        self.assertNotRegex(daemon.log_text(), r"method=(no\.such|demo\.echo)")

    def test_what_a_client_sends_cannot_look_like_other_values(self):
        daemon = self.start(log={"level": "debug"})
        connection = self.connect(daemon)
        connection.request("x code=0 client=root", id="1\u009b\n client=root")
        line = daemon.wait_log(r"call method=.*").group(0)
        self.assertTrue(line.startswith(r'call method="x code=0 client=root" id="1'), line)
        self.assertNotIn("\u009b", line)
        connection.request("m" * 5000)
        self.assertLess(len(daemon.wait_log(r"call method=mmm.*").group(0)), 400)

    def test_a_flood_of_failures_is_cut_off_and_counted(self):
        daemon = self.start(server={"io_threads": 1})
        connection = self.connect(daemon)
        failure = {"code": -32603, "message": "x", "data": {"reason": "internal"}}
        connection.send("".join(message("demo.fail", failure, id) for id in range(300)))
        connection.receive_many(300)
        left_out = int(daemon.wait_log(r"warn .*?(\d+) lines about slow or failed calls were left out", 5).group(1))
        written = len(re.findall("failed call method", daemon.log_text()))
        self.assertLessEqual(written, 200)
        eventually(5, lambda: sum(map(int, re.findall(r"(\d+) lines about slow", daemon.log_text()))) +
                   len(re.findall("failed call method", daemon.log_text())) == 300, "every line is written or counted")
        self.assertGreater(left_out, 0)


class CommandLine(ClientsTest):
    def sluice(self, *words, text_in=""):
        program = os.environ.get("SLUICE", str(ROOT / "build" / "release" / "bin" / "sluice"))
        if not os.path.exists(program):
            self.skipTest("no sluice: set SLUICE")
        return subprocess.run([program, *words], input=text_in, capture_output=True, text=True, timeout=limit(20))

    def test_a_token_that_sluice_made_is_let_in(self):
        token, line = self.sluice("token").stdout.splitlines()
        again = self.sluice("token", "-", text_in=token + "\n")
        self.assertEqual((again.returncode, again.stdout), (0, line + "\n"))
        text = config_text(listen=["tcp://127.0.0.1:0"]) + f'\n[[client]]\nname = "made"\n{line}\n'
        daemon = self.start(text=text)
        self.assertEqual(code(self.known(daemon, token).request("demo.echo")), "ok")

    def test_a_token_is_not_taken_from_the_command_line(self):
        done = self.sluice("token", TOKEN)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertNotIn(TOKEN, done.stderr)


if __name__ == "__main__":
    main()
