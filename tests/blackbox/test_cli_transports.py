"""The command line client over every transport of a listener: HTTP, WebSocket and TLS beside JSON streams."""

import json
import re
import socket

from support.command_line import CommandTest, run
from support.configuration import digest
from support.daemon import main
from support.tls import authority, stranger
from support.upstream_http_servers import MisbehavingHttp
from support.upstream_servers import Server
from support.upstream_websocket_server import MisbehavingWebSocket

TOKEN = "a-token"
PLAIN = ("tcp", "http", "ws")
OVER_TLS = ("tls", "https", "wss")


class Calls:
    """Of one transport, without TLS."""

    scheme = ""

    @property
    def address(self):
        return self.daemon.url(self.scheme)

    def test_call_prints_the_result_as_the_server_wrote_it(self):
        params = '{"z":1.0,"a":[1e3,123456789012345678901234567890],"s":"\\u00e9 \\" \\\\"}'
        self.check(run("call", self.address, "demo.echo", params), 0, params + "\n")

    def test_an_error_reply_exits_with_1(self):
        self.check_failure(run("call", self.address, "no.such"), 1, "^sluice: error -32601: Method not found")

    def test_large_params_come_back_whole(self):
        text = "x" * 100_000
        done = run("call", self.address, "demo.echo", text)
        self.assertEqual((0, [text]), (done.returncode, json.loads(done.stdout)))

    def test_a_timeout_exits_with_3(self):
        done = run("call", self.address, "demo.sleep", "ms=20000", "--timeout", "100ms")
        self.check_failure(done, 3, "timed out waiting for " + re.escape(self.address))

    def test_a_timeout_cancels_the_call(self):
        run("call", self.address, "demo.sleep", "ms=20000", "--timeout", "100ms")
        self.daemon.wait_in_flight(0)

    def test_a_deadline_reaches_the_server(self):
        done = run("call", self.address, "demo.sleep", "ms=20000", "--deadline", "50ms")
        self.check_failure(done, 1, "error -32002")

    def test_batch_prints_the_replies_in_order(self):
        done = run("batch", self.address, "demo.sleep ms=50", "demo.sum [1,2]")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual([1, 2], [json.loads(line)["id"] for line in done.stdout.splitlines()])

    def test_progress_of_a_method_without_notes_shows_its_result(self):
        self.check(run("call", self.address, "--progress", "demo.echo", "[1]"), 0, "[1]\n")

    def test_methods_and_describe(self):
        self.assertIn("demo.echo", run("methods", self.address).stdout.split())
        self.assertEqual("demo.sum", json.loads(run("describe", self.address, "demo.sum").stdout)["name"])


class Tcp(Calls, CommandTest):
    scheme = "tcp"


class Http(Calls, CommandTest):
    scheme = "http"


class WebSocket(Calls, CommandTest):
    scheme = "ws"


class Limits(CommandTest):
    """What is not the same over every transport."""

    def test_notify_over_http_is_silent(self):
        self.check(run("notify", self.daemon.url("http"), "demo.echo", "[1]"), 0, "")
        self.check(run("batch", self.daemon.url("http"), '[{"jsonrpc":"2.0","method":"demo.echo"}]'), 0, "")

    def test_notify_over_websocket_is_refused_since_the_close_would_cancel_it(self):
        self.check_failure(run("notify", self.daemon.url("ws"), "demo.echo"), 2, "WebSocket does not say when")

    def test_bench_takes_raw_streams_only(self):
        for scheme in ("http", "ws", "tls", "https", "wss"):
            self.check_failure(run("bench", self.daemon.url(scheme)), 2, r"tcp:// and unix:// only")

    def test_another_path_is_an_error_with_the_status(self):
        self.check_failure(run("call", self.daemon.url("http") + "/none", "demo.echo"), 1, "error -32600.*nothing is served")
        self.check_failure(run("call", self.daemon.url("ws") + "/none", "demo.echo"), 1, "error -32600.*nothing is served")

    def test_without_a_listener_it_cannot_connect(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            for scheme in PLAIN + OVER_TLS:
                with self.subTest(scheme):
                    address = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}"
                    self.check_failure(run("call", address, "m"), 3, "cannot connect to " + re.escape(address))


class Tokens(CommandTest):
    options = {"clients": [{"name": "deploy", "token_sha256": digest(TOKEN)}]}

    def test_a_token_authenticates_over_every_transport(self):
        for scheme in PLAIN:
            with self.subTest(scheme):
                address = self.daemon.url(scheme)
                done = run("call", address, "demo.echo", "[1]", environment={"SLUICE_TOKEN": TOKEN})
                self.check(done, 0, "[1]\n")
                self.check_failure(run("call", address, "demo.echo"), 1, "error -32016")
                done = run("call", address, "demo.echo", environment={"SLUICE_TOKEN": "other"})
                self.check_failure(done, 1, "error -32016")


class Tls(CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.options = {"listen": [
            {"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")},
            {"address": "tcp://127.0.0.1:0", "tls": authority().settings(
                "server", client_ca=str(authority().certificate()), require_client_certificate=True)},
        ]}

    def address(self, scheme, index=0, host="localhost"):
        return f"{scheme}://{host}:{self.daemon.tcp(index)[1]}"

    def call(self, scheme, *words, index=0, host="localhost"):
        return run("call", self.address(scheme, index, host), "demo.echo", "[1]", *words)

    def test_a_server_that_the_authorities_have_signed_is_called(self):
        for scheme in OVER_TLS:
            for host in ("localhost", "127.0.0.1"):
                with self.subTest(scheme, host=host):
                    self.check(self.call(scheme, "--ca", authority().certificate(), host=host), 0, "[1]\n")

    def test_a_server_that_they_have_not_signed_is_refused(self):
        for scheme in OVER_TLS:
            with self.subTest(scheme):
                self.check_failure(self.call(scheme), 3, "the server's certificate: ")
                done = self.call(scheme, "--ca", stranger().certificate())
                self.check_failure(done, 3, "cannot connect to .*: the server's certificate: ")

    def test_a_certificate_of_another_name_is_refused(self):
        name = authority().issue("elsewhere", names="DNS:elsewhere.example")
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "tls": authority().settings(name)}])
        for scheme in OVER_TLS:
            for host in ("localhost", "127.0.0.1"):
                with self.subTest(scheme, host=host):
                    address = f"{scheme}://{host}:{daemon.tcp()[1]}"
                    done = run("call", address, "demo.echo", "--ca", authority().certificate())
                    self.check_failure(done, 3, "certificate: .*mismatch")

    def test_insecure_accepts_any_certificate_and_warns(self):
        for scheme in OVER_TLS:
            with self.subTest(scheme):
                done = self.call(scheme, "--insecure")
                self.assertEqual((0, "[1]\n"), (done.returncode, done.stdout))
                self.assertRegex(done.stderr, "^sluice: warning: --insecure.*\n$")

    def test_a_client_certificate_is_shown(self):
        own = ("--ca", authority().certificate(), "--cert", authority().certificate("client"),
               "--key", authority().key("client"))
        for scheme in OVER_TLS:
            with self.subTest(scheme):
                self.check(self.call(scheme, *own, index=1), 0, "[1]\n")
                self.check_failure(self.call(scheme, "--ca", authority().certificate(), index=1), 3, "certificate required")

    def test_notify_ends_its_side_and_waits(self):
        for scheme in ("tls", "https"):
            with self.subTest(scheme):
                done = run("notify", self.address(scheme), "demo.echo", "--ca", authority().certificate())
                self.check(done, 0, "")

    def test_large_params_come_back_whole(self):
        text = "x" * 100_000
        for scheme in OVER_TLS:
            done = run("call", self.address(scheme), "demo.echo", text, "--ca", authority().certificate())
            self.assertEqual((0, [text]), (done.returncode, json.loads(done.stdout)), done.stderr)

    def test_a_handshake_with_a_server_without_tls_fails(self):
        plain = self.start()
        for scheme in OVER_TLS:
            with self.subTest(scheme):
                self.check_failure(run("call", plain.url(scheme), "m", "--timeout", "5s"), 3, "TLS handshake: ")

    def test_a_handshake_counts_towards_the_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            for scheme in OVER_TLS + ("ws", "http"):
                with self.subTest(scheme):
                    address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
                    self.check_failure(run("call", address, "m", "--timeout", "100ms"), 3, "timed out waiting for")

    def test_files_and_options_that_do_not_fit_are_errors_of_usage(self):
        key = authority().key("client")
        for words, pattern in (
                (("--ca", "/none.pem"), "--ca /none.pem: "), (("--ca", key), "--ca "),
                (("--cert", key, "--key", key), "--cert "),
                (("--cert", authority().certificate("client")), "--cert and --key go together"),
                (("--cert", authority().certificate("client"), "--key", authority().key("other")), "--key .*mismatch")):
            with self.subTest(words):
                self.check_failure(self.call("tls", *words), 2, pattern)
        done = run("call", "tcp://127.0.0.1:1", "m", "--ca", authority().certificate())
        self.check_failure(done, 2, "options of TLS, but tcp://127.0.0.1:1 has none")


class OtherServers(CommandTest):
    """Servers that answer in their own way."""

    def http(self, method, *params):
        server = self.close_later(MisbehavingHttp())
        return run("call", f"http://127.0.0.1:{server.port}/rpc?key=1", method, json.dumps(params)), server

    def test_a_request_is_a_post_of_json(self):
        _, server = self.http("what.page")
        head = server.heads[0]
        self.assertEqual("POST /rpc?key=1 HTTP/1.1", head["request"])
        self.assertEqual("application/json", head["content-type"])
        self.assertEqual(f"127.0.0.1:{server.port}", head["host"])

    def test_the_status_is_named_where_an_answer_holds_no_message(self):
        self.check_failure(self.http("what.page")[0], 3, "answered HTTP 200 OK without a JSON-RPC message")
        self.check_failure(self.http("what.500")[0], 3, "answered HTTP 500 Internal Server Error")

    def test_an_error_reply_counts_whatever_the_status(self):
        self.check_failure(self.http("what.500_with_reply")[0], 1, "error -32000")

    def test_chunks_and_an_end_by_close_are_read(self):
        for method in ("what.chunked", "what.last"):
            done, _ = self.http(method, 1)
            self.assertEqual((0, ""), (done.returncode, done.stderr), method)

    def test_bytes_that_do_not_form_a_response_are_an_error(self):
        self.check_failure(self.http("what.garbage")[0], 3, "does not speak HTTP")

    def websocket(self, method):
        server = self.close_later(MisbehavingWebSocket())
        return run("call", f"ws://127.0.0.1:{server.port}", method, "[1]"), server

    def test_fragments_and_pings_between_them_are_read(self):
        done, _ = self.websocket("what.pieces")
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_a_websocket_is_closed_with_1000(self):
        _, server = self.websocket("what.pieces")
        self.assertEqual([b"\x03\xe8"], server.closes)

    def test_a_port_without_http_fails_with_its_reason(self):
        class Other(Server):
            def serve(self, connection):
                connection.recv(1000)
                connection.sendall(b"220 mail\r\n\r\n")
                while connection.recv(1000):  # a client may still be writing its request
                    pass

        server = self.close_later(Other())
        self.check_failure(run("call", f"ws://127.0.0.1:{server.port}", "m"), 3, "no WebSocket at ws://")
        self.check_failure(run("call", f"http://127.0.0.1:{server.port}", "m"), 3, "does not speak HTTP")


if __name__ == "__main__":
    main()
