"""TLS: handshakes, calls inside, ends, certificates, and what is refused."""

import json
import os
import signal
import ssl
import subprocess
import threading
import unittest

from support.daemon import DaemonTest, Stopwatch, code, duration, eventually, limit, main, message, ms, run_to_end
from support.tls import TlsConnection, authority, openssl, stranger
from support.program import has_sanitizer

MIB = 1 << 20
READ_BYTES = 256 << 10


class TlsTest(DaemonTest):
    tls = {}

    @classmethod
    def setUpClass(cls):
        cls.options = {**cls.options, "listen": [cls.listener(**cls.tls)]}

    @staticmethod
    def listener(name="server", **more):
        return {"address": "tcp://127.0.0.1:0", "tls": authority().settings(name, **more)}

    def secure(self, daemon=None, context=None, **options):
        connection = TlsConnection((daemon or self.daemon).tcp(), context or authority().client(), **options)
        self.addCleanup(connection.close)
        return connection

    def closed(self, reason, daemon=None):
        return (daemon or self.daemon).value("sluice_connections_closed_total", reason=reason)

    def wait_closed(self, reason, count, daemon=None):
        eventually(5, lambda: self.closed(reason, daemon) == count, f"{count} closed as {reason}")


class Calls(TlsTest):
    def test_calls_are_answered_over_tls_1_2_and_1_3(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            with self.subTest(name):
                connection = self.secure(context=authority().client(version=version))
                self.assertEqual(connection.tls.version(), name)
                self.assertEqual(connection.result("demo.sum", [1, 2]), 3)
                self.assertEqual(connection.result("demo.echo_inline", {"a": "é"}), {"a": "é"})
                connection.half_close()
                self.assertEqual(connection.read_to_end(), [])

    def test_tls_1_1_is_refused(self):
        before = self.closed("tls_failed")
        context = authority().client(version=ssl.TLSVersion.TLSv1_1)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)protocol.version|unsupported.protocol"):
            self.secure(context=context)
        self.wait_closed("tls_failed", before + 1)

    def test_every_cipher_of_tls_1_2_has_forward_secrecy(self):
        context = authority().client(version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES128-GCM-SHA256:AES128-SHA:ECDHE-ECDSA-AES128-SHA")
        with self.assertRaises(ssl.SSLError):
            self.secure(context=context)

    def test_headers_are_spoken_inside_tls(self):
        connection = self.secure()
        connection.headers = True
        body = message("demo.echo", [1], 1)
        connection.send(f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.assertEqual(connection.receive()["result"], [1])
        self.daemon.wait_value(1, "sluice_connections", protocol="header")
        connection.close()

    def test_tls_is_looked_for_only_once(self):
        connection = self.secure()
        connection.send(b"\x16\x03\x01\x02\n")
        self.assert_error(connection.receive(), -32700)
        connection.fence()

    def test_pythons_own_socket_is_served(self):
        with authority().client().wrap_socket(self.daemon.open_socket(), server_hostname="localhost") as client:
            client.sendall(message("demo.echo", ["python"], 1).encode())
            self.assertEqual(json.loads(client.recv(1000))["result"], ["python"])

    def test_the_openssl_program_is_served_also_after_a_change_of_keys(self):
        host, port = self.daemon.tcp()
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_3", "-CAfile",
                                   authority().certificate()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.addCleanup(lambda: [stream.close() for stream in (client.stdin, client.stdout)])
        self.addCleanup(client.wait, limit(10))
        self.addCleanup(client.kill)
        watchdog = threading.Timer(limit(20), client.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        # K asks the other side for new keys as well; a command that is read together with a call swallows it.
        for line, answer in (("K", b"KEYUPDATE"), (message("demo.echo", ["first"], 1), b'{"jsonrpc"'),
                             ("k", b"KEYUPDATE"), (message("demo.echo", ["second"], 2), b'{"jsonrpc"')):
            client.stdin.write(line.encode() + b"\n")
            client.stdin.flush()
            found = next((found for found in client.stdout if found.startswith(answer)), None)
            self.assertIsNotNone(found, f"no answer to {line}")
            if line[0] == "{":
                self.assertEqual(json.loads(found)["result"], json.loads(line)["params"])

    def test_alpn_selects_http_1_1(self):
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
            context = authority().client()
            context.set_alpn_protocols(offered)
            connection = self.secure(context=context)
            self.assertEqual(connection.tls.selected_alpn_protocol(), chosen)
            connection.fence()

    def test_a_handshake_and_a_call_may_come_byte_by_byte(self):
        connection = self.secure(piece=1)
        self.assertEqual(connection.result("demo.echo", ["slow"]), ["slow"])

    def test_a_call_may_come_in_many_small_records(self):
        connection = self.secure()
        for byte in message("demo.echo", ["x" * 2000], 7).encode():
            connection.socket.tls.write(bytes([byte]))
        connection.socket.sendall(b"\n")
        self.assertEqual(connection.receive()["result"], ["x" * 2000])

    def test_two_hundred_connections_are_served_side_by_side(self):
        found = []

        def one_client(number):
            with TlsConnection(self.daemon.tcp(), authority().client()) as connection:
                found.append(connection.result("demo.echo", [number], within=60) == [number])

        threads = [threading.Thread(target=one_client, args=(number,)) for number in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [True] * 200)
        self.daemon.wait_connections(0)

    def test_a_session_is_resumed(self):
        context = authority().client(version=ssl.TLSVersion.TLSv1_2)
        session = None
        for resumed in (False, True):
            with context.wrap_socket(self.daemon.open_socket(), server_hostname="localhost",
                                     session=session) as client:
                self.assertEqual(client.session_reused, resumed)
                session = client.session

    @unittest.skipIf(has_sanitizer(), "sanitizers need memory of their own")
    def test_an_idle_connection_takes_little_memory(self):
        connections = [self.secure() for _ in range(20)]
        connections[0].fence()
        before, context = self.daemon.resident_bytes(), authority().client()
        for _ in range(300):
            connections.append(self.secure(context=context))
            connections[-1].fence()
        self.assert_below((self.daemon.resident_bytes() - before) / 300, 24 << 10)


class Volume(TlsTest):
    options = {"server": {"max_message": "20MiB", "max_response": "40MiB", "max_output_buffer": "80MiB",
                          "connection_window": 4, "write_timeout": duration(10000)}}

    def test_large_messages_go_both_ways_to_a_slow_reader(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for mib in (4, 16):
                with self.subTest(version=version, mib=mib):
                    connection = self.secure(context=authority().client(version=version), receive_buffer=16384)
                    params = [os.urandom(mib * MIB // 2).hex()]
                    self.assertEqual(connection.result("demo.echo", params, within=60), params)
                    connection.half_close()
                    self.assertEqual(connection.read_to_end(), [])

    def test_a_large_reply_is_followed_by_an_orderly_end(self):
        connection = self.secure(receive_buffer=16384)
        for number in range(4):
            connection.call("demo.echo", ["x" * (3 * MIB + number)])
        connection.half_close()
        self.assertEqual(len(connection.read_to_end(60)), 4)

    def test_a_call_that_does_not_fit_into_one_read_is_not_forgotten(self):
        # One read's worth of bytes and a little more, which TLS has taken from the socket: that is not readable again.
        connection = self.secure()
        for number in range(30):
            filler = message("demo.echo", [""], 1)
            first = message("demo.echo", ["x" * (READ_BYTES - len(filler))], 1)
            connection.send(first + message("demo.echo", [number], 2))
            replies = connection.receive_by_id(2)
            self.assertEqual(replies[2]["result"], [number])

    def test_many_calls_at_once_wait_for_the_window(self):
        connection = self.secure()
        connection.fills_window = True
        count = 12000
        calls = "".join(message("demo.echo", ["x" * 50], number) for number in range(count))
        sender = threading.Thread(target=connection.socket.raw.sendall, args=(connection.socket.sealed(calls),))
        sender.start()
        self.assertEqual(len(connection.receive_by_id(count, 60)), count)
        sender.join()

    def test_one_that_does_not_read_is_cut_off(self):
        daemon = self.start(listen=[self.listener()], server={"write_timeout": duration(500)})
        connection = self.secure(daemon, receive_buffer=16384)
        connection.call("demo.echo", ["x" * (4 * MIB - 200)])
        self.wait_closed("write_timeout", 1, daemon)


class Ends(TlsTest):
    options = {"server": {"idle_timeout": duration(60000)}}

    def test_what_was_sent_before_the_client_ended_its_side_is_answered(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            connection = self.secure(context=authority().client(version=version))
            ids = {connection.call("demo.sleep", {"ms": ms(100)}) for _ in range(3)} | {connection.call("demo.sum", [1])}
            connection.half_close()
            self.assertEqual({reply["id"] for reply in connection.read_to_end()}, ids)

    def test_a_call_right_before_the_end_is_read_with_it(self):
        # In one segment, so that nothing announces the end behind the call.
        for _ in range(20):
            connection = self.secure()
            connection.socket.tls.write(message("demo.echo_inline", [1], 1).encode())
            connection.half_close()
            self.assertEqual([reply["id"] for reply in connection.read_to_end()], [1])

    def test_an_end_of_tcp_alone_is_a_disconnect(self):
        self.daemon.wait_connections(0)
        before = self.closed("reset")
        connection = self.secure()
        connection.call("demo.sleep", {"ms": ms(60000)})
        self.daemon.wait_in_flight(1)
        connection.truncate()
        self.daemon.wait_in_flight(0)
        self.wait_closed("reset", before + 1)

    def test_a_reset_cancels_calls_and_harms_no_other_client(self):
        other = self.secure()
        for _ in range(20):
            connection = self.secure()
            connection.call("demo.echo", ["x" * MIB])
            connection.call("demo.sleep", {"ms": ms(60000)})
            connection.reset()
        self.daemon.wait_in_flight(0)
        other.fence()

    def test_an_idle_connection_is_closed_in_order(self):
        daemon = self.start(listen=[self.listener()], server={"idle_timeout": duration(200)})
        connection = self.secure(daemon)
        connection.fence()
        self.assertEqual(connection.read_to_end(), [])  # else SSLEOFError
        self.wait_closed("idle_timeout", 1, daemon)

    def test_a_drain_answers_what_is_running_and_closes_in_order(self):
        daemon = self.start(listen=[self.listener()])
        connections = [self.secure(daemon) for _ in range(5)]
        for connection in connections:
            connection.call("demo.sleep", {"ms": ms(300)})
        daemon.wait_in_flight(5)
        self.connect(daemon).close()
        daemon.signal(signal.SIGTERM)
        for connection in connections:
            self.assertEqual([code(reply) for reply in connection.read_to_end()], ["ok"])
        self.assertEqual(daemon.wait_exit(), 0)


class Handshakes(TlsTest):
    options = {"server": {"message_timeout": duration(400)}}

    def test_a_stalled_handshake_is_closed(self):
        hello = ssl.MemoryBIO()
        try:
            authority().client().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = hello.read()
        for sent in (b"", hello[:1], hello[:100], hello):
            with self.subTest(bytes=len(sent)):
                before = self.closed("tls_failed")
                with self.connect() as client:
                    watch = Stopwatch()
                    client.send(sent)
                    client.receive_bytes_to_end()
                    self.assertGreaterEqual(watch.ms(), ms(300))
                    self.assert_below(watch.ms(), ms(3000))
                self.wait_closed("tls_failed", before + 1)
        self.secure().fence()

    def test_an_invalid_handshake_fails(self):
        before = self.closed("tls_failed")
        for invalid in (b"\x16\x03\x01\x00\x05hello", b"\x16" * 70000):
            with self.connect() as client:
                client.send(invalid)
                client.receive_bytes_until_closed()
        self.wait_closed("tls_failed", before + 2)
        self.secure().fence()

    def test_the_reason_is_in_the_log_at_debug(self):
        daemon = self.start(listen=[self.listener()], log={"level": "debug"})
        with self.connect(daemon) as client:
            client.send(b"\x16\x03\x01\x00\x05hello")
            client.receive_bytes_until_closed()
            peer = "{}:{}".format(*client.socket.getsockname())
        daemon.wait_log(f"TLS handshake failed: [a-z].* peer={peer}$")
        daemon.wait_log(f"connection closed: tls_failed peer={peer}$")


class PlainText(TlsTest):
    def refused(self, sent):
        """All that the daemon answers."""
        before = self.closed("tls_required")
        with self.connect() as client:
            client.send(sent)
            answer = client.receive_bytes_to_end()
        self.wait_closed("tls_required", before + 1)
        return answer

    def check_error(self, text):
        reply = json.loads(text)
        self.assertIsNone(reply["id"])
        error = self.assert_error(reply, -32016, "forbidden", "Not allowed")
        self.assertIn("TLS", error["data"]["detail"])

    def test_a_call_is_refused_and_not_run(self):
        ran = self.daemon.value("sluice_calls_total")
        for sent in (message("demo.echo", [1], 1).encode() + b"\n", b"\n\n  " + message("demo.echo").encode(),
                     b"Content-Length: 2\r\n\r\n{}", b"\x15\x03\x01\x00\x02\x02\x46",
                     message("demo.echo", ["x" * MIB], 1).encode()):
            with self.subTest(sent[:20]):
                answer = self.refused(sent)
                self.assertEqual(answer.count(b"\n"), 1)
                self.check_error(answer)
        self.assertEqual(self.daemon.value("sluice_calls_total"), ran)

    def test_a_beginning_that_could_be_anything_is_refused_at_its_end(self):
        before = self.closed("tls_required")
        with self.connect() as client:
            client.send(b"POS")
            client.half_close()
            self.check_error(client.receive_bytes_to_end())
        self.wait_closed("tls_required", before + 1)

    def test_an_http_request_is_refused_in_http(self):
        body = message("demo.echo", [1], 1)
        answer = self.refused(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        head, _, rest = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 400 Bad Request\r\n"), head)
        self.assertIn(b"Connection: close", head)
        self.check_error(rest)

    def test_where_tls_is_optional_both_are_served(self):
        daemon = self.start(listen=[self.listener(optional=True)], server={"message_timeout": duration(300)})
        plain, silent, late = self.connect(daemon), self.connect(daemon), daemon.open_socket()
        plain.fence()
        self.secure(daemon).fence()
        # A silent client may come to speak plain text, or TLS: only then its handshake has a time limit.
        with self.connect(daemon) as stalled:
            stalled.send(b"\x16")
            stalled.expect_closed()
        silent.fence()
        with authority().client().wrap_socket(late, server_hostname="localhost") as client:
            client.sendall(message("demo.echo", [1], 1).encode())
            self.assertEqual(json.loads(client.recv(1000))["result"], [1])


class ClientCertificates(TlsTest):
    def start_asking(self, **more):
        return self.start(listen=[self.listener(client_ca=str(authority().certificate()), **more)])

    def start_asking_of(self, clients):
        return self.start(clients=clients, listen=[self.listener(client_ca=str(authority().certificate()))])

    def assert_refused(self, daemon, context, alert):
        """In TLS 1.3 a client learns of the refusal after it has sent its first call."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            with self.assertRaisesRegex(ssl.SSLError, f"(?i){alert}"):
                with TlsConnection(daemon.tcp(), context) as connection:
                    connection.result("demo.echo", ["x" * 100000])

    def test_a_certificate_is_requested_and_verified_but_optional(self):
        daemon = self.start_asking()
        self.secure(daemon).fence()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.secure(daemon, authority().client("client", version)).fence()
        self.assert_refused(daemon, authority().client("client", issuer=stranger()), "unknown ca")
        self.wait_closed("tls_failed", 2, daemon)
        self.assertEqual(daemon.value("sluice_calls_total", method="demo.echo"), 3)

    def test_a_certificate_can_be_required(self):
        daemon = self.start_asking(require_client_certificate=True)
        self.secure(daemon, authority().client("client")).fence()
        self.assert_refused(daemon, authority().client(), "certificate.required|handshake.failure")

    def test_a_certificate_of_no_client_is_logged_once_a_connection_as_the_configuration_takes_it(self):
        authority().issue("unknown", "/O=a,b/CN=unknown")
        clients = [{"name": "deploy", "certificate": "CN=deploy,O=Example"}]
        daemon = self.start_asking_of(clients)
        self.assertEqual(code(self.secure(daemon, authority().client("client")).request("demo.echo")), "ok")
        stranger = self.secure(daemon, authority().client("unknown"))
        peer = "{}:{}".format(*stranger.socket.raw.getsockname())
        for _ in range(3):
            self.assert_error(stranger.request("demo.echo"), -32016, "unauthenticated")
        line = daemon.wait_log(r'info +no client has this certificate (certificate=".*") peer=(\S+)$', 5)
        self.assertEqual(line.group(2), peer)
        daemon.reload(text=daemon.config.read_text() + f'\n[[client]]\nname = "new"\n{line.group(1)}\n')
        eventually(5, lambda: code(stranger.request("demo.echo")) == "ok", "it is a client's now")
        self.assertEqual(daemon.log_text().count("no client has"), 1)

    def test_a_subject_counts_by_what_it_says_however_it_is_written(self):
        authority().issue("spelled", "/O=B\u00e4cker, S\u00f6hne/CN=deploy")
        for written in (r"CN=deploy,O=B\C3\A4cker\, S\C3\B6hne", "CN=deploy,O=B\u00e4cker\\, S\u00f6hne",
                        r"commonName=deploy,o=B\c3\a4cker\2c S\c3\b6hne",
                        r"2.5.4.3=deploy,organizationName=B\C3\A4cker\, S\C3\B6hne"):
            with self.subTest(written=written):
                daemon = self.start_asking_of([{"name": "deploy", "certificate": written}])
                self.assertEqual(code(self.secure(daemon, authority().client("spelled")).request("demo.echo")), "ok")

    def test_a_session_with_one_is_resumed(self):
        daemon = self.start_asking(require_client_certificate=True)
        context, session = authority().client("client", ssl.TLSVersion.TLSv1_2), None
        for resumed in (False, True):
            with context.wrap_socket(daemon.open_socket(), server_hostname="localhost", session=session) as client:
                self.assertEqual(client.session_reused, resumed)
                client.sendall(message("demo.echo", [1], 1).encode())
                self.assertEqual(json.loads(client.recv(1000))["result"], [1])
                session = client.session


class Reloading(TlsTest):
    def shown(self, daemon):
        """The serial number of the certificate that a new connection is shown."""
        with TlsConnection(daemon.tcp(), authority().client()) as connection:
            connection.fence()
            return connection.tls.getpeercert()["serialNumber"]

    def reload(self, daemon, outcome, **parts):
        begin = len(daemon.log)
        daemon.reload(**parts)
        return daemon.wait_log(outcome, begin=begin)

    def test_new_files_are_served_to_new_connections_and_broken_ones_refused(self):
        files = {name: self.folder(f"live.{name}") for name in ("pem", "key")}
        self.copy("server", files)
        listener = {"address": "tcp://127.0.0.1:0", "tls": {"certificate": files["pem"], "key": files["key"]}}
        daemon = self.start(listen=[listener])
        old = self.secure(daemon)
        first = self.shown(daemon)

        self.copy("other", files)
        self.reload(daemon, "configuration read again")
        second = eventually(5, lambda: self.shown(daemon) != first and self.shown(daemon))
        old.fence()

        with open(files["key"], "w") as file:
            file.write("invalid")
        self.reload(daemon, r"sluiced\.toml:\d+:\d+: listen\.tls\.key = \".*live\.key\" holds no PEM private key")
        daemon.wait_log("reload refused")
        self.copy("server", {"key": files["key"]})
        self.reload(daemon, r"sluiced\.toml:\d+:\d+: listen\.tls\.key = .* does not fit the certificate")
        self.assertEqual(self.shown(daemon), second)
        old.fence()

    def folder(self, name):
        folder = authority().folder / self.id().rpartition(".")[2]
        folder.mkdir(exist_ok=True)
        return str(folder / name)

    def copy(self, name, files):
        for kind, path in files.items():
            with open(path, "wb") as file:
                file.write((authority().folder / f"{name}.{kind}").read_bytes())

    def test_tls_can_be_turned_off_and_on(self):
        daemon = self.start(listen=[self.listener()])
        secure = self.secure(daemon)
        secure.fence()
        self.reload(daemon, "configuration read again", listen=["tcp://127.0.0.1:0"])

        def plain_call():
            with self.connect(daemon) as plain:
                return code(plain.request_text(message("demo.echo", [1], 1))) == "ok"

        eventually(5, plain_call)
        secure.fence()
        self.reload(daemon, "configuration read again", listen=[self.listener("other")])
        eventually(5, lambda: self.shown(daemon))
        self.assertFalse(plain_call())


class Configuration(TlsTest):
    def check(self, listener, expected, position="4:7", extra=""):
        path = authority().folder / "check.toml"
        path.write_text(f'[[listen]]\naddress = "tcp://127.0.0.1:7070"\n{extra}\n{listener}\n')
        status, _, errors = run_to_end("--check", "--config", path)
        if expected is None:
            self.assertEqual((status, errors), (0, ""))
            return
        self.assertEqual(status, 2)
        self.assertRegex(errors, rf"check\.toml:{position}: listen\.tls.*{expected}")
        self.assertEqual(errors.count("\n"), 1, errors)

    def test_a_good_one_is_accepted_inline_and_as_a_table_with_names_from_its_folder(self):
        self.check('tls = { certificate = "server.pem", key = "server.key", client_ca = "authority.pem" }', None)
        self.check('[listen.tls]\ncertificate = "server.pem"\nkey = "server.key"\noptional = true', None)
        chain = authority().folder / "chain.pem"
        chain.write_bytes(authority().certificate("server").read_bytes() + authority().certificate().read_bytes())
        self.check('tls = { certificate = "chain.pem", key = "server.key" }', None)

    def test_what_is_missing_is_named(self):
        self.check('tls = { certificate = "server.pem" }', "key is missing")
        self.check('tls = { key = "server.key" }', "certificate is missing")
        self.check("tls = true", "it takes a table")
        self.check('tls = { certificate = "server.pem", key = "server.key", clientca = "x" }', "did you mean client_ca",
                   r"4:\d+")
        self.check('tls = { certificate = "server.pem", key = "server.key", require_client_certificate = true }',
                   "takes a client_ca")
        self.check('tls = { certificate = "server.pem", key = "server.key", client_ca = "authority.pem", '
                   "require_client_certificate = true, optional = true }", "contradicted by optional")

    def test_files_that_can_not_be_used_are_named_with_the_reason(self):
        folder = authority().folder
        (folder / "broken.pem").write_bytes(authority().certificate("server").read_bytes()[:-300])
        (folder / "half.pem").write_bytes(authority().certificate("server").read_bytes() * 2)
        with open(folder / "half.pem", "r+b") as file:
            file.truncate(os.path.getsize(folder / "half.pem") - 300)
        openssl("ec", "-in", authority().key("server"), "-aes128", "-passout", "pass:secret", "-out", folder / "locked.key")
        if not (folder / "pipe").exists():
            os.mkfifo(folder / "pipe")
        for files, expected, column in (
                (("none.pem", "server.key"), "certificate.*can't be read: No such file", 23),
                (("server.key", "server.key"), "certificate.*holds no PEM certificate", 23),
                (("broken.pem", "server.key"), "certificate.*holds no PEM certificate", 23),
                (("half.pem", "server.key"), "certificate.*holds a broken certificate", 23),
                ((".", "server.key"), "certificate.*not a regular file", 23),
                (("pipe", "server.key"), "certificate.*not a regular file", 23),
                (("server.pem", "none.key"), "key.*can't be read: No such file", 43),
                (("server.pem", "server.pem"), "key.*holds no PEM private key", 43),
                (("server.pem", "locked.key"), "key.*passphrase", 43),
                (("server.pem", "other.key"), "key.*does not fit the certificate", 43)):
            with self.subTest(files):
                head = f'tls = {{ certificate = "{files[0]}"'
                column = 23 if column == 23 else len(head) + 9
                self.check(f'{head}, key = "{files[1]}" }}', expected, f"4:{column}")
        head = 'tls = { certificate = "server.pem", key = "server.key", client_ca = '
        self.check(f'{head}"server.key" }}', "client_ca.*holds no PEM certificate", f"4:{len(head) + 1}")

    def test_a_unix_socket_takes_none(self):
        path = authority().folder / "unix.toml"
        path.write_text('[[listen]]\naddress = "unix:///tmp/x.sock"\ntls = { certificate = "server.pem", key = "server.key" }\n')
        status, _, errors = run_to_end("--check", "--config", path)
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"unix\.toml:3:7: listen\.tls is not served on a unix:// address")

    def test_a_daemon_does_not_start_without_its_certificate(self):
        path = authority().folder / "start.toml"
        path.write_text('[[listen]]\naddress = "tcp://127.0.0.1:0"\ntls = { certificate = "none.pem", key = "server.key" }\n')
        status, _, errors = run_to_end("--config", path)
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"start\.toml:3:23: listen\.tls\.certificate")


if __name__ == "__main__":
    main()
