"""Common part of the tests with an HTTP proxy in front of the daemon."""

import http.client
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import interop_test  # noqa: F401, first: it finds the modules below
from support.daemon import DaemonTest, code, duration, eventually, free_port, limit, message, ms, open_socket
from support.websocket_client import PING, WebSocketClient

JSON = {"Content-Type": "application/json"}
READ_TIMEOUT = f"{ms(3000)}ms"  # how long a proxy waits for a word of the server


def program(name):
    """The path of a proxy's program; programs of administrators are not in every user's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def documented(language):
    """The configuration that deploy/README.md shows for a proxy."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "deploy/README.md").read_text(encoding="utf-8")
    block, = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return block


class ProxyTest(DaemonTest):
    """`proxy_command(folder, port, targets)` of each kind writes its configuration and says how to start it."""

    @classmethod
    def start_proxy(cls, add_cleanup, **targets):
        """The port of one in front of the daemons that `targets` names."""
        folder = tempfile.TemporaryDirectory(prefix="sluice-proxy-")
        add_cleanup(folder.cleanup)
        port = free_port()
        targets = {name: daemon.tcp()[1] for name, daemon in targets.items()}
        log = open(pathlib.Path(folder.name) / "log", "w+")
        add_cleanup(log.close)
        command = cls.proxy_command(pathlib.Path(folder.name), port, targets)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        add_cleanup(process.wait)
        add_cleanup(process.kill)

        def listens():
            assert process.poll() is None, f"{command[0]} ended: {pathlib.Path(log.name).read_text()}"
            socket.create_connection(("127.0.0.1", port), limit(5)).close()
            return True

        eventually(10, listens, f"{command[0]} listens")
        return port

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = cls.start_proxy(cls.addClassCleanup, one=cls.shared())

    def client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit(20))
        self.addCleanup(connection.close)
        return connection

    def ask(self, path, text, client=None, **more):
        """(status, reply)"""
        client = client or self.client()
        client.request("POST", path, text, {**JSON, **more.pop("headers", {})}, **more)
        answer = client.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body and "json" in answer.headers["content-type"] else body

    def unshaken(self, port=None):
        client = WebSocketClient(open_socket(("127.0.0.1", port or self.port)), f"127.0.0.1:{port or self.port}")
        self.addCleanup(client.disconnect)
        return client


class OverHttp:
    """For each of `http_paths`."""

    def everywhere(self):
        for path in self.http_paths:
            with self.subTest(path):
                yield path

    def test_calls_errors_and_notifications(self):
        for path in self.everywhere():
            client = self.client()
            big = "x" * 1_500_000
            for method, params, expected in (("demo.sum", [1, 2, 4], 7), ("demo.echo", ["é"], ["é"]), ("demo.echo", [big], [big]),
                                             ("demo.sleep", {"ms": ms(300)}, {"slept_ms": ms(300)})):
                status, reply = self.ask(path, message(method, params, 1), client)
                self.assertEqual((status, reply.get("result")), (200, expected))
            for method, params, expected in (("no.such", [], -32601), ("demo.fail", {"code": 1234567, "message": "asked for"}, 1234567)):
                status, reply = self.ask(path, message(method, params, 1), client)
                self.assertEqual((status, code(reply)), (200, expected))
            self.assertEqual(self.ask(path, message("demo.subtract", [2, 1]), client), (204, b""))
            status, reply = self.ask(path, "not JSON", client)
            self.assertEqual(code(reply), -32700)
            status, reply = self.ask(path, message("demo.sleep", {"ms": 600_000}, 1), client, headers={"Sluice-Timeout-Ms": "50"})
            self.assertEqual(code(reply), -32002)

    def test_bodies_in_chunks(self):
        text = message("demo.echo", ["x" * 200_000], 1).encode()
        for path in self.everywhere():
            status, reply = self.ask(path, iter([text[:10], text[10:100_000], text[100_000:]]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
            self.assertEqual((status, reply["result"]), (200, ["x" * 200_000]))

    def test_a_disconnect_cancels_the_clients_call(self):
        for path in self.everywhere():
            client = self.client()
            client.request("POST", path, message("demo.sleep", {"ms": 600_000}, 1), JSON)
            self.daemon.wait_in_flight(1)
            client.close()
            self.daemon.wait_in_flight(0)

    def test_a_call_that_the_proxy_gives_up_is_cancelled(self):
        status, _ = self.ask(self.http_paths[0], message("demo.sleep", {"ms": 600_000}, 1))
        self.assertEqual(status, 504)
        self.daemon.wait_in_flight(0)

    def test_the_proxy_reuses_its_connections(self):
        before = self.daemon.value("sluice_connections_total", protocol="http")
        for n in range(20):
            self.assertEqual(self.ask(self.reused_path, message("demo.sum", [n], 1))[1]["result"], n)
        self.assertLessEqual(self.daemon.value("sluice_connections_total", protocol="http") - before, 4)


class OverWebSocket:
    """At `websocket_path`."""

    def open(self, port=None):
        client = self.unshaken(port)
        answer = client.handshake(self.websocket_path, Sec_WebSocket_Protocol="jsonrpc")
        self.assertEqual(answer.headers.get("sec-websocket-protocol"), "jsonrpc")
        return client

    def test_calls_errors_cancels_and_pings(self):
        client = self.open()
        self.assertEqual(client.result("demo.sum", [1, 2, 4]), 7)
        self.assertEqual(client.result("demo.echo", ["x" * 1_000_000]), ["x" * 1_000_000])
        self.assert_error(client.request("no.such"), -32601)
        client.call("demo.sleep", {"ms": 600_000}, id="long")
        client.send_frame(b"alive?", PING)
        self.assertEqual(client.receive_pong(), b"alive?")
        self.assert_error(client.cancel("long"), -32800)
        client.send_close(1000)
        self.assertEqual(client.receive_close()[0], 1000)
        client.expect_end()

    def test_a_disconnect_cancels_the_clients_call(self):
        for leave in ("reset", "disconnect"):
            with self.subTest(leave):
                client = self.open()
                client.call("demo.sleep", {"ms": 600_000})
                self.daemon.wait_in_flight(1)
                getattr(client, leave)()
                self.daemon.wait_in_flight(0)

    def test_pings_keep_a_connection_whose_call_is_longer_than_the_proxy_waits(self):
        pinged = self.start(server={"ping_interval": duration(1000)})
        silent = self.start(server={"ping_interval": duration(60_000)})
        kept = self.open(self.start_proxy(self.addCleanup, one=pinged))
        cut = self.open(self.start_proxy(self.addCleanup, one=silent))
        kept.call("demo.sleep", {"ms": ms(4500)})
        cut.call("demo.sleep", {"ms": ms(600_000)})
        self.assertEqual(kept.receive(20)["result"], {"slept_ms": ms(4500)})
        kept.fence()
        self.assertIsNone(cut.receive_event(20), "this is what pings are for")
        silent.wait_in_flight(0)
