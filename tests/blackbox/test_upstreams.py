"""Upstreams: methods that other JSON-RPC servers answer, good ones and bad ones."""

import itertools
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

from support.daemon import (Stopwatch, code, config_text, duration, eventually, free_port, limit, main, ms, parse,
                            run_to_end)
from support.tls import authority, stranger
from support.upstream_http_servers import MisbehavingHttp
from support.upstream_servers import Gate, Misbehaving
from support.upstream_test import UpstreamTest
from support.upstream_websocket_server import MisbehavingWebSocket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))
import client_test  # noqa: E402

IN_TIME = limit(100)  # ms past its deadline in which a call is answered


class ForwardingTest(UpstreamTest):
    """Another sluiced, by each way that leads to it."""

    schemes = ("tcp", "unix", "http", "ws")

    def each_scheme(self):
        for scheme in self.schemes:
            with self.subTest(scheme=scheme):
                yield self.front(self.daemon.url(scheme))

    def test_results_and_errors_come_back_as_they_are(self):
        for front in self.each_scheme():
            client = self.connect(front)
            self.assertEqual(client.result("demo.sum", [1, 2, 3]), 6)
            failure = {"code": 5, "message": "five", "data": {"why": "asked"}}
            self.assertEqual(client.request("demo.fail", failure)["error"], failure)
            self.assert_error(client.request("demo.throw"), -32603, "internal")
            self.assert_error(client.request("demo.none"), -32601, "unknown_method")

    def test_every_byte_of_ids_params_and_results_is_kept(self):
        params = r'{"z":1.0,"a":1e3,"n":123456789012345678901234567890,"m":-0.10E+2,"s":"\u00e9\n\ud83d\ude00\/","a2":[{},[],null]}'
        for front in self.each_scheme():
            client = self.connect(front)
            for id in ("1.0", "1e3", "9007199254740993", r'"\u0041\n"'):
                client.send(f'{{"jsonrpc":"2.0","id":{id},"method":"demo.echo","params":{params}}}\n')
                self.assertEqual(client.receive_text(), f'{{"jsonrpc":"2.0","id":{id},"result":{params}}}')

    def test_many_calls_at_once(self):
        for front in self.each_scheme():
            client = self.connect(front)
            calls = {client.call("demo.echo", [n]): [n] for n in range(100)}
            replies = client.receive_by_id(100)
            self.assertEqual({id: reply.get("result") for id, reply in replies.items()}, calls)

    def test_big_messages(self):
        params = ["x" * 1_000_000]
        for front in self.each_scheme():
            self.assertEqual(self.connect(front).result("demo.echo", params, within=20), params)


class SecureTest(UpstreamTest):
    """TLS on the way, by names that the certificate has and has not (it is for localhost and 127.0.0.1)."""

    @classmethod
    def setUpClass(cls):
        cls.options = {"listen": [{"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")}]}

    def url(self, scheme, host="127.0.0.1"):
        return f"{scheme}://{host}:{self.daemon.tcp()[1]}/"

    def assert_refused(self, front, why):
        self.assert_error(self.connect(front).request("demo.sum", [1, 2]), -32013, "backend_down")
        front.wait_log(f"can't connect to .*{why}")

    def test_calls_inside(self):
        for scheme, host in itertools.product(("https", "wss"), ("127.0.0.1", "localhost")):
            with self.subTest(scheme=scheme, host=host):
                front = self.front(self.url(scheme, host), ca=str(authority().certificate()))
                client = self.connect(front)
                calls = {client.call("demo.echo", [n, "x" * 10_000]): n for n in range(50)}
                replies = client.receive_by_id(50, within=20)
                self.assertEqual({id: each["result"][0] for id, each in replies.items()}, calls)

    def test_a_certificate_of_another_authority(self):
        for scheme in ("https", "wss"):
            front = self.front(self.url(scheme), ca=str(stranger().certificate()))
            self.assert_refused(front, "certificate verify failed")

    def test_the_systems_authorities_have_not_signed_it(self):
        self.assert_refused(self.front(self.url("https")), "certificate verify failed")

    def test_a_certificate_for_another_name(self):
        other = self.start(listen=[{"address": "tcp://127.0.0.2:0", "tls": authority().settings("server")}])
        front = self.front(f"https://127.0.0.2:{other.tcp()[1]}", ca=str(authority().certificate()))
        self.assert_refused(front, "certificate verify failed")

    def test_authorities_that_cannot_be_used_are_a_configuration_error(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        good = authority().certificate().read_text()
        for name, text, why in (("missing.pem", None, "can't be read: No such file or directory"),
                                ("empty.pem", "", "holds no PEM certificate"),
                                ("broken.pem", good + good[:-100], "holds a broken certificate")):
            if text is not None:
                (folder / name).write_text(text)
            config = folder / "sluiced.toml"
            config.write_text(config_text(backends=[{"name": "up", "url": "https://localhost", "methods": ["x"], "ca": name}]))
            for arguments in (("--check",), ()):
                with self.subTest(name=name, arguments=arguments):
                    status, _, errors = run_to_end(*arguments, "--config", config)
                    self.assertRegex(errors, rf'sluiced\.toml:\d+:\d+: backend\.ca = ".*{name}" {why}')
                    self.assertEqual(status, 2)

    def test_a_reload_reads_the_authorities_again(self):
        file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "ca.pem"

        def reload(content, outcome):
            begin = len(front.log)
            file.write_bytes(content)
            front.reload()
            front.wait_log(outcome, begin=begin)

        good, other = (each.certificate().read_bytes() for each in (authority(), stranger()))
        file.write_bytes(good)
        front = self.front(self.url("https"), ca=str(file), probe_interval=duration(50))
        client = self.connect(front)
        self.assertEqual(client.result("demo.sum", [1, 2]), 3)
        reload(b"invalid", r'backend\.ca = ".*ca\.pem" holds no PEM certificate')
        front.wait_log("reload refused, the running configuration stays")
        self.assertEqual(client.result("demo.sum", [1, 2]), 3)
        reload(other, "configuration read again")
        self.assert_refused(front, "certificate verify failed")
        reload(good, "configuration read again")
        eventually(5, lambda: client.request("demo.sum", [1, 2]).get("result") == 3)

    def test_a_server_without_tls(self):
        plain = self.start()
        host, port = plain.tcp()
        front = self.front(f"https://{host}:{port}/", ca=str(authority().certificate()), connect_timeout=duration(500))
        self.assert_refused(front, "")


class DiscoveryTest(UpstreamTest):
    def discovering(self, url, **settings):
        backend = {"name": "up", "url": url, "methods": "discover", "probe_interval": duration(50), **settings}
        daemon = self.start(arguments=(), backends=[backend])
        self.addCleanup(self.nothing_is_left, daemon)
        return daemon

    def methods(self, client):
        return {each["name"] for each in client.result("rpc.discover")["methods"] if each["name"][:4] != "rpc."}

    def test_its_methods_are_those_that_it_names(self):
        for scheme in ("tcp", "http", "ws"):
            front = self.discovering(self.daemon.url(scheme))
            client = self.connect(front)
            eventually(10, lambda: self.methods(client) == self.methods(self.connect()))
            self.assertEqual(client.result("demo.sum", [1, 2]), 3)

    def test_with_the_prefix_that_is_stripped(self):
        front = self.discovering(self.daemon.url(), strip_prefix="far.")
        client = self.connect(front)
        expected = {"far." + name for name in self.methods(self.connect())}
        eventually(10, lambda: self.methods(client) == expected)
        self.assertEqual(client.result("far.demo.sum", [1, 2]), 3)

    def test_an_upstream_that_comes_later(self):
        gate = Gate(self.daemon.tcp())
        self.addCleanup(gate.close)
        gate.refuse()
        front = self.discovering(gate.url())
        front.wait_log("can't connect")
        gate.listen()
        client = self.connect(front)
        eventually(10, lambda: client.request("demo.sum", [1, 2]).get("result") == 3)


class OtherServersTest(UpstreamTest):
    """Servers that others have written."""

    def test_aria2(self):
        if not shutil.which("aria2c"):
            self.skipTest("aria2c is not installed")
        port = free_port()
        process = subprocess.Popen(["aria2c", "--enable-rpc", f"--rpc-listen-port={port}", "--no-conf", "--rpc-secret=word"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        for scheme in ("http", "ws"):
            with self.subTest(scheme=scheme):
                front = self.front(f"{scheme}://127.0.0.1:{port}/jsonrpc", methods=("aria2.*",), probe_interval=duration(50))
                front.wait_value(1, "sluice_backend_up")
                client = self.connect(front)
                self.assertIn("version", client.result("aria2.getVersion", ["token:word"]))
                ids = [client.call("aria2.tellActive", ["token:word"]) for _ in range(20)]
                self.assertEqual({each["result"] == [] for each in client.receive_by_id(len(ids)).values()}, {True})
                self.assertIn("error", client.request("aria2.getVersion", ["token:other"]))
                self.assertIn("error", client.request("aria2.noSuchMethod", ["token:word"]))

    def test_jayson(self):
        client_test.install()
        server = subprocess.Popen(["node", str(client_test.HERE / "jayson_server.mjs")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdin.close)
        for url in json.loads(server.stdout.readline()):
            with self.subTest(url=url):
                front = self.front(url, methods=("node.*",), strip_prefix="node.")
                client = self.connect(front)
                self.assertEqual(client.result("node.add", [1, 2]), 3)
                self.assertEqual(client.result("node.echo", ["é\n" * 100_000], within=20), ["é\n" * 100_000])
                self.assertEqual(client.request("node.fail")["error"], {"code": 5, "message": "five"})
                client.call("node.none")
                self.assertEqual(parse(client.receive_text())["error"], {"code": -32601, "message": "Method not found"})
                ids = [client.call("node.add", [n, 1]) for n in range(30)]
                self.assertEqual(len(client.receive_by_id(len(ids))), 30)


class MisbehavingTest(UpstreamTest):
    """One that does what it should not: its own calls suffer at most, and the next one is answered."""

    server_type = Misbehaving
    scheme = "tcp"
    floods = ("bad.flood", "bad.spaces", "bad.line_without_end")

    def upstream(self, **options):
        server = self.server_type(**options)
        self.addCleanup(server.close)
        return server

    def setUp(self):
        self.server = self.upstream()

    def front_of(self, *servers, **settings):
        settings = {"breaker": {"failures": 0}, **settings}
        front = self.front(*[each.url(self.scheme) for each in servers], methods=("bad.*",), **settings)
        for index in range(len(servers)):
            front.wait_value(1, "sluice_backend_up", instance=index)
        return front

    def assert_serves(self, client, params=("good",)):
        """A good call. One that meets a connection which the server is about to close fails, and may be made again."""
        reply = eventually(5, lambda: (lambda found: found if "result" in found else None)(client.request("bad.ok", list(params))))
        self.assertEqual(reply["result"], list(params))

    def assert_down(self, reply):
        data = self.assert_error(reply, -32013, "backend_down")["data"]
        self.assertEqual(data["backend"], "up")
        self.assertGreaterEqual(data["retry_after_ms"], 1)

    def test_calls_that_die_with_their_connection_are_answered(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        for method in ("bad.cut", "bad.half"):
            self.assert_down(client.request(method, [1]))
            self.assert_serves(client)
            self.assertEqual(len(self.server.calls(method)), 1)

    def test_no_answer_is_a_timeout_on_time(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        watch = Stopwatch()
        self.assert_error(client.request("bad.silent", timeout_ms=ms(100)), -32002, "timeout")
        self.assertLess(watch.ms(), ms(100) + IN_TIME)
        self.assert_serves(client)

    def test_what_comes_in_pieces_is_put_together(self):
        client = self.connect(self.front_of(self.server))
        self.assertEqual(client.result("bad.slow", ["in pieces"]), ["in pieces"])

    def test_a_giant_reply_costs_its_own_call(self):
        front = self.front_of(self.server, connections=1, server={"max_response": "64KiB"})
        client = self.connect(front)
        for method in ("bad.giant", "bad.giant_first"):
            self.assert_error(client.request(method, {"bytes": 300_000}), -32008, "response_too_big")
            self.assert_serves(client)

    def test_a_flood_costs_its_connection(self):
        for method in self.floods:
            with self.subTest(method=method):
                server = self.upstream()
                client = self.connect(self.front_of(server, connections=2, concurrency=1))
                waiting = client.call("bad.wait", [method])
                server.wait_seen("bad.wait")
                self.assert_down(client.request(method, within=20))
                server.released.set()
                self.assertEqual(client.receive()["id"], waiting)
                self.assert_serves(client)

    def test_an_invalid_reply_fails_its_call(self):
        client = self.connect(self.front_of(self.server))
        self.assert_down(client.request("bad.both"))
        self.assert_serves(client)

    def test_the_prefix_is_stripped(self):
        front = self.front(self.server.url(self.scheme), methods=("node.*",), strip_prefix="node.")
        self.assertEqual(self.connect(front).result("node.bad.ok", [1]), [1])

    def test_notifications_are_sent_and_not_answered(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        client.notify("bad.note", [1])
        call = self.server.wait_seen("bad.note")[0]
        self.assertNotIn("id", call)
        self.assert_serves(client)

    def test_own_errors_are_passed_on_and_do_no_harm(self):
        front = self.front_of(self.server, breaker={"failures": 2})
        client = self.connect(front)
        for code in (-32603, -32000, -32602, 5):
            reply = client.request("bad.own", {"code": code, "data": {"reason": "own"}})
            self.assertEqual(reply["error"], {"code": code, "message": "no", "data": {"reason": "own"}})
        self.assert_serves(client)

    def test_descriptors_come_back(self):
        front = self.front_of(self.server, connections=8, idle_timeout=duration(100))
        client = self.connect(front)
        self.server.wait_connections(0)
        before = front.open_descriptors()
        for method in ("bad.cut", "bad.half", "bad.garbage", "bad.ok"):
            calls = [client.call(method, [n], timeout_ms=ms(500)) for n in range(16)]
            client.receive_by_id(len(calls))
        self.server.wait_connections(0)
        eventually(5, lambda: front.open_descriptors() <= before, f"{before} descriptors are open")


class MisbehavingStreamTest(MisbehavingTest):
    def test_invalid_input_between_replies_is_logged_and_ignored(self):
        front = self.front_of(self.server, connections=1)
        client = self.connect(front)
        for method in ("bad.garbage", "bad.unknown", "bad.double", "bad.glued"):
            self.assertEqual(client.result(method, [method]), [method])
            self.assert_serves(client)
        front.wait_log("not JSON|not a message")
        front.wait_log("a reply with an unknown id")
        self.assertEqual(self.server.accepted, 1)

    def test_floods_are_logged_a_few_times(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        self.assert_down(client.request("bad.flood"))
        self.assertLess(front.log_text().count("not a reply"), 150)

    def test_the_time_limit_and_the_trace_go_with_the_call(self):
        client = self.connect(self.front_of(self.server))
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        client.request("bad.ok", [1], timeout_ms=5000, traceparent=trace)
        call = self.server.calls("bad.ok")[0]
        self.assertEqual(call["traceparent"], trace)
        self.assertLessEqual(call["timeout_ms"], 5000)
        self.assertGreater(call["timeout_ms"], 1000)

    def test_a_call_past_its_time_limit_is_cancelled(self):
        front = self.front_of(self.server, connections=1)
        client = self.connect(front)
        self.assert_error(client.request("bad.wait", [1], timeout_ms=ms(100)), -32002)
        id = self.server.calls("bad.wait")[0]["id"]
        self.assertEqual(self.server.wait_seen("rpc.cancel")[0]["params"], {"id": id})
        self.server.released.set()
        self.assert_serves(client)
        self.assertNotIn("a reply with an unknown id", front.log_text())

    def test_a_disconnect_cancels(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        client.call("bad.wait")
        self.server.wait_seen("bad.wait")
        client.reset()
        self.server.wait_seen("rpc.cancel")

    def test_calls_share_connections_up_to_their_number(self):
        front = self.front_of(self.server, connections=2, concurrency=3)
        client = self.connect(front)
        calls = {client.call("bad.wait", [n]): [n] for n in range(10)}
        self.server.wait_seen("bad.wait", 6)
        self.assertEqual(front.value("sluice_backend_in_flight"), 10)
        self.assertEqual(len(self.server.calls("bad.wait")), 6)
        self.server.released.set()
        replies = client.receive_by_id(10)
        self.assertEqual({id: each["result"] for id, each in replies.items()}, calls)
        self.assertEqual(self.server.accepted, 2)


class MisbehavingWebSocketTest(MisbehavingStreamTest):
    server_type = MisbehavingWebSocket
    scheme = "ws"
    floods = ("bad.flood", "bad.pings", "bad.pongs", "bad.empty_messages", "bad.empty_frames")

    def test_messages_in_every_form(self):
        client = self.connect(self.front_of(self.server, connections=1))
        for method in ("bad.pieces", "bad.binary"):
            self.assertEqual(client.result(method, [method]), [method])
            self.assert_serves(client)
        self.assertEqual(self.server.accepted, 1)

    def test_invalid_websocket_frames(self):
        client = self.connect(self.front_of(self.server))
        for method in ("bad.bye", "bad.bad_frame"):
            self.assert_down(client.request(method, [1]))
            self.assert_serves(client)

    def test_a_frame_without_an_end(self):
        client = self.connect(self.front_of(self.server))
        self.assert_error(client.request("bad.long_frame", timeout_ms=ms(200)), -32002)
        client.request("bad.ok", timeout_ms=ms(200))  # its reply is part of that frame, and no text
        self.assert_serves(client)


class MisbehavingHttpTest(MisbehavingTest):
    server_type = MisbehavingHttp
    scheme = "http"
    floods = ("bad.endless_interims", "bad.endless_chunk_line", "bad.endless_trailers")

    def test_responses_in_every_form(self):
        client = self.connect(self.front_of(self.server))
        for method in ("bad.chunked", "bad.last", "bad.interim"):
            self.assertEqual(client.result(method, [method]), [method])
            self.assert_serves(client)

    def test_interim_responses_up_to_their_number(self):
        client = self.connect(self.front_of(self.server))
        self.assertEqual(client.result("bad.interims", [16]), [16])
        self.assert_down(client.request("bad.interims", [17]))
        self.assert_serves(client)

    def test_an_unrequested_change_of_protocol_breaks_the_connection(self):
        client = self.connect(self.front_of(self.server))
        self.assert_down(client.request("bad.switch"))
        self.assert_serves(client)

    def test_responses_that_are_not_replies(self):
        client = self.connect(self.front_of(self.server))
        for method in ("bad.garbage", "bad.page", "bad.500", "bad.big_head", "bad.unknown"):
            self.assert_down(client.request(method, [1]))
            self.assert_serves(client)

    def test_an_error_reply_counts_whatever_its_status(self):
        client = self.connect(self.front_of(self.server))
        self.assertEqual(client.request("bad.500_with_reply")["error"]["code"], -32000)

    def test_an_error_for_no_id_is_that_of_the_one_call_there_is(self):
        client = self.connect(self.front_of(self.server))
        for status in ("200 OK", "400 Bad Request", "429 Too Many Requests", "500 Internal Server Error"):
            with self.subTest(status=status):
                error = client.request("bad.unnamed", [status])["error"]
                self.assertEqual(error, {"code": -32050, "message": "no", "data": {"reason": "own"}})
                self.assert_serves(client)
        self.assertEqual(self.server.accepted, 1)

    def test_a_second_response_is_not_that_of_the_next_call(self):
        front = self.front_of(self.server, connections=1)
        client = self.connect(front)
        calls = [client.call("bad.unnamed_twice"), client.call("bad.ok", [1])]
        replies = client.receive_by_id(2)
        self.assertEqual(replies[calls[0]]["error"]["code"], -32050)
        self.assertEqual(replies[calls[1]]["result"], [1])
        front.wait_log("bytes behind a response")

    def test_the_breaker_goes_by_the_status_of_an_error_for_no_id(self):
        front = self.front_of(self.server, breaker={"failures": 2, "window": "1m", "open": "1m"})
        client = self.connect(front)
        for status in ("200 OK", "200 OK", "429 Too Many Requests", "429 Too Many Requests"):
            self.assertEqual(client.request("bad.unnamed", [status])["error"]["code"], -32050)
        self.assert_error(client.request("bad.ok"), -32013, "circuit_open")

    def test_headers_say_what_members_say(self):
        front = self.front_of(self.server)
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.connect(front).request("bad.ok", [1], timeout_ms=5000, traceparent=trace)
        head = self.server.heads[0]
        self.assertEqual(head["request"], "POST / HTTP/1.1")
        self.assertEqual(head["host"], f"127.0.0.1:{self.server.port}")
        self.assertEqual(head["traceparent"], trace)
        self.assertTrue(1000 < int(head["sluice-timeout-ms"]) <= 5000, head)

    def test_an_invalid_trace_is_not_sent_as_a_header(self):
        front = self.front_of(self.server)
        self.connect(front).request("bad.ok", [1], traceparent="a\r\nX-Evil: 1")
        self.assertNotIn("x-evil", self.server.heads[0])

    def test_a_server_that_takes_no_more_connections_is_not_down(self):
        front = self.front_of(self.server, breaker={"failures": 1}, probe_interval="1h")
        client = self.connect(front)
        calls = {client.call("bad.wait", ["first"])}
        self.server.wait_seen("bad.wait")
        self.server.refuse()
        calls |= {client.call("bad.ok", [n]) for n in range(5)}
        front.wait_log("connection closed: Connection refused")
        self.server.released.set()
        replies = client.receive_by_id(6)
        self.assertEqual(({*replies}, {*map(code, replies.values())}), (calls, {"ok"}))
        self.assertLessEqual(front.log_text().count("Connection refused"), 4)

    def test_connections_are_kept(self):
        client = self.connect(self.front_of(self.server))
        for _ in range(20):
            self.assert_serves(client)
        self.assertEqual(self.server.accepted, 1)

    def test_a_connection_carries_one_call(self):
        front = self.front_of(self.server, connections=3)
        client = self.connect(front)
        calls = [client.call("bad.wait", [n]) for n in range(8)]
        self.server.wait_seen("bad.wait", 3)
        self.assertEqual(len(self.server.calls("bad.wait")), 3)
        self.server.released.set()
        client.receive_by_id(len(calls))
        self.assertEqual(self.server.accepted, 3)

    def test_a_disconnect_closes_the_connection(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        client.call("bad.silent")
        self.server.wait_seen("bad.silent")
        client.reset()
        self.server.wait_connections(0)


class SeveralTest(MisbehavingTest):
    """Several URLs: which is asked, how often, and which calls are refused without asking."""

    def setUp(self):
        super().setUp()
        self.other = self.upstream()

    def test_the_load_is_shared(self):
        front = self.front_of(self.server, self.other)
        client = self.connect(front)
        for n in range(20):
            client.call("bad.wait", [n])
        eventually(10, lambda: len(self.server.seen) + len(self.other.seen) == 20)
        self.assertEqual(len(self.server.seen), len(self.other.seen))
        for server in (self.server, self.other):
            server.released.set()
        client.receive_by_id(20)

    def test_a_url_that_is_gone_costs_no_call(self):
        front = self.front_of(self.server, self.other, probe_interval=duration(50))
        client = self.connect(front)
        self.server.refuse()
        self.server.cut()
        front.wait_log(r"up\[0\]: connection closed")
        for n in range(20):
            self.assertEqual(client.result("bad.ok", [n]), [n])
        self.other.refuse()
        self.other.cut()
        front.wait_log(r"up\[1\]: connection closed")
        self.assert_down(client.request("bad.ok", [1]))
        for index in (0, 1):
            front.wait_value(0, "sluice_backend_up", instance=index)
        self.server.listen()
        front.wait_value(1, "sluice_backend_up", instance=0)
        self.assert_serves(client)

    def test_a_server_that_starts_a_moment_after_is_found_soon(self):
        self.server.refuse()
        front = self.front(self.server.url(), methods=("bad.*",), probe_interval="1h")
        front.wait_log("can't connect")
        self.server.listen()
        front.wait_value(1, "sluice_backend_up")
        self.assert_serves(self.connect(front))

    def test_what_may_run_twice_is_tried_elsewhere(self):
        retry = {"attempts": 2, "backoff": "1ms", "methods": ["bad.cut", "bad.flaky", "bad.draining"]}
        front = self.front_of(self.server, self.other, retry=retry)
        client = self.connect(front)
        self.assert_down(client.request("bad.cut"))
        self.assertEqual([len(each.calls("bad.cut")) for each in (self.server, self.other)], [1, 1])
        self.assert_error(client.request("bad.draining"), -32012, "draining")
        self.assertEqual([len(each.calls("bad.draining")) for each in (self.server, self.other)], [1, 1])
        self.assertEqual(front.value("sluice_backend_retries_total"), 2)
        self.server.failures = self.other.failures = 1
        self.assert_down(client.request("bad.flaky"))
        self.assertEqual(client.result("bad.flaky", [1]), [1])
        self.assertEqual(front.value("sluice_backend_retries_total"), 3)

    def test_what_may_not_run_twice_is_not(self):
        front = self.front_of(self.server, self.other, retry={"attempts": 3, "backoff": "1ms", "methods": ["bad.ok"]})
        client = self.connect(front)
        for method in ("bad.cut", "bad.half"):
            self.assert_down(client.request(method))
            self.assertEqual(len(self.server.calls(method) + self.other.calls(method)), 1)
        self.assertEqual(front.value("sluice_backend_retries_total"), 0)

    def test_retries_have_a_budget(self):
        retry = {"attempts": 10, "backoff": "1ms", "methods": ["bad.draining"]}
        front = self.front_of(self.server, self.other, retry=retry)
        client = self.connect(front)
        for _ in range(10):
            self.assert_error(client.request("bad.draining"), -32012, "draining")
        retries = front.value("sluice_backend_retries_total")
        self.assertEqual(len(self.server.seen) + len(self.other.seen), 10 + retries)
        self.assertLessEqual(retries, 10 + 1)  # a reserve of one a second, and a tenth of the calls

    def test_no_retry_outlives_its_call(self):
        retry = {"attempts": 10, "backoff": "1h", "methods": ["bad.draining"]}
        client = self.connect(self.front_of(self.server, retry=retry))
        watch = Stopwatch()
        reply = client.request("bad.draining", timeout_ms=ms(200))
        self.assertIn(reply["error"]["code"], (-32012, -32002))
        self.assertLess(watch.ms(), ms(200) + IN_TIME)

    def test_a_breaker_opens_and_closes(self):
        front = self.front_of(self.server, breaker={"failures": 3, "window": "1m", "open": duration(200)})
        client = self.connect(front)
        for _ in range(3):
            self.assert_down(client.request("bad.cut"))
        front.wait_value(2, "sluice_breaker_state")
        data = self.assert_error(client.request("bad.ok", [1]), -32013, "circuit_open")["data"]
        self.assertEqual(self.server.calls("bad.ok"), [])
        self.assertTrue(1 <= data["retry_after_ms"] <= ms(200), data)
        watch = Stopwatch()
        front.wait_value(1, "sluice_breaker_state")
        self.assert_below(watch.ms(), data["retry_after_ms"] + ms(100), "it said that then it is worth it")
        self.assert_serves(client)
        front.wait_value(0, "sluice_breaker_state")

    def test_a_probe_that_fails_opens_it_again(self):
        front = self.front_of(self.server, breaker={"failures": 1, "window": "1m", "open": duration(50)})
        client = self.connect(front)
        self.assert_down(client.request("bad.cut"))
        front.wait_value(1, "sluice_breaker_state")
        self.assert_down(client.request("bad.cut"))
        self.assertEqual(len(self.server.calls("bad.cut")), 2)
        # Counted by another thread than the one that answers.
        for state, count in {"open": 2, "half_open": 1}.items():
            front.wait_value(count, "sluice_breaker_changes_total", state=state)
        front.wait_value(1, "sluice_breaker_state")
        self.assert_serves(client)

    def test_slow_calls_are_asked_elsewhere(self):
        front = self.front_of(self.server, self.other, hedge=["bad.ok", "bad.wait"])
        client = self.connect(front)
        client.call("bad.wait", ["before anything is known"])
        eventually(10, lambda: self.server.seen or self.other.seen)
        for _ in range(40):
            self.assert_serves(client)
        before = front.value("sluice_backend_retries_total")  # one in twenty is slower than p95, and asked twice
        hedged = client.call("bad.wait", ["hedged"])
        eventually(10, lambda: len(self.server.calls("bad.wait")) + len(self.other.calls("bad.wait")) == 3)
        servers = sorted((self.server, self.other), key=lambda each: len(each.calls("bad.wait")))
        servers[0].released.set()  # which has it once only
        reply = client.receive()
        self.assertEqual((reply["id"], reply["result"]), (hedged, ["hedged"]))
        servers[1].wait_seen("rpc.cancel")
        self.assertEqual(front.value("sluice_backend_retries_total") - before, 1)
        servers[1].released.set()
        client.receive()

    def test_reloading_drops_nothing(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        waiting = client.call("bad.wait", ["before"])
        self.server.wait_seen("bad.wait")
        backend = {**front.parts["backends"][0], "url": [self.other.url()]}
        front.reload(backends=[backend])
        self.assertEqual(eventually(10, lambda: self.serves_from(client, self.other)), True)
        front.reload(backends=None)
        eventually(10, lambda: "error" in client.request("bad.ok"))
        self.server.released.set()
        reply = client.receive()
        self.assertEqual((reply["id"], reply["result"]), (waiting, ["before"]))
        for server in (self.server, self.other):
            server.wait_connections(0)

    def serves_from(self, client, server):
        self.assert_serves(client)
        return bool(server.calls("bad.ok"))

    def test_draining_finishes_what_has_begun(self):
        front = self.front_of(self.server)
        client = self.connect(front)
        waiting = client.call("bad.wait", ["last"])
        self.server.wait_seen("bad.wait")
        front.signal(signal.SIGTERM)
        front.wait_log("draining")
        self.server.released.set()
        reply = client.receive()
        self.assertEqual((reply["id"], reply["result"]), (waiting, ["last"]))
        self.assertEqual(front.wait_exit(), 0)


    def test_draining_does_not_wait_for_ever(self):
        front = self.front_of(self.server, self.other, server={"drain_timeout": duration(200)})
        client = self.connect(front)
        client.call("bad.silent")
        eventually(10, lambda: self.server.seen or self.other.seen)
        front.signal(signal.SIGTERM)
        self.assert_error(client.receive(), -32012, "draining")
        self.assertEqual(front.wait_exit(), 0)
        for server in (self.server, self.other):
            server.wait_connections(0)


del MisbehavingTest  # only its heirs are to run


class GateTest(UpstreamTest):
    """Network faults between a daemon and a good upstream. Each case ends with a good call."""

    scheme = "tcp"

    def through(self, **settings):
        self.gate = Gate(self.daemon.tcp())
        self.addCleanup(self.gate.close)
        settings = {"breaker": {"failures": 0}, "probe_interval": duration(50), **settings}
        front = self.front(self.gate.url(self.scheme), **settings)
        front.wait_value(1, "sluice_backend_up")
        return front

    def assert_serves(self, client, within=10):
        self.assertEqual(client.result("demo.sum", [1, 2], within), 3)

    def assert_serves_again(self, front):
        """Once what was broken has been noticed."""
        with front.connect() as client:
            eventually(20, lambda: client.request("demo.sum", [1, 2], timeout_ms=ms(500)).get("result") == 3)

    def test_byte_by_byte(self):
        front = self.through()
        self.gate.piece = 1
        client = self.connect(front)
        self.assertEqual(client.result("demo.echo", ["é" * 500]), ["é" * 500])
        self.assert_serves(client)

    def test_late(self):
        front = self.through()
        self.gate.delay = ms(50) / 1000
        client = self.connect(front)
        calls = [client.call("demo.sum", [n, 1]) for n in range(20)]
        self.assertEqual(len(client.receive_by_id(len(calls))), 20)
        self.assert_serves(client)

    def test_cut_with_calls_in_flight(self):
        front = self.through()
        client = self.connect(front)
        calls = [client.call("demo.sleep", {"ms": ms(60_000)}) for _ in range(3)]
        self.daemon.wait_in_flight(3, method="demo.sleep")
        self.gate.cut()
        for reply in client.receive_by_id(len(calls)).values():
            self.assert_error(reply, -32013, "backend_down")
        self.assert_serves_again(front)
        self.daemon.wait_in_flight(0)

    def test_a_disconnect_cancels_on_the_far_side(self):
        front = self.through()
        client = self.connect(front)
        client.call("demo.sleep", {"ms": ms(60_000)})
        self.daemon.wait_in_flight(1, method="demo.sleep")
        client.reset()
        self.daemon.wait_in_flight(0)

    def test_a_connection_that_passes_nothing_costs_its_calls_only(self):
        front = self.through()
        client = self.connect(front)
        self.assert_serves(client)
        self.gate.passing.clear()
        for _ in range(3):
            watch = Stopwatch()
            self.assert_error(client.request("demo.sum", [1, 2], timeout_ms=ms(100)), -32002)
            self.assertLess(watch.ms(), ms(100) + IN_TIME)
        self.gate.passing.set()
        self.assert_serves_again(front)

    def test_a_dead_connection_is_left(self):
        """A server's own time limit passes in silence: the next call goes over another connection."""
        front = self.through(connections=2)
        front.reload(methods={"demo.echo": {"timeout": duration(100)}})
        front.wait_log("configuration read again")
        client = self.connect(front)
        self.gate.passing.clear()
        self.assert_error(client.request("demo.echo", [1]), -32002)
        front.wait_log("connection closed: (nothing came over it|a call was given up)")
        self.gate.passing.set()
        self.assert_serves_again(front)

    def test_corrupted_replies(self):
        front = self.through()
        self.gate.corrupt_in = b'"jsonrpc"'  # a reply, not the handshake of a further connection
        client = self.connect(front)
        for at in (0, 5, 20):
            self.gate.corrupt = at
            reply = client.request("demo.sum", [1, 2], timeout_ms=ms(300))
            self.assertIn(reply["error"]["code"], (-32002, -32013))
            self.gate.corrupt = None
            self.assert_serves_again(front)

    def test_an_upstream_that_goes_and_comes_back(self):
        front = self.through()
        client = self.connect(front)
        self.assert_serves(client)
        self.gate.refuse()
        self.gate.cut()
        # The first may have met the connection's end.
        eventually(5, lambda: client.request("demo.sum", [1, 2]) and front.value("sluice_backend_up") == 0)
        data = self.assert_error(client.request("demo.sum", [1, 2]), -32013, "backend_down")["data"]
        self.assertTrue(1 <= data["retry_after_ms"] <= max(100, ms(50)), data)
        self.gate.listen()
        front.wait_value(1, "sluice_backend_up")
        self.assert_serves(client)


    def test_all_faults_mixed(self):
        """Each call is answered once and in time under all faults; afterwards no connection is left."""
        front = self.through(retry={"attempts": 3, "backoff": "5ms", "methods": ["demo.*"]}, hedge=["demo.*"],
                             idle_timeout=duration(50))
        chance = random.Random(1)
        with front.connect() as client:
            for _ in range(60):
                watch = Stopwatch()
                calls = [client.call("demo.echo", [n, "x" * chance.choice((1, 50_000))], timeout_ms=ms(100)) for n in range(20)]
                self.mishap(chance)
                self.assertEqual({*client.receive_by_id(len(calls))}, {*calls})
                self.assertLess(watch.ms(), ms(100) + limit(3000))  # the machine may be busy, a lost call waits for 30 s
                self.gate.passing.set()
        self.assert_serves_again(front)
        self.gate.wait_connections(0)

    def mishap(self, chance):
        chosen = chance.randrange(5)
        if chosen == 0:
            self.gate.cut()
        elif chosen == 1:
            self.gate.passing.clear()
        elif chosen == 2:
            self.gate.corrupt = chance.randrange(200)
        elif chosen == 3:
            self.gate.refuse()
            self.gate.cut()
            self.gate.listen()


class HttpGateTest(GateTest):
    scheme = "http"


class WebSocketGateTest(GateTest):
    scheme = "ws"


class SilentTest(UpstreamTest):
    def test_a_port_that_does_not_accept_is_down_in_time(self):
        """Connections beyond the backlog are never answered, or, over WebSocket, shake no hands."""
        gate = Gate(self.daemon.tcp())
        self.addCleanup(gate.close)
        gate.passing.clear()
        front = self.front(gate.url("ws"), connect_timeout=duration(100))
        client = self.connect(front)
        watch = Stopwatch()
        self.assert_error(client.request("demo.sum", [1, 2]), -32013, "backend_down")
        self.assertLess(watch.ms(), ms(100) + IN_TIME)

    def test_a_name_that_does_not_exist(self):
        front = self.front("http://no-such-host.invalid/", connect_timeout=duration(500))
        self.assert_error(self.connect(front).request("demo.sum", [1, 2]), -32013, "backend_down")

    def test_a_name_that_exists(self):
        _, port = self.daemon.tcp()
        front = self.front(f"http://localhost:{port}/")
        self.assertEqual(self.connect(front).result("demo.sum", [1, 2]), 3)


if __name__ == "__main__":
    main()
