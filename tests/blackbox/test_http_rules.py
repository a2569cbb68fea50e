"""Which requests are admitted over HTTP and WebSocket, and how others are refused: contract 8 and 16."""

import base64
import os
import pathlib

from support.daemon import Connection, DaemonTest, eventually, main, message
from support.http_client import connect, head, request
from support.websocket_client import connect as connect_websocket, unshaken

SUM = message("demo.sum", [1, 2], 1)


class Http(DaemonTest):
    def answer(self, data, body=True, daemon=None):
        with connect(daemon or self.daemon) as client:
            client.send(data)
            return client.receive_response(body=body)

    def test_any_method_is_answered_in_http(self):
        for method in ("PROPFIND", "REPORT", "M-SEARCH", "LINK", "X", "post", "QUERY"):
            with self.subTest(method):
                answer = self.answer(request(SUM, method=method))
                self.assertIn(answer.status, (400, 405, 501))
                if answer.status == 405:
                    self.assertEqual(answer.headers["allow"], "POST")

    def test_a_host_counts_in_any_spelling_of_a_loopback_address(self):
        for host in ("localhost", "LOCALHOST:7070", "localhost.", "127.0.0.1:1", "127.0.0.1.", "127.1", "127.8.9.10", "[::1]", "[0:0:0:0:0:0:0:1]:7070",
                     "[::ffff:127.0.0.1]", "app.localhost"):
            with self.subTest(host):
                self.assertEqual(self.answer(request(SUM, Host=host)).status, 200)
        for host in ("evil.example", "localhost.evil.example", "[::2]", "128.0.0.1", "", "localhost:x"):
            with self.subTest(host):
                self.assertEqual(self.answer(request(SUM, Host=host)).status, 403)

    def test_names_of_the_hosts_file_are_this_machines(self):
        local, others = set(), set()
        for line in pathlib.Path("/etc/hosts").read_text().splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            (local if address.startswith("127.") or address == "::1" else others).update(names)
        for name in local - others:
            with self.subTest(name):
                self.assertEqual(self.answer(request(SUM, Host=name.upper() + ":7070")).status, 200)

    def test_the_servers_own_address_is_an_allowed_origin(self):
        own = "127.0.0.1:%d" % self.daemon.tcp()[1]
        for host, origin, status in ((own, f"http://{own}", 200), (own, f"https://{own}", 200), ("localhost:80", "http://localhost", 200),
                                     (own, "http://127.0.0.1:1", 403), (own, "http://evil.example", 403), (own, "null", 403),
                                     ("evil.example", "http://evil.example", 403)):
            with self.subTest(origin):
                self.assertEqual(self.answer(request(SUM, Host=host, Origin=origin)).status, status)

    def test_an_encoded_body_is_refused_with_what_is_taken(self):
        for coding in ("gzip", "br", "deflate", "identity, gzip"):
            with self.subTest(coding):
                answer = self.answer(request(SUM, Content_Encoding=coding))
                self.assertEqual((answer.status, answer.headers.get("accept-encoding"), answer.code), (415, "identity", -32600))
        self.assertEqual(self.answer(request(SUM, Content_Encoding="identity")).result, 3)

    def test_a_byte_order_mark_before_a_body_is_skipped(self):
        self.assertEqual(self.answer(request(b"\xef\xbb\xbf" + SUM.encode())).result, 3)

    def test_health_is_served_on_the_traffic_port(self):
        with connect(self.daemon) as client:
            client.send(head("GET", "/readyz", Content_Type=None))
            answer = client.receive_response()
            self.assertEqual((answer.status, answer.body), (200, b"ready\n"))
            client.send(head("HEAD", "/readyz?probe", Content_Type=None))
            answer = client.receive_response(body=False)
            self.assertEqual((answer.status, answer.headers["content-length"]), (200, "6"))
            client.send(head("GET", "/", Content_Type=None))
            self.assertEqual((client.receive_response().status), 405)
            client.send(head("PUT", "/readyz", Content_Type=None))
            answer = client.receive_response()
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))
            client.send(request(SUM, target="/readyz"))
            self.assertEqual(client.receive_response().status, 405)
            client.send(request(SUM) + head("GET", "/readyz") + request(SUM))
            self.assertEqual([client.receive_response().status for _ in range(3)], [200] * 3)

    def test_health_needs_no_credentials_and_no_permit(self):
        daemon = self.start(listen=["tcp://127.0.0.1:0"], clients=[{"name": "one", "token_sha256": "0" * 64}])
        self.assertEqual(self.answer(head("GET", "/readyz"), daemon=daemon).status, 200)
        self.assertEqual(self.answer(request(SUM), daemon=daemon).status, 401)
        daemon = self.start(listen=["tcp://127.0.0.1:0"], server={"workers": 1, "max_in_flight": 1})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": 60_000})
            daemon.wait_in_flight(1)
            self.assertEqual(self.answer(request(SUM), daemon=daemon).status, 503)
            self.assertEqual(self.answer(head("GET", "/readyz"), daemon=daemon).status, 200)

    def test_the_health_path_is_configured(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "health_path": "/alive"}])
        self.assertEqual([self.answer(head("GET", path), daemon=daemon).status for path in ("/alive", "/readyz")], [200, 404])
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "health_path": ""}])
        self.assertEqual(self.answer(head("GET", "/readyz"), daemon=daemon).status, 404)
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "http_path": "/readyz"}])
        self.assertEqual(self.answer(request(SUM, target="/readyz"), daemon=daemon).result, 3)
        self.assertEqual(self.answer(head("GET", "/readyz"), daemon=daemon).status, 200)

    def test_health_can_be_asked_where_calls_go(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "health_path": "/"}])
        self.assertEqual([self.answer(head(method, "/"), daemon=daemon, body=method == "GET").status for method in ("GET", "HEAD")], [200, 200])
        self.assertEqual(self.answer(request(SUM), daemon=daemon).result, 3)
        self.assertEqual(self.answer(head("PUT", "/"), daemon=daemon).status, 405)
        with connect_websocket(daemon) as client:
            self.assertEqual(client.result("demo.sum", [1, 2]), 3)

    def test_health_is_not_ready_while_draining(self):
        daemon = self.start(listen=["tcp://127.0.0.1:0"])
        with connect(daemon) as client:
            client.send(request(message("demo.sleep", {"ms": 1000}, 1)))
            daemon.wait_in_flight(1)
            daemon.signal(15)
            eventually(5, lambda: daemon.http("/readyz")[0] == 503)
            client.send(head("GET", "/readyz"))
            self.assertEqual(client.receive_response().status, 200)
            answer = client.receive_response()
            self.assertEqual((answer.status, answer.body), (503, b"not ready\n"))
        self.assertEqual(daemon.wait_exit(), 0)

    def test_pages_may_send_the_headers_of_tracing_and_the_configured_ones(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": ["https://a.example"], "allowed_headers": ["x-tenant"]}])
        answer = self.answer(head("OPTIONS", Origin="https://a.example", Access_Control_Request_Method="POST", Content_Type=None), daemon=daemon)
        names = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
        self.assertLessEqual({"authorization", "content-type", "traceparent", "tracestate", "baggage", "sluice-timeout-ms", "x-tenant"}, names)


class WebSocket(DaemonTest):
    def test_an_offered_subprotocol_that_is_known_is_named(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "subprotocols": ["acme.v1"]}])
        for offered, chosen in (("jsonrpc", "jsonrpc"), ("chat, mcp", "mcp"), ("jsonrpc-2.0,jsonrpc2", "jsonrpc-2.0"), ("acme.v1", "acme.v1"),
                                ("chat", None), (None, None)):
            with self.subTest(offered), unshaken(daemon) as client:
                answer = client.handshake(Sec_WebSocket_Protocol=offered)
                self.assertEqual(answer.headers.get("sec-websocket-protocol"), chosen)
                client.call("demo.sum", [1, 2])
                self.assertEqual(client.receive()["result"], 3)

    def test_an_invalid_handshake_is_answered_with_the_reason(self):
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": key, "Sec_WebSocket_Version": "13", "Content_Type": None}
        for change, status, text in (({"version": "HTTP/1.0"}, 400, "HTTP/1.1"), ({"version": "HTTP/1.0", "Connection": "upgrade, keep-alive"}, 400, "HTTP/1.1"),
                                     ({"Connection": "close"}, 400, "Connection"), ({"Connection": "Upgrade, close"}, 400, "close"),
                                     ({"Sec_WebSocket_Version": "8"}, 426, "13"), ({"Sec_WebSocket_Version": None}, 426, "13"),
                                     ({"Sec_WebSocket_Key": None}, 400, "Key"), ({"Sec_WebSocket_Key": "short"}, 400, "Key"),
                                     ({"Content_Length": "5"}, 400, "body"), ({"Transfer_Encoding": "chunked"}, 400, "body")):
            with self.subTest(change), connect(self.daemon) as client:
                options = {**fields, **change}
                data = head("GET", **options)
                client.send(data + (b"12345" if "Content_Length" in change else b"0\r\n\r\n" if "Transfer_Encoding" in change else b""))
                answer = client.receive_response()
                self.assertEqual(answer.status, status, answer)
                self.assertIn(text, answer.body.decode())
                if status == 426:
                    self.assertEqual(answer.headers["sec-websocket-version"], "13")

    def test_close_codes_of_the_registry_are_answered_in_kind(self):
        for code in (1000, 1001, 1012, 1013, 1014, 3000, 4999):
            with self.subTest(code), unshaken(self.daemon) as client:
                client.handshake()
                client.send_close(code)
                self.assertEqual(client.receive_close()[0], code)

    def test_a_byte_order_mark_before_a_text_is_skipped(self):
        with unshaken(self.daemon) as client:
            client.handshake()
            client.send_frame(b"\xef\xbb\xbf" + SUM.encode())
            self.assertEqual(client.receive()["result"], 3)


class DualStack(DaemonTest):
    def test_an_ipv6_listener_serves_ipv4_where_it_says_so(self):
        for dual_stack in (False, True):
            daemon = self.start(listen=[{"address": "tcp://[::]:0", "dual_stack": dual_stack, "insecure": True}])
            try:
                with Connection(("127.0.0.1", daemon.tcp()[1])) as connection:
                    self.assertEqual(connection.result("demo.sum", [1, 2]), 3)
                served = True
            except ConnectionRefusedError:
                served = False
            self.assertEqual(served, dual_stack)


class Reload(DaemonTest):
    def test_an_origin_that_is_taken_away_is_refused_on_open_connections(self):
        origin = "https://app.example"
        listener = {"address": "tcp://127.0.0.1:0", "allowed_origins": [origin]}
        daemon = self.start(listen=[listener])
        with connect(daemon) as page, unshaken(daemon) as socket, unshaken(daemon) as program:
            page.send(request(SUM, Origin=origin))
            self.assertEqual(page.receive_response().result, 3)
            socket.handshake(Origin=origin)
            program.handshake()
            begin = len(daemon.log)
            daemon.reload(listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": []}])
            daemon.wait_log("configuration read again", begin=begin)
            page.send(request(SUM, Origin=origin))
            self.assertEqual(page.receive_response().status, 403)
            program.call("demo.sum", [1, 2])
            self.assertEqual(program.receive()["result"], 3)
            socket.call("demo.sum", [1, 2])
            self.assertEqual(socket.receive_close()[0], 1008)

    def test_the_rest_of_the_policy_counts_on_open_connections(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_hosts": ["app.test"]}])
        with connect(daemon) as client, unshaken(daemon) as socket:
            client.send(request(SUM, Host="app.test"))
            self.assertEqual(client.receive_response().result, 3)
            socket.handshake(Host="app.test")
            begin = len(daemon.log)
            daemon.reload(listen=[{"address": "tcp://127.0.0.1:0", "http_path": "/rpc", "health_path": "/alive"}])
            daemon.wait_log("configuration read again", begin=begin)
            for data, status in ((request(SUM), 404), (request(SUM, target="/rpc"), 200), (request(SUM, target="/rpc", Host="app.test"), 403),
                                 (head("GET", "/alive"), 200), (head("GET", "/readyz"), 404)):
                client.send(data)
                self.assertEqual(client.receive_response().status, status)
            socket.call("demo.sum", [1, 2])
            self.assertEqual(socket.receive_close()[0], 1008)


if __name__ == "__main__":
    main()
