"""Authentication between the daemon and upstreams: server certificates and the daemon's credentials."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

from support.daemon import config_text, duration, eventually, main, run_to_end
from support.tls import Authority, authority
from support.upstream_http_servers import MisbehavingHttp, TlsHttp
from support.upstream_servers import Server
from support.upstream_test import UpstreamTest
from support.upstream_websocket_server import MisbehavingWebSocket

SECRET = "Bearer a-secret-of-the-node"


class Redirecting(Server):
    """Redirects to a path that contains the key of the request."""

    def serve(self, connection):
        head = connection.recv(64 * 1024).decode()
        [key] = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("X-Api-Key")]
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: /{key}\r\nContent-Length: 0\r\n\r\n".encode())


class CertificateTest(UpstreamTest):
    """RFC 9525: a certificate names its servers in subjectAltName alone."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()

    def answer(self, names, host, subject="/CN=localhost", ca=None):
        """The answer of a server at `host` whose certificate has `names`, and the daemon in front of the server."""
        name = f"server-{len(list(self.authority.folder.iterdir()))}"
        self.authority.issue(name, subject, names)
        server = self.start(listen=[{"address": "tcp://127.0.0.1:0", "tls": self.authority.settings(name)}])
        url = f"https://{host}:{server.tcp()[1]}/"
        front = self.front(url, ca=str(ca or self.authority.certificate()), probe_interval=duration(50))
        return self.connect(front).request("demo.sum", [1, 2]), front

    def test_the_common_name_does_not_count(self):
        for names in ("IP:127.0.0.1", "email:me@localhost", "URI:https://localhost/", "DNS:other.example"):
            with self.subTest(names=names):
                answer, front = self.answer(names, "localhost")
                self.assert_error(answer, -32013, "backend_down")
                front.wait_log("can't connect to https://localhost:.*certificate verify failed.*hostname mismatch")

    def test_an_address_does_not_match_a_name_nor_a_name_an_address(self):
        for names, host in (("DNS:127.0.0.1", "127.0.0.1"), ("DNS:localhost", "127.0.0.1"), ("DNS:*.0.0.1", "127.0.0.1"),
                            ("IP:127.0.0.2", "127.0.0.1")):
            with self.subTest(names=names, host=host):
                answer, front = self.answer(names, host, subject="/CN=127.0.0.1")
                self.assert_error(answer, -32013, "backend_down")
                front.wait_log("IP address mismatch")

    def test_case_makes_no_difference(self):
        for host in ("LocalHost", "localhost"):
            with self.subTest(host=host):
                answer, _ = self.answer("DNS:LOCALHOST", host)
                self.assertEqual(answer.get("result"), 3, answer)

    def test_the_dot_of_the_root_makes_no_difference(self):
        hosts = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "hosts"
        hosts.write_text("127.0.0.1 localhost localhost.\n")
        inside = ["unshare", "-rm", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        if subprocess.run([*inside, "getent", "ahosts", "localhost."], capture_output=True).returncode:
            self.skipTest("no names of its own")
        server = TlsHttp()
        self.addCleanup(server.close)
        backend = {"name": "up", "url": f"https://localhost.:{server.port}/", "methods": ["bad.*"], "ca": str(authority().certificate())}
        front = self.start(arguments=(), backends=[backend], prefix=inside)
        self.assertEqual(self.connect(front).result("bad.ok", [1]), [1])

    def test_an_invalid_wildcard_matches_nothing(self):
        for names in ("DNS:*", "DNS:*host", "DNS:local*", "DNS:l*t", "DNS:*.localhost"):
            with self.subTest(names=names):
                answer, _ = self.answer(names, "localhost")
                self.assert_error(answer, -32013, "backend_down")

    def test_the_systems_authorities_are_read_again_by_a_reload(self):
        self.authority.issue("server")
        server = self.start(listen=[{"address": "tcp://127.0.0.1:0", "tls": self.authority.settings("server")}])
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        trusted = folder / "trusted.pem"
        trusted.write_bytes(Authority("other").certificate().read_bytes())
        backend = {"name": "up", "url": f"https://localhost:{server.tcp()[1]}/", "methods": ["demo.*"], "probe_interval": duration(50)}
        front = self.start(arguments=(), backends=[backend], environment={"SSL_CERT_FILE": str(trusted), "SSL_CERT_DIR": str(folder / "none")})
        client = self.connect(front)
        self.assert_error(client.request("demo.sum", [1, 2]), -32013, "backend_down")
        trusted.write_bytes(self.authority.certificate().read_bytes())
        front.reload()
        eventually(10, lambda: client.request("demo.sum", [1, 2]).get("result") == 3)
        trusted.write_bytes(Authority("other").certificate().read_bytes())
        front.reload()
        eventually(10, lambda: "error" in client.request("demo.sum", [1, 2]))


class RecordsTest(UpstreamTest):
    def test_a_server_that_sends_nothing_but_new_keys_is_left(self):
        authority().issue("keys")
        certificate, key = authority().certificate("keys"), authority().key("keys")
        program = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate), "-key", str(key)]
        server = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        port = next(line for line in server.stdout if line.startswith(b"ACCEPT")).decode().rsplit(":", 1)[1].strip()
        front = self.front(f"https://localhost:{port}/", ca=str(authority().certificate()))
        client = self.connect(front)
        client.call("demo.sum", [1, 2])
        for line in server.stdout:
            if line.startswith(b"POST / HTTP/1.1"):
                break

        def left():
            server.stdin.write(b"k\n")  # by which the program sends new keys
            server.stdin.flush()
            return "too many TLS records without data" in front.log_text()

        eventually(20, left, "the connection has ended")
        self.assert_error(client.receive(), -32013, "backend_down")


class CredentialsTest(UpstreamTest):
    kinds = ((MisbehavingHttp, "http"), (MisbehavingWebSocket, "ws"))

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def each_front(self, **settings):
        for kind, scheme in self.kinds:
            with self.subTest(scheme=scheme):
                server = kind()
                self.addCleanup(server.close)
                front = self.front(server.url(scheme), methods=("bad.*",), log={"level": "trace"}, **settings)
                yield server, front

    def assert_kept_secret(self, front, client, *secrets):
        client.request("bad.cut")
        client.request("bad.garbage", timeout_ms=500)
        waiting = client.call("bad.silent")
        shown = json.dumps(client.result("rpc.calls")) + front.http("/metrics")[1] + front.log_text()
        client.notify("rpc.cancel", {"id": waiting})
        shown += json.dumps(client.receive())
        for secret in secrets:
            self.assertNotIn(secret, shown)

    def test_headers_are_sent_out_of_the_configuration_and_out_of_files(self):
        headers = {"Authorization": {"file": self.file("node.token", SECRET + "\n")}, "X-Api-Key": "key-in-the-file"}
        for server, front in self.each_front(headers=headers):
            client = self.connect(front)
            self.assertEqual(client.result("bad.ok", [1]), [1])
            self.assertEqual(server.heads[0]["authorization"], SECRET)
            self.assertEqual(server.heads[0]["x-api-key"], "key-in-the-file")
            self.assert_kept_secret(front, client, SECRET, "key-in-the-file")

    def test_user_and_password(self):
        for server, front in self.each_front(user="me", password_file=self.file("password", "long: word\n")):
            client = self.connect(front)
            self.assertEqual(client.result("bad.ok", [1]), [1])
            encoded = base64.b64encode(b"me:long: word").decode()
            self.assertEqual(server.heads[0]["authorization"], "Basic " + encoded)
            self.assert_kept_secret(front, client, encoded, "long: word")

    def test_a_byte_order_mark_is_not_part_of_a_files_text(self):
        token = self.file("node.token", "\ufeff" + SECRET + "\r\n")
        for server, front in self.each_front(headers={"Authorization": {"file": token}}):
            self.assertEqual(self.connect(front).result("bad.ok", [1]), [1])
            self.assertEqual(server.heads[0]["authorization"], SECRET)

    def test_a_redirect_that_shows_them_is_logged_without_them(self):
        server = Redirecting()
        self.addCleanup(server.close)
        front = self.front(server.url("ws"), methods=("bad.*",), headers={"X-Api-Key": "key-in-the-file"})
        front.wait_log("a redirect to")
        self.assertNotIn("key-in-the-file", front.log_text())

    def test_a_reload_reads_the_files_again(self):
        token = self.file("node.token", "first")
        for server, front in self.each_front(headers={"Authorization": {"file": token}}):
            client = self.connect(front)
            self.assertEqual(client.result("bad.ok", [1]), [1])
            self.file("node.token", "second")
            front.reload()
            eventually(10, lambda: client.request("bad.ok", [2]) and server.heads[-1]["authorization"] == "second")
            os.remove(token)
            front.reload()
            front.wait_log("reload refused")
            self.assertEqual(client.result("bad.ok", [3]), [3])
            self.assertEqual(server.heads[-1]["authorization"], "second")
            self.file("node.token", "first")

    def check(self, url="http://localhost", **settings):
        config = self.folder / "sluiced.toml"
        config.write_text(config_text(backends=[{"name": "up", "url": url, "methods": ["x"], **settings}]))
        status, output, errors = run_to_end("--check", "--config", config)
        self.assertNotIn("secret", output + errors)
        return status, output + errors

    def test_files_that_cannot_be_used_are_a_configuration_error(self):
        for text in (None, "", "\n", "a secret\nX-Evil: 1\n", "a \x01 secret"):
            with self.subTest(text=text):
                path = str(self.folder / "missing") if text is None else self.file("token", text)
                for settings, key in (({"headers": {"Authorization": {"file": path}}}, "headers.Authorization"),
                                      ({"user": "me", "password_file": path}, "password_file")):
                    status, shown = self.check(**settings)
                    self.assertEqual(status, 2, shown)
                    self.assertRegex(shown, rf'sluiced\.toml:\d+:\d+: backend\.{key} = ".*" (can|holds|is)')

    def test_a_file_that_is_too_large_is_refused_with_the_size_that_is_not(self):
        status, shown = self.check(headers={"X-Key": {"file": self.file("token", "x" * 9000)}})
        self.assertEqual(status, 2, shown)
        self.assertIn("is larger than 8 KiB", shown)

    def test_headers_that_are_the_servers_own_are_refused(self):
        for name in ("Host", "content-length", "Connection", "Transfer-Encoding", "Upgrade", "Sec-WebSocket-Protocol",
                     "Accept-Encoding", "Content-Type", "Sluice-Timeout-Ms", "Keep-Alive", "TE"):
            with self.subTest(name=name):
                status, shown = self.check(headers={name: "a secret"})
                self.assertEqual(status, 2, shown)
                self.assertIn(f"backend.headers.{name}", shown)

    def test_settings_that_contradict_each_other_are_refused(self):
        word = self.file("word", "a secret")
        for url, settings in (("http://localhost", {"user": "me", "password_file": word, "headers": {"authorization": "a secret"}}),
                              ("http://localhost", {"headers": {"X-Key": "a secret", "x-key": "a secret"}}),
                              ("http://localhost", {"user": "me"}),
                              ("http://localhost", {"password_file": word}),
                              ("http://localhost", {"user": "me:you", "password_file": word}),
                              ("tcp://localhost:1", {"headers": {"X-Key": "a secret"}}),
                              (["http://localhost", "unix:///run/x"], {"user": "me", "password_file": word}),
                              ("http://localhost", {"headers": {"X-Key": "a secret\r\nX-Evil: 1"}})):
            with self.subTest(url=url, settings=settings):
                status, shown = self.check(url, **settings)
                self.assertEqual(status, 2, shown)

    def test_a_file_that_all_users_can_read_is_one_warning_with_its_position_and_the_remedy(self):
        for settings, key in ((lambda path: {"user": "me", "password_file": path}, "password_file"),
                              (lambda path: {"headers": {"Authorization": {"file": path}}}, "headers.Authorization")):
            status, shown = self.check(**settings(self.file("word", "a secret", 0o644)))
            self.assertEqual(status, 0, shown)
            position = r"toml:\d+:\d+: warning"
            self.assertRegex(shown, rf"{position}: backend\.{key} = .* is open to all users .*mode 0644\); 0600 ")
            self.assertEqual(shown.count("warning"), 1, shown)
            status, shown = self.check(**settings(self.file("word", "a secret", 0o600)))
            self.assertNotIn("warning", shown)


if __name__ == "__main__":
    main()
