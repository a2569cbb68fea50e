"""Clients over HTTP and WebSocket that people really use, against a running daemon: each makes calls, a batch where it can, and a notification."""

import http.client
import json
import shutil
import subprocess
import unittest
import urllib.request

from client_test import HERE, NodeTest, NotificationTest  # first: it finds the module below
from support.daemon import code, limit, main, message

JSON = {"Content-Type": "application/json"}


class Node(NodeTest):
    def url(self, scheme):
        return self.daemon.url(scheme) + "/"

    def test_jayson_over_http(self):
        self.run_script("jayson_client.mjs", self.url("http"))

    def test_jayson_over_http_on_a_unix_path(self):
        self.run_script("jayson_client.mjs", "http:", self.daemon.unix())

    def test_jayson_over_websocket(self):
        self.run_script("jayson_client.mjs", self.url("ws"))

    def test_ethers_json_rpc_provider(self):
        self.run_script("ethers_client.mjs", self.url("http"))

    def test_ethers_websocket_provider(self):
        self.run_script("ethers_client.mjs", self.url("ws"))

    def test_viem_http_transport(self):
        self.run_script("viem_client.mjs", self.url("http"))

    def test_viem_websocket_transport(self):
        self.run_script("viem_client.mjs", self.url("ws"))

    def test_web3_over_http(self):
        self.run_script("web3_client.mjs", self.url("http"))

    def test_web3_over_websocket(self):
        self.run_script("web3_client.mjs", self.url("ws"))


class Retry(NodeTest):
    options = {"methods": {"demo.sleep": {"max_concurrent": 1}}}

    def test_viem_retries_after_the_delay_that_a_busy_method_named(self):
        self.run_node("viem_retry.mjs", *self.daemon.tcp())
        self.assertGreaterEqual(self.daemon.value("sluice_calls_rejected_total", reason="method_busy"), 2)
        self.daemon.wait_in_flight(0)


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(NotificationTest):
    """Over TCP, and over a Unix socket."""

    def curl(self, *arguments, text=None, where=None):
        """(what curl wrote, the status of each answer)"""
        command = ["curl", "--silent", "--show-error", "--max-time", str(limit(10)), "--write-out", "%{stderr}%{http_code} ", *(where or self.where)]
        done = subprocess.run([*command, *arguments], input=text, capture_output=True, text=True, timeout=limit(20))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, done.stderr.split()

    def post(self, text, *arguments):
        """The reply to one call that gets one."""
        out, statuses = self.curl("--json", "@-", *arguments, text=text)
        self.assertEqual(statuses, ["200"], out)
        return json.loads(out)

    def everywhere(self):
        url = self.daemon.url("http") + "/"
        for kind, where in (("tcp", [url]), ("unix", ["--unix-socket", self.daemon.unix(), "http://localhost/"])):
            with self.subTest(kind):
                self.where = where
                yield kind

    def test_a_call_a_batch_and_a_notification(self):
        for _ in self.everywhere():
            self.before = self.subtractions()
            self.assertEqual(self.post(message("demo.sum", [1, 2, 4], 1)), {"jsonrpc": "2.0", "result": 7, "id": 1})
            replies = self.post(f"[{message('demo.echo', ['é'], 1)},{message('demo.subtract', [2, 1])},{message('no.such', id=2)}]")
            self.assertEqual([(reply["id"], code(reply)) for reply in replies], [(1, "ok"), (2, -32601)])
            self.assertEqual(self.curl("--json", message("demo.subtract", [2, 1])), ("", ["204"]))
            self.assert_notified(calls_besides=1)

    def test_a_large_body_with_its_length_which_curl_announces_first(self):
        for _ in self.everywhere():
            text = message("demo.echo", ["x" * 3_000_000], 1)
            self.assertEqual(self.post(text)["result"], ["x" * 3_000_000])
            self.assertEqual(self.post(text, "--header", "Expect: 100-continue")["result"], ["x" * 3_000_000])

    def test_a_chunked_body(self):
        for _ in self.everywhere():
            text = message("demo.echo", ["x" * 200_000], 1)
            self.assertEqual(self.post(text, "--header", "Transfer-Encoding: chunked")["result"], ["x" * 200_000])

    def test_several_calls_on_one_connection(self):
        for _ in self.everywhere():
            begin = self.daemon.value("sluice_connections_total", protocol="http")
            one = [*self.where, "--silent", "--json"]
            out, statuses = self.curl("--json", message("demo.echo", [1], 1), "--next", *one, message("demo.echo", [2], 2),
                                      "--next", *one, message("demo.echo", [3], 3))
            self.assertEqual(statuses[0], "200")
            decoder, results = json.JSONDecoder(), []
            while out:
                reply, end = decoder.raw_decode(out)
                results.append(reply["result"])
                out = out[end:].lstrip()
            self.assertEqual(results, [[1], [2], [3]])
            self.daemon.wait_value(begin + 1, "sluice_connections_total", protocol="http")

    def test_a_time_limit_as_a_header(self):
        for _ in self.everywhere():
            reply = self.post(message("demo.sleep", {"ms": 600_000}, 1), "--header", "Sluice-Timeout-Ms: 20")
            self.assertEqual((code(reply), reply["error"]["data"]["timeout_ms"]), (-32002, 20))

    def test_an_offer_of_http_2_is_answered_in_http_1_1(self):
        for _ in self.everywhere():
            self.assertEqual(self.post(message("demo.sum", [1, 2], 1), "--http2")["result"], 3)

    def test_http_1_0(self):
        for _ in self.everywhere():
            self.assertEqual(self.post(message("demo.sum", [1, 2], 1), "--http1.0")["result"], 3)

    def test_curls_own_content_type_is_refused(self):
        for _ in self.everywhere():
            out, statuses = self.curl("--data", message("demo.sum", [1, 2], 1))
            self.assertEqual((code(json.loads(out)), statuses), (-32600, ["415"]))


class PythonStandardLibrary(NotificationTest):
    def test_http_client_keeps_its_connection(self):
        connection = http.client.HTTPConnection(*self.daemon.tcp(), timeout=limit(10))

        def ask(text):
            connection.request("POST", "/", text, JSON)
            answer = connection.getresponse()
            return answer.status, answer.read()

        self.assertEqual(json.loads(ask(message("demo.sum", [1, 2, 4], 1))[1])["result"], 7)
        before = connection.sock
        self.assertEqual(ask(message("demo.subtract", [2, 1])), (204, b""))
        self.assertEqual([reply["result"] for reply in json.loads(ask(f"[{message('demo.echo', [1], 1)},{message('demo.echo', [2], 2)}]")[1])], [[1], [2]])
        self.assertIs(connection.sock, before)
        connection.close()
        self.assert_notified(calls_besides=0)

    def test_urllib(self):
        request = urllib.request.Request(self.daemon.url("http") + "/", message("demo.sum", [1, 2], 1).encode(), JSON)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=limit(10)) as answer:
            self.assertEqual(json.load(answer)["result"], 3)


@unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
class Wrk(NotificationTest):
    def test_a_second_of_load_gets_results_only(self):
        url = self.daemon.url("http") + "/"
        done = subprocess.run(["wrk", "--threads", "1", "--connections", "4", "--duration", "1s", "--timeout", f"{limit(5)}s",
                               "--script", str(HERE / "wrk_call.lua"), url], capture_output=True, text=True, timeout=limit(20))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        counts = dict(pair.split("=") for pair in done.stdout.splitlines()[-1].split())
        requests = int(counts.pop("requests"))
        self.assertGreater(requests, 0)
        self.assertEqual(counts, {"wrong": "0", "status": "0", "broken": "0"})
        self.assertGreaterEqual(self.daemon.value("sluice_calls_total", method="demo.echo", code="ok"), requests)
        self.daemon.wait_in_flight(0)


if __name__ == "__main__":
    main()
