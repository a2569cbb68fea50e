"""HAProxy in front of the daemon, in its mode for HTTP. Its PROXY headers are in tests/blackbox/test_proxy_protocol.py."""

import pathlib
import signal
import subprocess
import tempfile
import unittest

from proxy_test import READ_TIMEOUT, OverHttp, OverWebSocket, ProxyTest, documented, program
from support.daemon import Connection, DaemonTest, eventually, free_port, main, message


@unittest.skipUnless(program("haproxy"), "haproxy is not installed")
class HaProxy(OverHttp, OverWebSocket, ProxyTest):
    http_paths = ("/",)
    reused_path = "/"
    websocket_path = "/"

    @classmethod
    def proxy_command(cls, folder, port, targets):
        file = folder / "haproxy.cfg"
        (name, target), = targets.items()
        check = "check inter 200ms fall 1 rise 1" if name == "checked" else ""
        file.write_text(f"""
global
  maxconn 100
defaults
  mode http
  option abortonclose
  http-reuse always
  timeout connect 10s
  timeout check 10s
  timeout client 100s
  timeout server {READ_TIMEOUT}
  timeout tunnel {READ_TIMEOUT}
listen front
  bind 127.0.0.1:{port}
  option httpchk GET /readyz
  http-check expect status 200
  server one 127.0.0.1:{target} {check}
""")
        return [program("haproxy"), "-db", "-f", str(file)]

    def has_no_server(self):
        status, reply = self.ask("/", message("demo.sum", [1, 2], 1))
        return status == 503 and not isinstance(reply, dict)  # its own page, not the daemon's answer

    def test_a_server_that_drains_gets_no_further_calls(self):
        daemon = self.start()
        self.port = self.start_proxy(self.addCleanup, checked=daemon)
        with daemon.connect() as running:
            running.call("demo.sleep", {"ms": 600_000})
            daemon.wait_in_flight(1)
            self.assertEqual(self.ask("/", message("demo.sum", [1, 2], 1))[0], 200)
            daemon.signal(signal.SIGTERM)
            eventually(5, self.has_no_server, "HAProxy knows of no server")
            running.reset()
        self.assertEqual(daemon.wait_exit(), 0)


@unittest.skipUnless(program("haproxy"), "haproxy is not installed")
class Documented(DaemonTest):
    """The configuration of deploy/README.md with other ports."""

    def test_calls_come_through_with_proxy_headers(self):
        port = free_port()
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "proxy_protocol": True, "insecure": True}])
        text = documented("haproxy").replace("127.0.0.1:8081", f"127.0.0.1:{port}")
        folder = tempfile.TemporaryDirectory(prefix="sluice-proxy-")
        self.addCleanup(folder.cleanup)
        file = pathlib.Path(folder.name, "haproxy.cfg")
        file.write_text(text.replace("127.0.0.1:7080", f"127.0.0.1:{daemon.tcp()[1]}"))
        proxy = subprocess.Popen([program("haproxy"), "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)

        def answered():
            with Connection(("127.0.0.1", port)) as client:
                return client.result("demo.sum", [1, 2]) == 3

        eventually(10, answered, "a call through HAProxy")


if __name__ == "__main__":
    main()
