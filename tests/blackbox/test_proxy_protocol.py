"""PROXY protocol: the header of a listener with proxy_protocol = true, by hand and by HAProxy."""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

from support.daemon import Connection, DaemonTest, duration, eventually, free_port, main, message, ms, open_socket
from support.http_client import HttpClient, request

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v1(source="192.0.2.7", port=4711):
    return f"PROXY TCP4 {source} 192.0.2.2 {port} 7070\r\n".encode()


def v2(source="192.0.2.7", port=4711, command=1, tlvs=b""):
    if ":" in source:
        family, addresses = 0x21, socket.inet_pton(socket.AF_INET6, source) * 2
    else:
        family, addresses = 0x11, socket.inet_aton(source) * 2
    body = addresses + struct.pack(">HH", port, 7070) + tlvs
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body)) + body


TLVS = b"\x02\x00\x0bexample.com" + b"\x04\x00\x03abc"
LISTEN = {"address": "tcp://127.0.0.1:0", "proxy_protocol": True, "insecure": True}


class Header(DaemonTest):
    options = {"listen": [LISTEN], "log": {"level": "debug"}}

    def test_calls_follow_a_header_of_either_version_split_anywhere(self):
        for header in (v1(), b"PROXY UNKNOWN\r\n", b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", v2(), v2("2001:db8::1"), v2(tlvs=TLVS), v2(command=0),
                       SIGNATURE + b"\x20\x00\x00\x00", SIGNATURE + b"\x21\x00\x00\x00"):
            for size in (1 << 20, 1, 5, 13):
                with self.subTest(header[:20], size=size), self.daemon.connect() as connection:
                    connection.send_pieces(header + message("demo.sum", [1, 2], 1).encode() + b"\n", size)
                    self.assertEqual(connection.receive()["result"], 3)
                    connection.fence()

    def test_http_follows_a_header(self):
        for header in (v1(), v2(tlvs=TLVS)):
            client = HttpClient(self.connect().socket)
            client.send(header + request(message("demo.sum", [1, 2], 1)))
            self.assertEqual(client.receive_response().result, 3)

    def test_a_client_without_a_header_is_refused_in_its_own_protocol(self):
        with self.daemon.connect() as connection:
            connection.send(message("demo.sum", [1, 2], 1) + "\n")
            error = self.assert_error(connection.receive(), -32600)
            self.assertIn("PROXY", str(error))
            connection.expect_closed()
        client = HttpClient(self.connect().socket)
        client.send(request(message("demo.sum", [1, 2], 1)))
        answer = client.receive_response()
        self.assertEqual((answer.status, answer.closes), (400, True))
        self.assertIn("PROXY", answer.body.decode())
        self.daemon.wait_log("no valid PROXY header came first")

    def test_an_invalid_header_runs_nothing(self):
        before = self.daemon.value("sluice_calls_total", method="demo.sum")
        for header in (b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 70000\r\n", b"PROXY " + b"x" * 200 + b"\r\n",
                       SIGNATURE + b"\x31\x11\x00\x00", SIGNATURE + b"\x21\x11\x00\x01x", b"PROXY UNKNOWN\n"):
            with self.subTest(header[:30]), self.daemon.connect() as connection:
                connection.send(header + message("demo.sum", [1, 2], 1).encode() + b"\n")
                connection.half_close()
                try:
                    self.assertFalse([reply for reply in connection.read_to_end() if "result" in reply])
                except ConnectionResetError:
                    pass
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.sum"), before)

    def test_a_second_header_is_refused(self):
        with self.daemon.connect() as connection:
            connection.send(v1() + v2() + message("demo.sum", [1, 2], 1).encode() + b"\n")
            self.assertIn("PROXY", str(self.assert_error(connection.receive(), -32600)))
            connection.expect_closed()

    def test_the_log_names_the_peer_of_the_header(self):
        with self.daemon.connect() as connection:
            connection.send(v2("198.51.100.9", 5555) + message("demo.throw", [], 1).encode() + b"\n")
            connection.receive()
        self.daemon.wait_log(r"198\.51\.100\.9:5555")

    def test_a_peer_behind_a_proxy_on_this_machine_is_not_on_this_machine(self):
        for source, status in (("192.0.2.7", 200), ("127.0.0.1", 403)):
            client = HttpClient(self.connect().socket)
            client.send(v1(source) + request(message("demo.sum", [1, 2], 1), Host="api.example"))
            self.assertEqual(client.receive_response().status, status, source)


class Limits(DaemonTest):
    def test_an_unfinished_header_has_a_time_limit(self):
        daemon = self.start(listen=[LISTEN], server={"message_timeout": duration(300)})
        for begin in (b"", b"PROXY TCP4 1.2", SIGNATURE[:7], SIGNATURE + b"\x21\x11\x00\xff"):
            with self.subTest(begin), daemon.connect() as connection:
                connection.send(begin)
                connection.expect_closed()

    def test_rates_of_anonymous_clients_go_by_the_headers_address(self):
        daemon = self.start(listen=[LISTEN], clients=[{"name": "anonymous", "rate": 0.01, "burst": 1}])
        for source in ("192.0.2.1", "192.0.2.2"):
            for expected in ("result", "error"):
                with daemon.connect() as connection:
                    connection.send(v2(source) + message("demo.sum", [1, 2], 1).encode() + b"\n")
                    self.assertIn(expected, connection.receive(), source)

    def test_connections_per_peer_are_counted_by_the_headers_address(self):
        with tempfile.TemporaryDirectory() as folder:
            daemon = self.start(listen=[LISTEN, {**LISTEN, "address": f"unix://{folder}/s.sock"}], server={"max_connections_per_peer": 2})

            def open_as(header, kind="tcp"):
                connection = self.connect(daemon, kind)
                connection.send(header)
                return connection

            for kind, network in (("tcp", "192.0.2"), ("unix", "198.51.100")):
                with self.subTest(kind):
                    kept = [open_as(header, kind) for header in (v1(f"{network}.1"), v2(f"{network}.1"), v2(f"{network}.2"), v1(f"{network}.2"))]
                    for connection in kept:
                        connection.fence()
                    closed = daemon.value("sluice_connections_closed_total", reason="peer_limit")
                    for header in (v1(f"{network}.1"), v2(f"{network}.2")):
                        try:
                            open_as(header + message("demo.sum", [1, 2], 1).encode() + b"\n", kind).expect_closed()
                        except ConnectionResetError:
                            pass
                    self.assertEqual(daemon.value("sluice_connections_closed_total", reason="peer_limit"), closed + 2)
                    kept.pop().close()
                    eventually(5, lambda: open_as(v1(f"{network}.2"), kind).result("demo.echo", [1]) == [1], "a slot is free again")
            self.assertEqual(daemon.value("sluice_calls_total", method="demo.sum"), 0)

    def test_connections_without_a_client_in_the_header_are_not_counted_per_peer(self):
        daemon = self.start(listen=[LISTEN], server={"max_connections_per_peer": 1})
        for header in (v2(command=0), b"PROXY UNKNOWN\r\n"):
            for _ in range(3):
                connection = self.connect(daemon)
                connection.send(header)
                connection.fence()

    def test_a_proxys_user_is_not_its_clients(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/s.sock"
            daemon = self.start(listen=[{"address": f"unix://{path}", "proxy_protocol": True}],
                                clients=[{"name": "me", "user": str(os.getuid()) if os.getuid() else "root"}])
            for header, expected in ((v2(command=0), "result"), (v2(), "error"), (b"PROXY UNKNOWN\r\n", "error")):
                with daemon.connect("unix") as connection:
                    connection.send(header + message("demo.sum", [1, 2], 1).encode() + b"\n")
                    self.assertIn(expected, connection.receive(), header)


@unittest.skipUnless(shutil.which("haproxy") or pathlib.Path("/usr/sbin/haproxy").exists(), "no haproxy")
class HaProxy(DaemonTest):
    def run_haproxy(self, backend, send, mode="tcp"):
        port = free_port()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = pathlib.Path(folder.name) / "haproxy.cfg"
        file.write_text(f"""global
  maxconn 100
defaults
  mode {mode}
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:{port}
  server one 127.0.0.1:{backend} {send} check inter 100ms
""")
        process = subprocess.Popen([shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", str(file)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        eventually(10, lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, "HAProxy listens")
        return port

    def test_calls_through_send_proxy_of_both_versions(self):
        for send in ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options ssl,unique-id"):
            with self.subTest(send):
                daemon = self.start(listen=[LISTEN], log={"level": "debug"})
                port = self.run_haproxy(daemon.tcp()[1], send)
                with Connection(("127.0.0.1", port)) as connection:
                    own = connection.socket.getsockname()[1]
                    self.assertEqual(connection.result("demo.sum", [1, 2]), 3)
                    self.assert_error(connection.request("no.such"), -32601)
                    self.assertEqual(connection.result("demo.sleep", {"ms": ms(300)}), {"slept_ms": ms(300)})
                    connection.request("demo.throw")
                daemon.wait_log(rf"127\.0\.0\.1:{own}\b")
                client = HttpClient(open_socket(("127.0.0.1", port)))
                client.send(request(message("demo.sum", [1, 2], 1)))
                self.assertEqual(client.receive_response().result, 3)
                client.close()

    def test_without_proxy_protocol_the_header_is_named(self):
        daemon = self.start(listen=["tcp://127.0.0.1:0"])
        port = self.run_haproxy(daemon.tcp()[1], "send-proxy")
        with Connection(("127.0.0.1", port)) as connection:
            connection.send(request(message("demo.sum", [1, 2], 1), Origin="https://evil.example", Content_Type="text/plain"))
            connection.half_close()
            self.assertTrue(all("PROXY" in str(reply) for reply in connection.read_to_end()))
        self.assertEqual(daemon.value("sluice_calls_total", method="demo.sum"), 0)


if __name__ == "__main__":
    main()
