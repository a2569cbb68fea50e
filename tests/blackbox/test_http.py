"""JSON-RPC over HTTP/1.1: contract 8. What attackers send is in test_http_attacks.py."""

import json
import signal
import subprocess
import threading

from support.daemon import SLOW, Stopwatch, duration, limit, main, message, ms
from support.http_client import chunked, head, request
from support.transports import KINDS, TransportTest

LIMIT = 100_000  # bytes of a message, where a test needs it small


class HttpTest(TransportTest):
    transport = "http"

    def assert_refused(self, response, status, code=-32600):
        self.assertEqual((response.status, response.code), (status, code), response)
        self.assertIsNone(response.reply["id"])


class Calls(HttpTest):
    def test_a_call_is_answered_with_200_and_the_connection_goes_on(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                response = client.exchange_call("demo.sum", [1, 2, 4])
                self.assertEqual(response.result, 7)
                self.assertNotIn("connection", response.headers)
                params = {"text": "é\U0001F600\0"}
                self.assertEqual(client.exchange_call("demo.echo", params).result, params)
                client.fence()

    def test_an_id_comes_back_as_it_was_sent(self):
        with self.open() as client:
            for id in ("1.0", "1e3", "123456789012345678901234567890", '"\\u00e9"', "null"):
                response = client.exchange('{"jsonrpc":"2.0","method":"demo.echo","id":%s}' % id)
                self.assertIn(f'"id":{id}'.encode(), response.body)

    def test_errors_of_calls_have_status_200(self):
        with self.open() as client:
            for method, params, code in (("no.such", None, -32601), ("demo.throw", None, -32603), ("demo.sum", ["x"], -32602),
                                         ("demo.fail", {"code": 7, "message": "mine", "data": None}, 7)):
                response = client.exchange_call(method, params)
                self.assertEqual((response.status, response.code), (200, code), response)
            client.fence()

    def test_what_is_not_json_is_answered_with_status_200_and_its_offset(self):
        with self.open() as client:
            for body, offset in (("", 0), (" ", 1), ("not JSON", 1), ('{"jsonrpc":', 11), ("{}{}", 2), ("[1]\n[2]", 4),
                                 ("\ufeff{}{}", 5), (b'"\xff"', 1)):
                with self.subTest(body):
                    response = client.exchange(body)
                    self.assert_refused(response, 200, -32700)
                    self.assertEqual(response.reply["error"]["data"]["offset"], offset)
            client.fence()

    def test_an_invalid_request_is_answered_with_status_200(self):
        with self.open() as client:
            for body in ("1", "{}", "[]", '{"method":"demo.echo","id":1}'):
                self.assertEqual((client.exchange(body).status, client.exchange(body).code), (200, -32600))
            client.fence()

    def test_notifications_are_answered_with_204_and_run(self):
        with self.open() as client:
            before = self.daemon.value("sluice_calls_total", method="demo.subtract", code="ok")
            note = message("demo.subtract", [2, 1])
            self.assertEqual(client.exchange(note).status, 204)
            self.assertEqual(client.exchange(f"[{note},{note}]").status, 204)
            self.daemon.wait_value(before + 3, "sluice_calls_total", method="demo.subtract", code="ok")
            client.fence()

    def test_a_batch_is_answered_with_one_array_in_order(self):
        with self.open() as client:
            body = f"[{message('demo.sleep', {'ms': 30}, 1)},{message('demo.echo', [0])},7,{message('no.such', None, 3)}]"
            response = client.exchange(body)
            self.assertEqual(response.status, 200)
            self.assertEqual([(reply["id"], "result" in reply) for reply in response.reply], [(1, True), (None, False), (3, False)])
            client.fence()

    def test_long_bodies_go_both_ways(self):
        with self.open() as client:
            for size in (0, 1000, 65_536, 3_000_000):
                self.assertEqual(client.exchange_call("demo.echo", ["x" * size]).result, ["x" * size])

    def test_every_header_is_in_any_case_and_the_type_may_have_parameters(self):
        body = message("demo.sum", [1, 2], 1)
        with self.open() as client:
            for content_type in ("application/json", "application/json; charset=utf-8", "Application/JSON ;x=y",
                                 "application/json-rpc", "application/jsonrequest"):
                self.assertEqual(client.exchange(body, Content_Type=content_type).result, 3)
            client.send(f"POST / HTTP/1.1\r\nhOST:localhost\r\nCONTENT-type:application/json\r\n"
                        f"content-LENGTH:\t{len(body)} \t\r\n\r\n{body}")
            self.assertEqual(client.receive_response().result, 3)

    def test_targets_may_have_a_query_or_be_absolute(self):
        with self.open() as client:
            for target in ("/?key=1", "http://localhost/", "HTTP://localhost", "http://127.0.0.1:1/?x"):
                self.assertEqual(client.exchange(message("demo.sum", [1, 2], 1), target=target).result, 3, target)

    def test_a_listener_may_have_a_path_of_its_own(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "http_path": "/rpc/v1"}])
        with self.open(daemon) as client:
            self.assertEqual(client.exchange(message("demo.sum", [1, 2], 1), target="/rpc/v1?x").result, 3)
            for target in ("/", "/rpc", "/rpc/v1/", "/RPC/v1"):
                self.assert_refused(client.exchange("{}", target=target), 404)

    def test_connections_are_counted_by_protocol(self):
        before = self.daemon.value("sluice_connections_total", protocol="http")
        with self.open() as client:
            client.fence()
            self.daemon.wait_value(1, "sluice_connections", protocol="http")
        self.daemon.wait_value(0, "sluice_connections", protocol="http")
        self.daemon.wait_value(before + 1, "sluice_connections_total", protocol="http")

    def test_curl_calls_over_tcp_and_a_unix_socket(self):
        for where in ([self.daemon.url("http") + "/"], ["--unix-socket", self.daemon.unix(), "http://localhost/"]):
            for more in ([], ["--http1.0"], ["--http2"], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
                with self.subTest(where=where, more=more):
                    done = subprocess.run(["curl", "-sS", "--fail", "--max-time", str(limit(10)), *more, "-H", "Content-Type: application/json",
                                           "-d", message("demo.sum", [1, 2], 1), *where], capture_output=True, text=True)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertEqual(json.loads(done.stdout)["result"], 3)


class CallHeaders(HttpTest):
    def test_a_time_limit_may_come_as_a_header(self):
        with self.open() as client:
            watch = Stopwatch()
            response = client.exchange_call("demo.sleep", {"ms": ms(60000)}, Sluice_Timeout_Ms=100)
            self.assertEqual((response.status, response.code), (200, -32002), response)
            self.assertEqual(response.reply["error"]["data"]["timeout_ms"], 100)
            self.assert_below(watch.ms(), ms(5000))
            client.fence()

    def test_a_calls_own_time_limit_goes_before_the_headers(self):
        with self.open() as client:
            body = message("demo.sleep", {"ms": ms(60000)}, 1, timeout_ms=50)
            reply = client.exchange(body, Sluice_Timeout_Ms=ms(60000)).reply
            self.assertEqual(reply["error"]["data"]["timeout_ms"], 50)

    def test_the_header_never_lengthens_the_servers_limit(self):
        daemon = self.start(methods={"demo.sleep": {"timeout": "80ms"}})
        with self.open(daemon) as client:
            response = client.exchange_call("demo.sleep", {"ms": ms(60000)}, Sluice_Timeout_Ms="9" * 40)
            self.assertEqual(response.code, -32002)

    def test_an_invalid_time_limit_header_is_an_invalid_request(self):
        before = self.daemon.value("sluice_calls_total", method="demo.echo", code="ok")
        with self.open() as client:
            for value in ("0", "-1", "+5", "1.5", "5ms", "x", "", "1 2"):
                with self.subTest(value):
                    for body, id in ((message("demo.echo", [1], "x"), "x"), (message("demo.echo", [1]), None),
                                     ("[" + message("demo.echo", [1], 1) + "]", None)):
                        response = client.exchange(body, Sluice_Timeout_Ms=value)
                        self.assertEqual((response.status, response.code, response.reply["id"]), (200, -32600, id), response)
            client.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.echo", code="ok"), before + 1)

    def test_a_trace_context_may_come_as_a_header(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        daemon = self.start(log={"slow_call": "1ms"})
        with self.open(daemon) as client:
            self.assertEqual(client.exchange_call("demo.sleep", {"ms": 20}, traceparent=trace).status, 200)
            daemon.wait_log("slow.*trace_id=" + trace.split("-")[1])
            self.assertEqual(client.exchange_call("demo.sleep", {"ms": 20}, traceparent='00-"x"=y').status, 200)
            client.fence()
        self.assertNotIn('00-"x"=y', daemon.log_text())


class Pipelining(HttpTest):
    def test_200_pipelined_requests_are_answered_in_order_while_their_calls_run_in_parallel(self):
        daemon = self.start(server={"workers": 8})
        for kind in KINDS:
            with self.subTest(kind), self.open(daemon, kind) as client:
                slow = {0, 1, 50, 51, 120, 199}
                calls = [("demo.sleep", {"ms": ms(400)}) if id in slow else ("demo.echo", [id]) for id in range(200)]
                watch = Stopwatch()
                client.send(b"".join(request(message(*call, id)) for id, call in enumerate(calls)))
                replies = [response.reply for response in client.receive_responses(200, 20)]
                self.assertEqual([reply["id"] for reply in replies], list(range(200)))
                for id, reply in enumerate(replies):
                    self.assertEqual(reply["result"], {"slept_ms": ms(400)} if id in slow else [id])
                self.assert_below(watch.ms(), ms(400) * len(slow) - ms(200), "one after the other")
                client.fence()

    def test_responses_of_every_kind_wait_for_the_slow_one_before(self):
        with self.open() as client:
            client.send(request(message("demo.sleep", {"ms": ms(200)}, "slow")) + request(message("demo.echo", [1])) +
                        request("", method="GET") + request("{", target="/other") + request("nonsense") +
                        request("", method="HEAD") + request(message("demo.sum", [1], "last")))
            self.assertEqual(client.receive_response().reply["id"], "slow")
            for status, body in ((204, True), (405, True), (404, True), (200, True), (405, False), (200, True)):
                self.assertEqual(client.receive_response(body=body).status, status)
            client.fence()

    def test_a_call_behind_a_slow_one_on_another_connection_is_not_delayed(self):
        daemon = self.start(server={"workers": 2})
        with self.open(daemon) as slow, self.open(daemon) as quick:
            slow.post("demo.sleep", {"ms": ms(1000)})
            watch = Stopwatch()
            quick.fence()
            self.assert_below(watch.ms(), ms(800))
            self.assertEqual(slow.receive_response().status, 200)

    def test_thousands_of_responses_that_had_to_wait_cost_little_time(self):
        count = 20_000
        daemon = self.start(server={"max_output_buffer": "64MiB"})
        with self.open(daemon) as client:
            client.post("demo.sleep", {"ms": ms(3000)}, "slow")
            daemon.wait_in_flight(1)
            sender = threading.Thread(target=client.send, args=(request("", method="GET") * count,))
            sender.start()
            daemon.wait_value(count, "sluice_calls_total", 30, method="_invalid")
            before = daemon.cpu_seconds()
            self.assertEqual(client.receive_response().reply["id"], "slow")
            self.assertEqual({response.status for response in client.receive_responses(count, 30)}, {405})
            self.assert_below(daemon.cpu_seconds() - before, 1 * SLOW, "seconds")
            sender.join()
            client.fence()


class KeepAlive(HttpTest):
    def test_a_request_that_says_so_is_the_last_and_nothing_behind_it_is_run(self):
        before = self.daemon.value("sluice_calls_total", method="demo.subtract")
        behind = request(message("demo.subtract", [2, 1], 2))
        for more in ({"Connection": "close"}, {"Connection": "x, Close"}, {"version": "HTTP/1.0"},
                     {"version": "HTTP/1.0", "Connection": "close"}, {"version": "HTTP/1.0", "Host": None}):
            with self.subTest(more), self.open() as client:
                client.send(request(message("demo.sum", [1, 2], 1), **more) + behind)
                response = client.receive_response()
                self.assertEqual(response.result, 3)
                self.assertTrue(response.closes, response)
                client.expect_end()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.subtract"), before)

    def test_http_1_0_stays_open_where_it_asks_for_it(self):
        with self.open() as client:
            for _ in range(3):
                response = client.exchange(message("demo.sum", [1, 2], 1), version="HTTP/1.0", Connection="keep-alive")
                self.assertEqual(response.result, 3)
                self.assertEqual(response.headers["connection"], "keep-alive")
            client.fence()

    def test_an_idle_connection_is_closed_in_order(self):
        daemon = self.start(server={"idle_timeout": duration(300)})
        with self.open(daemon) as client:
            client.fence()
            client.expect_end()

    def test_empty_lines_between_requests_are_ignored(self):
        with self.open() as client:
            for _ in range(2):
                client.send(b"\r\n\r\n" + request(message("demo.sum", [1, 2], 1)) + b"\r\n")
                self.assertEqual(client.receive_response().result, 3)
            client.fence()


class Chunked(HttpTest):
    def test_a_body_may_come_in_chunks(self):
        body = message("demo.echo", ["x" * 100, "é"], 1)
        with self.open() as client:
            for size in (1, 2, 7, 16, 1000):
                self.assertEqual(client.exchange(body, chunks=size).result, ["x" * 100, "é"])
            for text in (chunked(body, 5, ';name=value;quoted="; \t x"'), chunked(body, 90, trailers="Trailer: 1\r\nContent-Type: text/plain\r\n"),
                         chunked(body, 90).replace(b"5a\r\n", b"0000000000005A\r\n", 1)):
                client.send(head(Transfer_Encoding="Chunked") + text)
                self.assertEqual(client.receive_response().result, ["x" * 100, "é"])
            client.fence()

    def test_a_body_of_no_chunks_is_empty(self):
        with self.open() as client:
            client.send(head(Transfer_Encoding="chunked") + b"0\r\n\r\n")
            self.assert_refused(client.receive_response(), 200, -32700)
            client.fence()

    def test_a_body_whose_end_comes_byte_by_byte(self):
        with self.open(kind="unix") as client:
            for text in (b"0\r\n\r\n", b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"):
                client.send(head(Transfer_Encoding="chunked"))
                client.send_pieces(text, 1)
                self.assertEqual(client.receive_response().status, 200)
            client.fence()

    def test_a_trailer_changes_nothing(self):
        before = self.daemon.value("sluice_calls_total", method="demo.sum", code="ok")
        with self.open() as client:
            for trailer in ("Sluice-Timeout-Ms: x", "Host: evil.example", "Connection: close", "Origin: https://evil.example"):
                client.send(head(Transfer_Encoding="chunked") + chunked(message("demo.sum", [1, 2], 1), trailers=trailer + "\r\n"))
                self.assertEqual(client.receive_response().result, 3, trailer)
            client.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.sum", code="ok"), before + 4)


class Continue(HttpTest):
    options = {"server": {"max_message": LIMIT}}

    def expecting(self, length, **more):
        return head(Content_Length=length, Expect="100-continue", **more)

    def test_a_client_that_waits_receives_100_continue(self):
        body = message("demo.sum", [1, 2], 1)
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                for _ in range(2):
                    client.send(self.expecting(len(body)))
                    client.receive_continue()
                    client.send(body)
                    self.assertEqual(client.receive_response().result, 3)
                client.send(head(Transfer_Encoding="chunked", Expect="100-Continue"))
                client.receive_continue()
                client.send(chunked(body))
                self.assertEqual(client.receive_response().result, 3)
                client.fence()

    def test_a_client_that_did_not_wait_receives_no_100_continue(self):
        with self.open() as client:
            for method in ("demo.echo_inline", "demo.echo", "no.such"):
                body = message(method, [1], 1)
                client.send(self.expecting(len(body)) + body.encode())
                self.assertEqual(client.receive_response().status, 200)
                client.fence()
            client.send(self.expecting(0))
            self.assert_refused(client.receive_response(), 200, -32700)
            client.fence()

    def test_a_100_continue_comes_after_the_responses_before(self):
        body = message("demo.sum", [1, 2], 1)
        with self.open() as client:
            client.send(request(message("demo.sleep", {"ms": ms(200)}, "slow")) + self.expecting(len(body)))
            self.assertEqual(client.receive_response().reply["id"], "slow")
            client.receive_continue()
            client.send(body)
            self.assertEqual(client.receive_response().result, 3)
            client.fence()

    def test_a_refusal_replaces_the_100_continue_and_ends_the_connection(self):
        rows = [({"target": "/other"}, 404, -32600), ({"method": "PUT"}, 405, -32600), ({"Content_Type": "text/plain"}, 415, -32600),
                ({"Host": "evil.example"}, 403, -32016), ({"Host": None}, 400, -32600)]
        for more, status, code in rows:
            with self.subTest(more), self.open() as client:
                client.send(self.expecting(10, **more))
                response = client.receive_response()
                self.assert_refused(response, status, code)
                self.assertTrue(response.closes)
                client.send(b"{}" * 5 + request(message("demo.subtract", [2, 1], 1)))
                client.expect_end()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.subtract"), 0)

    def test_a_refusal_is_sent_once_also_where_the_body_came_along(self):
        with self.open() as client:
            client.send(self.expecting(2, target="/other") + b"{}")
            self.assert_refused(client.receive_response(), 404)
            client.fence()

    def test_a_body_that_is_too_long_is_refused_without_a_100_continue(self):
        with self.open() as client:
            client.send(self.expecting(LIMIT + 1))
            self.assert_refused(client.receive_response(), 413, -32007)
            client.expect_end()
        with self.open() as client:
            client.send(head(Transfer_Encoding="chunked", Expect="100-continue") + b"%x\r\n" % (LIMIT + 1))
            self.assert_refused(client.receive_response(), 413, -32007)
            client.expect_end()

    def test_a_client_of_http_1_0_receives_no_100_continue(self):
        body = message("demo.sum", [1, 2], 1)
        with self.open() as client:
            client.send(self.expecting(len(body), version="HTTP/1.0"))
            client.send(body)
            self.assertEqual(client.receive_response().result, 3)
            client.expect_end()

    def test_another_expectation_is_refused(self):
        with self.open() as client:
            response = client.exchange("{}", Expect="a-miracle")
            self.assert_refused(response, 417)
            client.fence()


class Refusals(HttpTest):
    def test_methods_paths_and_types_are_refused_and_the_connection_goes_on(self):
        body = message("demo.subtract", [2, 1], 1)
        before = self.daemon.value("sluice_calls_total", method="demo.subtract")
        with self.open() as client:
            for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "Post", "BREW"):
                response = client.exchange(body, method=method)
                self.assert_refused(response, 405)
                self.assertEqual(response.headers["allow"], "POST")
            for target in ("/other", "//", "/%2F", "*", "http://localhost/other", "https://localhost/"):
                self.assert_refused(client.exchange(body, target=target), 404)
            for content_type in (None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json2",
                                 "multipart/form-data; x=application/json", "application/json, text/plain"):
                self.assert_refused(client.exchange(body, Content_Type=content_type), 415)
            client.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.subtract"), before)

    def detail(self, client, **request):
        return client.exchange(message("demo.sum", [1, 2], 1), **request).reply["error"]["data"]["detail"]

    def test_a_refusal_says_what_would_have_been_right(self):
        with self.open() as client:
            self.assertEqual(self.detail(client, Content_Type=None), "Content-Type must be application/json")
            self.assertEqual(self.detail(client, method="PUT"), 'a call is a POST, not "PUT"')
            self.assertEqual(self.detail(client, target="/other?x"), 'nothing is served at "/other"')
            self.assertEqual(self.detail(client, Expect="x"), "Expect can only be 100-continue")
            self.assertEqual(self.detail(client, Host="evil.example"),
                             'Host "evil.example" is neither loopback nor among allowed_hosts')
            self.assertEqual(self.detail(client, target="http://evil.example/", Host="localhost"),
                             'Host "evil.example" is neither loopback nor among allowed_hosts')
            self.assertEqual(self.detail(client, Origin="https://evil.example"),
                             'Origin "https://evil.example" is not among allowed_origins')
            self.assertEqual(self.detail(client, Sluice_Timeout_Ms="soon"), "Sluice-Timeout-Ms must be a positive integer")
            client.fence()

    def test_what_a_refusal_shows_of_a_request_is_short_and_harmless(self):
        with self.open() as client:
            self.assertEqual(self.detail(client, Origin='a"\\\x80b'),
                             'Origin "a"\\\\xc2\\x80b" is not among allowed_origins')
            for header in ("Origin", "Host"):
                self.assertLess(len(self.detail(client, **{header: "x" * 10_000})), 400)
            self.assertLess(len(self.detail(client, target="/" + "x" * 10_000)), 400)
            client.fence()

    def test_head_is_answered_without_a_body(self):
        with self.open() as client:
            response = client.exchange(method="HEAD")
            self.assertEqual((response.status, response.headers["allow"]), (405, "POST"))
            self.assertGreater(int(response.headers["content-length"]), 0)
            client.fence()

    def test_a_method_in_any_case_is_http_from_the_first_bytes_on(self):
        for method in ("post", "get", "Post"):
            with self.subTest(method), self.open() as client:
                self.assert_refused(client.exchange("{}", method=method), 405)
                client.fence()

    def test_a_body_over_the_limit_is_refused_with_413_and_the_refusal_is_read(self):
        daemon = self.start(server={"max_message": LIMIT})
        for kind in KINDS:
            for chunks in (None, 5000):
                with self.subTest(kind, chunks=chunks), self.open(daemon, kind) as client:
                    exact = message("demo.echo", ["x" * LIMIT], 1)
                    exact = exact.replace("x" * (len(exact) - LIMIT), "", 1)
                    self.assertEqual(client.exchange(exact, chunks=chunks).status, 200)
                    client.send(request(exact + " " * 10 * LIMIT, chunks=chunks))
                    response = client.receive_response()
                    self.assert_refused(response, 413, -32007)
                    self.assertEqual(response.reply["error"]["data"]["limit"], LIMIT)
                    self.assertTrue(response.closes)
                    client.expect_end()

    def test_a_busy_method_is_503_and_says_when_to_come_back(self):
        daemon = self.start(methods={"demo.sleep": {"max_concurrent": 1}})
        with self.open(daemon) as busy, self.open(daemon) as client:
            busy.post("demo.sleep", {"ms": ms(60000)})
            daemon.wait_in_flight(1)
            response = client.exchange_call("demo.sleep", {"ms": 1})
            self.assertEqual((response.status, response.code), (503, -32009), response)
            after = response.reply["error"]["data"]["retry_after_ms"]
            self.assertEqual(response.headers["retry-after"], str(-(-after // 1000)))
            client.fence()


class Browsers(HttpTest):
    ORIGIN = "https://app.example"
    options = {"listen": [{"address": "tcp://127.0.0.1:0", "allowed_origins": [ORIGIN], "allowed_hosts": ["sluice.test", "proxy.test:8080"]}]}

    def cors(self, response):
        return {name for name in response.headers if name.startswith("access-control-")}

    def test_an_origin_that_is_not_allowed_is_refused_and_nothing_is_run(self):
        before = self.daemon.value("sluice_calls_total", method="demo.subtract")
        with self.open() as client:
            for origin in ("https://evil.example", "http://app.example", "https://app.example:444", "null", "", "https://app.example.evil.example",
                           "https://evil.example https://app.example"):
                response = client.exchange(message("demo.subtract", [2, 1], 1), Origin=origin)
                self.assert_refused(response, 403, -32016)
                self.assertEqual(self.cors(response), set())
            client.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.subtract"), before)

    def test_a_page_of_an_allowed_origin_may_send_a_preflight_request_then_call(self):
        with self.open() as client:
            asked = client.exchange(method="OPTIONS", Origin=self.ORIGIN, Access_Control_Request_Method="POST",
                                   Access_Control_Request_Headers="content-type")
            self.assertEqual(asked.status, 204)
            self.assertEqual(asked.headers["access-control-allow-methods"], "POST")
            self.assertIn("content-type", asked.headers["access-control-allow-headers"])
            for response in (asked, client.exchange_call("demo.sum", [1, 2], Origin=self.ORIGIN),
                             client.exchange("x", Origin=self.ORIGIN),
                             client.exchange("{}", Origin=self.ORIGIN, Content_Type="text/plain")):
                self.assertEqual(response.headers["access-control-allow-origin"], self.ORIGIN)
                self.assertEqual(response.headers["vary"], "Origin")
            self.assertEqual(self.cors(client.exchange_call("demo.sum", [1, 2])), set())
            client.fence()

    def test_a_preflight_request_of_another_origin_is_refused(self):
        with self.open() as client:
            response = client.exchange(method="OPTIONS", Origin="https://evil.example",
                                       Access_Control_Request_Method="POST")
            self.assertEqual((response.status, self.cors(response)), (403, set()))
            client.fence()

    def test_any_origin_may_be_allowed(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": ["*"]}])
        with self.open(daemon) as client:
            response = client.exchange_call("demo.sum", [1, 2], Origin="https://any.example")
            self.assertEqual((response.result, response.headers["access-control-allow-origin"]), (3, "https://any.example"))

    def test_a_host_is_this_machine_or_an_allowed_one(self):
        with self.open() as client:
            for host in ("localhost", "LOCALHOST:7070", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:80", "sluice.test", "Sluice.Test:9",
                         "proxy.test:8080", "127.1", "localhost.", "127.0.0.1.", "[0:0:0:0:0:0:0:1]:7070"):
                self.assertEqual(client.exchange(message("demo.sum", [1, 2], 1), Host=host).result, 3, host)
            for host in ("", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0",
                         "[::1]evil.example", "localhost:80:80", "localhost:evil", "[::2]", "[", "proxy.test", "proxy.test:80", "xsluice.test",
                         "localhost@evil.example", ":80"):
                self.assert_refused(client.exchange(message("demo.sum", [1, 2], 1), Host=host), 403, -32016)
            self.assert_refused(client.exchange("{}", target="http://evil.example/"), 403, -32016)
            client.fence()

    def test_a_unix_socket_may_be_called_any_name(self):
        daemon = self.start()
        with self.open(daemon, "unix") as client:
            self.assertEqual(client.exchange(message("demo.sum", [1, 2], 1), Host="whatever").result, 3)
            self.assert_refused(client.exchange("{}", Host="whatever", Origin="http://whatever"), 403, -32016)


class Drain(HttpTest):
    def test_idle_connections_are_closed_in_order(self):
        for kind in KINDS:
            daemon = self.start()
            with self.subTest(kind), self.open(daemon, kind) as used, self.open(daemon, kind) as unused:
                used.fence()
                daemon.wait_connections(2)
                daemon.signal(signal.SIGTERM)
                used.expect_end()
                unused.expect_end()
                self.assertEqual(daemon.wait_exit(), 0)

    def test_busy_connections_get_their_responses_of_which_the_last_says_close(self):
        for kind in KINDS:
            daemon = self.start(server={"workers": 2})
            with self.subTest(kind), self.open(daemon, kind) as client:
                client.send(request(message("demo.sleep", {"ms": ms(600)}, 1)) + request(message("demo.sleep", {"ms": ms(500)}, 2)))
                daemon.wait_in_flight(2)
                daemon.signal(signal.SIGTERM)
                first, last = client.receive_responses(2)
                self.assertEqual((first.reply["id"], last.reply["id"]), (1, 2))
                self.assertEqual((first.closes, last.closes), (False, True))
                client.expect_end()
                self.assertEqual(daemon.wait_exit(), 0)

    def test_a_later_request_is_refused_after_the_responses_before(self):
        daemon = self.start(server={"io_threads": 1})
        with self.open(daemon) as client, self.open(daemon) as idle:
            idle.fence()
            client.post("demo.sleep", {"ms": ms(800)}, "running")
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            idle.expect_end()  # so the thread's connections know of the drain
            client.send(request(message("demo.sum", [1], "late")) + request(message("demo.sum", [1], "later")))
            running, late, later = client.receive_responses(3)
            self.assertEqual((running.status, running.reply["id"], running.closes), (200, "running", False))
            self.assertEqual((late.status, late.code, late.closes), (503, -32012, False))
            self.assertEqual((later.status, later.code, later.closes), (503, -32012, True))
            client.expect_end()
            self.assertEqual(daemon.wait_exit(), 0)

    def test_no_request_under_load_is_lost_or_answered_twice(self):
        daemon = self.start(server={"workers": 2})
        outcomes, clients = [], [self.open(daemon, KINDS[number % 2]) for number in range(4)]
        begun = threading.Barrier(len(clients) + 1)

        def fire(client):
            answered = 0
            while True:
                if answered == 20:
                    begun.wait(limit(10))
                client.post("demo.sleep", {"ms": 1}, answered)
                try:
                    response = client.receive_response()
                except AssertionError as error:
                    outcomes.append(str(error))
                    return
                assert response.reply["id"] in (answered, None), response
                if response.status == 503 or response.closes:
                    outcomes.append("refused")
                    return
                answered += 1

        threads = [threading.Thread(target=fire, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        begun.wait(limit(10))
        daemon.signal(signal.SIGTERM)
        for thread in threads:
            thread.join(limit(15))
        # A client between two requests was idle, and its connection was closed. A reset ends a thread without an outcome.
        self.assertEqual(len(outcomes), len(clients))
        self.assertLessEqual(set(outcomes), {"refused", "the connection was closed instead of a response"})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_what_is_left_at_drain_timeout_is_answered(self):
        daemon = self.start(server={"drain_timeout": duration(400)})
        with self.open(daemon) as client:
            client.post("demo.hang", {"ms": ms(60000)}, "left")
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            response = client.receive_response()
            self.assertEqual((response.status, response.code, response.reply["id"]), (503, -32012, "left"))
            self.assertTrue(response.closes)
            client.expect_end()
        self.assertEqual(daemon.wait_exit(), 0)


if __name__ == "__main__":
    main()
