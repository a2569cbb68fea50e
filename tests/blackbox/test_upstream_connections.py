"""Connections to upstreams: their number, how long each is used, and the meaning of their ends."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time

from support.daemon import Stopwatch, duration, eventually, limit, main, ms, sluiced
from support.tls import authority
from support.upstream_http_servers import MisbehavingHttp, TlsHttp
from support.upstream_servers import Misbehaving, reply
from support.upstream_test import UpstreamTest
from support.upstream_websocket_server import MisbehavingWebSocket


class Http(MisbehavingHttp):
    """`served` counts the requests of each connection; `more` is what each response says beside it; a connection is
    closed after `idle_s` seconds without a request."""

    def __init__(self, more="", idle_s=None, **options):
        self.more = more
        self.idle_s = idle_s
        self.served = []
        self.mine = threading.local()
        super().__init__(**options)

    def serve(self, connection):
        connection.settimeout(self.idle_s)
        with self.lock:
            self.mine.index = len(self.served)
            self.served.append(0)
        super().serve(connection)

    def note(self, call):
        self.served[self.mine.index] += 1
        super().note(call)

    def count(self):
        """The requests of this connection so far."""
        return self.served[self.mine.index]

    def say(self, connection, text):
        self.respond(connection, "200 OK", text, "Content-Type: application/json\r\n" + self.more)

    def what_soon(self, connection, id, params):
        time.sleep(ms(20) / 1000)
        self.say(connection, reply(id, params))

    def what_recycle(self, connection, id, params):
        """A connection answers once; then it is closed as the next request comes."""
        if self.count() > 1:
            return self.drop(connection)
        self.say(connection, reply(id, params))

    def what_late_recycle(self, connection, id, params):
        if self.count() > 1:
            time.sleep(1.3)  # longer than a server takes that closes without having read
            return self.drop(connection)
        self.say(connection, reply(id, params))

    def what_recycle_slowly(self, connection, id, params):
        if self.count() > 1:
            time.sleep(0.4)  # long after a second request would be sent, sooner than a call counts as read
            return self.drop(connection)
        self.say(connection, reply(id, params))

    def what_tired(self, connection, id, params):
        """Closes connections that were silent for long, as HAProxy does."""
        if self.count() > 1:
            return connection.sendall(b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.say(connection, reply(id, params))

    def what_status(self, connection, id, params):
        self.respond(connection, params[0], params[2] if len(params) > 2 else "", params[1])

    def what_gzip(self, connection, id, params):
        body = b"\x1f\x8b\x08\x00binary"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def what_banner(self, connection, id, params):
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


class ConnectionsTest(UpstreamTest):
    def upstream(self, kind=Http, **options):
        server = kind(**options)
        self.addCleanup(server.close)
        return server

    def front_of(self, server, scheme="http", **settings):
        front = self.front(server.url(scheme), methods=("bad.*",), **settings)
        front.wait_value(1, "sluice_backend_up")
        return front

    def give_up(self, client, method, count):
        """Calls that are cancelled as soon as they are made."""
        ids = [client.call(method, [n]) for n in range(count)]
        for id in ids:
            client.notify("rpc.cancel", {"id": id})
        return client.receive_by_id(count)


class CountedTest(ConnectionsTest):
    def setUp(self):
        self.server = self.upstream()

    def test_the_response_to_a_call_that_was_given_up_is_skipped_and_its_connection_kept(self):
        client = self.connect(self.front_of(self.server, connections=4))
        for _ in range(30):
            self.give_up(client, "bad.soon", 4)
        self.assertEqual(client.result("bad.ok", ["mine"]), ["mine"])
        self.assertLessEqual(self.server.accepted, 4)

    def test_calls_that_are_given_up_again_and_again_cost_a_silent_server_few_connections(self):
        client = self.connect(self.front_of(self.server, connections=4))
        watch = Stopwatch()
        for _ in range(200):
            self.give_up(client, "bad.silent", 4)
        self.assertLessEqual(self.server.accepted, 4 + 16 + 4 + 20 * watch.ms() / 1000)
        eventually(10, lambda: client.request("bad.ok", ["next"]).get("result") == ["next"])

    def test_calls_that_are_cut_again_and_again_cost_a_server_few_connections(self):
        client = self.connect(self.front_of(self.server, connections=4, breaker={"failures": 0}))
        watch = Stopwatch()
        while watch.ms() < 2000:
            calls = [client.call("bad.cut", [n], timeout_ms=ms(200)) for n in range(8)]
            client.receive_by_id(len(calls))
        self.assertLessEqual(self.server.accepted, 8 + 16 + 4 + 20 * watch.ms() / 1000)

    def test_a_server_that_closes_after_each_response_is_asked_at_full_pace(self):
        server = self.upstream(more="Connection: close\r\n")
        client = self.connect(self.front_of(server, connections=1))
        watch = Stopwatch()
        for n in range(100):
            self.assertEqual(client.result("bad.ok", [n]), [n])
        self.assertLess(watch.ms(), ms(4000))  # the budget alone would allow 16 a second
        self.assertGreaterEqual(server.accepted, 100)

    def test_tls_sessions_are_resumed(self):
        server = self.upstream(TlsHttp)
        front = self.front_of(server, "https", connections=1, ca=str(authority().certificate()))
        client = self.connect(front)
        for n in range(6):
            self.assertEqual(client.result("bad.ok", [n]), [n])
        self.assertGreaterEqual(server.resumed.count(True), 4, server.resumed)
        front.reload()
        front.wait_log("configuration read again")
        before = len(server.resumed)
        eventually(10, lambda: client.request("bad.ok", [1]) and len(server.resumed) > before)
        self.assertFalse(server.resumed[before], "authorities may have changed: the certificate is verified again")


class AnnouncedTest(ConnectionsTest):
    """Servers that say, or don't say, how long they keep a connection."""

    def test_a_connection_is_not_used_near_the_end_that_its_server_announces(self):
        server = self.upstream(more="Keep-Alive: timeout=1\r\n")
        client = self.connect(self.front_of(server, connections=1))
        for n in range(3):
            self.assertEqual(client.result("bad.ok", [n]), [n])
            server.wait_connections(0)  # though it is the server that would have waited longer
        self.assertEqual([each for each in server.served], [1, 1, 1])

    def test_calls_at_the_pace_of_the_servers_idle_timeout_succeed(self):
        for more, idle_s in (("Keep-Alive: timeout=1\r\n", 1), ("", 0.3)):
            with self.subTest(idle_s=idle_s):
                server = self.upstream(more=more, idle_s=idle_s)
                front = self.front_of(server, connections=1, breaker={"failures": 1})
                client = self.connect(front)
                for n in range(5):
                    self.assertEqual(client.result("bad.ok", [n]), [n])
                    time.sleep(idle_s)  # it is the pace that is tested

    def test_a_connection_takes_no_more_requests_than_announced(self):
        server = self.upstream(more="Keep-Alive: max=0\r\n")
        client = self.connect(self.front_of(server, connections=1))
        for n in range(5):
            self.assertEqual(client.result("bad.ok", [n]), [n])
        self.assertEqual(set(server.served), {1})

    def test_a_call_that_a_reused_connection_swallows_is_made_again_on_a_fresh_one(self):
        for method in ("bad.recycle", "bad.tired"):
            with self.subTest(method=method):
                server = self.upstream()
                front = self.front_of(server, connections=1, breaker={"failures": 1})
                client = self.connect(front)
                for n in range(6):
                    self.assertEqual(client.result(method, [n]), [n])
                self.assertEqual(front.value("sluice_breaker_changes_total", state="open"), 0)
                self.assertEqual(front.value("sluice_backend_retries_total"), 0)

    def test_a_call_that_runs_for_long_before_its_connection_ends_is_not_made_again(self):
        server = self.upstream()
        client = self.connect(self.front_of(server, connections=1))
        self.assertEqual(client.result("bad.late_recycle", [1]), [1])
        self.assert_error(client.request("bad.late_recycle", [2]), -32013, "backend_down")
        self.assertEqual(len(server.calls("bad.late_recycle")), 2)

    def test_a_call_that_a_fresh_connection_swallows_is_not_made_again(self):
        server = self.upstream()
        client = self.connect(self.front_of(server))
        self.assert_error(client.request("bad.cut", [1]), -32013, "backend_down")
        self.assertEqual(len(server.calls("bad.cut")), 1)


class TruthTest(ConnectionsTest):
    """A server's state in metrics, errors and the log."""

    kinds = ((Misbehaving, "tcp"), (Http, "http"), (MisbehavingWebSocket, "ws"))

    def test_a_server_that_dies_while_idle_is_not_up(self):
        for kind, scheme in self.kinds:
            for idle in ("1h", duration(50)):
                with self.subTest(scheme=scheme, idle_timeout=idle):
                    server = self.upstream(kind)
                    front = self.front_of(server, scheme, probe_interval=duration(200), idle_timeout=idle)
                    # A connection that the system alone has taken would not be cut.
                    eventually(5, lambda: server.accepted > 0, "its connection is accepted")
                    server.refuse()
                    server.cut()
                    front.wait_value(0, "sluice_backend_up", seconds=10)
                    server.listen()
                    front.wait_value(1, "sluice_backend_up", seconds=10)

    def test_failed_connection_attempts_are_not_failed_calls(self):
        server = self.upstream()
        front = self.front_of(server, breaker={"failures": 2, "window": "1h", "open": "1h"}, probe_interval=duration(50))
        client = self.connect(front)
        server.refuse()
        server.cut()
        front.wait_value(0, "sluice_backend_up")
        for _ in range(5):
            self.assert_error(client.request("bad.ok", [1]), -32013, "backend_down")
        before = len(front.log)
        eventually(5, lambda: client.request("bad.ok", [1])["error"]["data"]["retry_after_ms"] > 0 and len(front.log) >= before)
        server.listen()
        front.wait_value(1, "sluice_backend_up")
        self.assertEqual(client.result("bad.ok", [2]), [2])
        self.assertEqual(front.value("sluice_breaker_changes_total", state="open"), 0)

    def test_a_client_gets_a_short_retry_after_where_the_server_named_none(self):
        for kind, scheme in self.kinds:
            with self.subTest(scheme=scheme):
                client = self.connect(self.front_of(self.upstream(kind), scheme, breaker={"failures": 0}))
                for method in ("bad.cut", "bad.both"):
                    data = self.assert_error(client.request(method, [1]), -32013, "backend_down")["data"]
                    self.assertGreaterEqual(data["retry_after_ms"], 100)

    def test_a_servers_retry_after_is_passed_on(self):
        client = self.connect(self.front_of(self.upstream(), breaker={"failures": 0}))
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
        for status, value, least, most in (("503 Service Unavailable", "30", 30_000, 30_000),
                                           ("429 Too Many Requests", "7", 7000, 7000),
                                           ("503 Service Unavailable", date, 15_000, 31_000),
                                           ("503 Service Unavailable", "99999999", 60_000, 3_600_000),
                                           ("503 Service Unavailable", "0", 100, 1000),
                                           ("503 Service Unavailable", "soon", 100, 1000)):
            with self.subTest(status=status, value=value):
                answer = client.request("bad.status", [status, f"Retry-After: {value}\r\n"])
                wait = self.assert_error(answer, -32013, "backend_down")["data"]["retry_after_ms"]
                self.assertTrue(least <= wait <= most, wait)

    def test_a_response_that_is_not_a_reply_is_named_in_the_log(self):
        front = self.front_of(self.upstream(), breaker={"failures": 0})
        client = self.connect(front)
        for method, params, cause in (
                ("bad.gzip", None, r'Content-Encoding \\?"gzip\\?", which was not asked for'),
                ("bad.banner", None, "not HTTP.*SSH-2.0-OpenSSH")):
            self.assert_error(client.request(method, params), -32013, "backend_down")
            front.wait_log(cause)
        self.assertNotIn("\x1f", front.log_text())
        self.assertNotIn("binary", front.log_text())

    def test_a_redirect_and_a_page_are_named_in_the_log(self):
        for params, cause in ((["302 Found", "Location: https://u:word@other.example/x?key=secret\r\n"], "redirect to .*other.example/x"),
                              (["204 No Content", ""], "status 204, which has no content"),
                              (["200 OK", "Content-Type: text/html\r\n", "<html>"], "Content-Type .*text/html.*<html>"),
                              (["401 Unauthorized", ""], "status 401, it asks for credentials")):
            with self.subTest(status=params[0]):
                front = self.front_of(self.upstream(), breaker={"failures": 0})
                self.assert_error(self.connect(front).request("bad.status", params), -32013, "backend_down")
                front.wait_log(cause)
                self.assertNotRegex(front.log_text(), "secret|word")

    def test_a_server_that_stays_broken_is_not_logged_at_each_call(self):
        front = self.front_of(self.upstream(), breaker={"failures": 0}, log={"level": "info"})
        client = self.connect(front)
        for method in ("bad.gzip", "bad.cut"):
            for _ in range(30):
                client.request(method)
        self.assertLessEqual(len([line for line in front.log if "warn" in line.lower() and "backend up" in line]), 4)

    def test_encoded_responses_are_not_accepted(self):
        for kind, scheme in ((Http, "http"), (MisbehavingWebSocket, "ws")):
            server = self.upstream(kind)
            client = self.connect(self.front_of(server, scheme))
            client.request("bad.ok", [1])
            self.assertEqual(server.heads[0]["accept-encoding"], "identity")

    def test_an_endpoint_that_is_not_a_websocket_is_named_in_the_log(self):
        plain = self.start()
        admin_host, admin_port = plain.admin()
        front = self.front(f"ws://{admin_host}:{admin_port}/rpc?key=secret", methods=("bad.*",))
        self.assert_error(self.connect(front).request("bad.ok"), -32013, "backend_down")
        front.wait_log(rf"can't connect to ws://{admin_host}:{admin_port}/rpc: no WebSocket there: status 4")
        self.assertNotIn("secret", front.log_text())


class BudgetTest(ConnectionsTest):
    def test_there_is_no_second_request_out_of_a_used_up_budget(self):
        server, other = self.upstream(Misbehaving), self.upstream(Misbehaving)
        retry = {"attempts": 10, "backoff": "1ms", "methods": ["bad.draining"]}
        front = self.front(server.url(), other.url(), methods=("bad.*",), retry=retry, hedge=["bad.ok", "bad.wait"],
                           breaker={"failures": 0})
        client = self.connect(front)
        client.call("bad.wait", ["before anything is known"])
        eventually(10, lambda: server.calls("bad.wait") or other.calls("bad.wait"))
        for n in range(40):
            client.request("bad.ok", [n])
        retries, spent = lambda: front.value("sluice_backend_retries_total"), -1
        while spent != (spent := retries()):
            for _ in range(4):
                client.request("bad.draining")
        while retries() == spent:  # each call brings a tenth of a retry: the last one is used as it comes
            client.request("bad.draining")
        seen = lambda: len(server.calls("bad.wait")) + len(other.calls("bad.wait"))
        client.call("bad.wait", ["slow"])
        eventually(10, lambda: seen() == 2, "it has a connection")
        client.request("demo.sleep", {"ms": 300})  # many times what nearly all calls took
        self.assertEqual(seen(), 2)
        for each in (server, other):
            each.released.set()
        client.receive_by_id(2)


class HedgeTest(ConnectionsTest):
    def full(self):
        """The port of a server that answers no connection: its backlog is full."""
        silent = self.enterContext(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):
            waiting = self.enterContext(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        return silent.getsockname()[1]

    def test_calls_whose_connections_end_while_they_wait_for_a_second_one_are_made_again(self):
        server = self.upstream()
        front = self.front(server.url("http"), f"http://127.0.0.1:{self.full()}", methods=("bad.*",), hedge=["bad.*"],
                           connections=4, connect_timeout="60s")
        client = self.connect(front)
        for round in range(3):
            for _ in range(10):  # what they take is learnt, and connections serve
                client.receive_by_id(len([client.call("bad.soon", [n]) for n in range(4)]))
            calls = {client.call("bad.recycle_slowly", [n]): [n] for n in range(4)}
            replies = client.receive_by_id(len(calls))
            self.assertEqual({id: each.get("result") for id, each in replies.items()}, calls)


class RenewalTest(ConnectionsTest):
    def test_a_reload_replaces_connections_and_drops_no_call(self):
        for kind, scheme in TruthTest.kinds:
            with self.subTest(scheme=scheme):
                server = self.upstream(kind)
                front = self.front(server.url(scheme).replace("127.0.0.1", "localhost"), methods=("bad.*",), connections=1)
                front.wait_value(1, "sluice_backend_up")
                client = self.connect(front)
                self.assertEqual(client.result("bad.ok", [1]), [1])
                waiting = client.call("bad.wait", ["under way"])
                server.wait_seen("bad.wait")
                before = server.accepted
                front.reload()
                front.wait_log("configuration read again")
                self.assertEqual(client.result("bad.ok", [2]), [2])
                self.assertGreater(server.accepted, before)
                server.released.set()
                answer = client.receive()
                self.assertEqual((answer["id"], answer["result"]), (waiting, ["under way"]))
                eventually(5, lambda: len(server.sockets) <= 1)


class AddressesTest(UpstreamTest):
    """A name with two addresses, of which the first swallows what it is sent: its backlog is full."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        hosts = pathlib.Path(folder) / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.0.0.1 two.test\n127.0.0.2 two.test\n")
        self.inside = ["unshare", "-rm", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        found = subprocess.run([*self.inside, "getent", "ahostsv4", "two.test"], capture_output=True, text=True)
        order = re.findall(r"^(\S+)\s+STREAM", found.stdout, re.M)
        if sorted(order) != ["127.0.0.1", "127.0.0.2"]:
            self.skipTest(f"no names of its own: {found.stderr}")
        silent = self.enterContext(socket.socket())
        silent.bind((order[0], 0))
        silent.listen(0)
        self.port = silent.getsockname()[1]
        for _ in range(3):
            waiting = self.enterContext(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        self.server = self.start(listen=[{"address": f"tcp://{order[1]}:{self.port}", "allowed_hosts": ["two.test"]}])

    def test_an_upstream_is_reached_at_the_second(self):
        for scheme in ("tcp", "http", "ws"):
            with self.subTest(scheme=scheme):
                backend = {"name": "up", "url": f"{scheme}://two.test:{self.port}", "methods": ["demo.*"], "connect_timeout": "8s"}
                front = self.start(arguments=(), backends=[backend], prefix=self.inside)
                watch = Stopwatch()
                self.assertEqual(self.connect(front).result("demo.sum", [1, 2], within=20), 3)
                self.assertLess(watch.ms(), 7000)

    def test_the_command_line_reaches_the_second(self):
        program = os.environ.get("SLUICE") or pathlib.Path(sluiced()).parent / "sluice"
        watch = Stopwatch()
        done = subprocess.run([*self.inside, str(program), "call", "--timeout", "20s", f"tcp://two.test:{self.port}", "demo.sum", "[1,2]"],
                              capture_output=True, text=True, timeout=limit(60))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "3"), done.stderr)
        self.assertLess(watch.ms(), 10_000)


if __name__ == "__main__":
    main()
