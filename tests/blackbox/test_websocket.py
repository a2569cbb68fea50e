"""JSON-RPC over WebSocket: contract 8."""

import json
import os
import select
import signal
import subprocess
import sys

from support.daemon import DaemonTest, ROOT, SLOW, Stopwatch, code, duration, eventually, limit, main, message, ms
from support.transports import KINDS, TransportTest
from support.websocket_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

LIMIT = 100_000  # bytes of a message, where a test needs it small


class WebSocketTest(TransportTest):
    transport = "websocket"


class Handshake(WebSocketTest):
    def test_a_request_to_upgrade_is_granted(self):
        for kind in KINDS:
            with self.subTest(kind):
                client = self.unshaken(kind=kind)
                client.handshake()
                client.fence()
                client.close()

    def test_names_are_in_any_case_and_upgrade_is_one_of_several_tokens(self):
        for headers in ({"Upgrade": "WebSocket"}, {"Connection": "keep-alive, Upgrade"}, {"Connection": "upgrade"},
                        {"Upgrade": None, "upgrade": "websocket"}):
            with self.subTest(headers):
                client = self.unshaken()
                client.handshake(**headers)
                client.fence()

    def test_extensions_that_are_offered_are_not_taken_up(self):
        client = self.unshaken()
        client.handshake(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
        client.fence()

    def test_the_request_may_come_in_pieces_and_the_first_call_with_it(self):
        client = self.unshaken()
        client.handshake(behind=frame(message("demo.echo", ["early"], 0)))
        self.assertEqual(client.receive()["result"], ["early"])
        client.fence()
        slow = self.unshaken(kind="unix")
        send, slow.send = slow.send, lambda data: [send(data[at:at + 1]) for at in range(len(data))]
        slow.handshake(behind=frame(message("demo.echo", ["early"], 0)))
        self.assertEqual(slow.receive()["result"], ["early"])

    def test_another_version_is_answered_with_the_one_that_is_spoken(self):
        for version in ("8", "12", "14", "x", None):
            with self.subTest(version):
                answer = self.unshaken().refused(Sec_WebSocket_Version=version)
                self.assertEqual((answer.status, answer.headers.get("sec-websocket-version")), (426, "13"))

    def test_an_invalid_key_is_a_bad_request(self):
        for key in (None, "", "short", "AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA!A=="):
            with self.subTest(key):
                self.assertEqual(self.unshaken().refused(Sec_WebSocket_Key=key).status, 400)

    def test_another_path_is_not_found(self):
        self.assertEqual(self.unshaken().refused("/other").status, 404)

    def test_a_listener_may_have_a_path_of_its_own(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "http_path": "/rpc"}])
        self.open(daemon, path="/rpc").fence()
        client = self.unshaken(daemon)
        self.assertEqual(client.refused("/").status, 404)

    def test_an_origin_must_be_allowed(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": ["https://app.example"]}])
        self.open(daemon, headers={"Origin": "https://app.example"}).fence()
        self.open(daemon).fence()  # no browser
        for origin in ("https://evil.example", "https://app.example.evil.example", "http://app.example", "null"):
            with self.subTest(origin):
                client = self.unshaken(daemon)
                self.assertEqual(client.refused(Origin=origin).status, 403)
        self.assertEqual(self.unshaken().refused(Origin="http://127.0.0.1").status, 403)

    def test_a_host_that_is_not_this_one_is_refused(self):
        for host in ("evil.example", "127.0.0.1.evil.example:80"):
            with self.subTest(host):
                self.assertEqual(self.unshaken().refused(Host=host).status, 403)


class Calls(WebSocketTest):
    def test_each_message_is_answered_with_one(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                self.assertEqual(client.result("demo.sum", [1, 2, 4]), 7)
                self.assertEqual(client.result("demo.echo", {"text": "é\U0001F600\0"}), {"text": "é\U0001F600\0"})
                self.assert_error(client.request("no.such"), -32601)
                self.assert_error(client.request("demo.throw"), -32603)
                client.close()

    def test_a_batch_is_answered_with_one_message(self):
        with self.open() as client:
            replies = client.request_text(f"[{message('demo.sum', [1, 1], 1)},{message('demo.echo', [0])},{message('demo.sum', [2, 2], 2)}]")
            self.assertEqual([(reply["id"], reply["result"]) for reply in replies], [(1, 2), (2, 4)])
            client.fence()

    def test_a_notification_is_not_answered(self):
        with self.open() as client:
            before = self.daemon.value("sluice_calls_total", method="demo.subtract", code="ok")
            client.notify("demo.subtract", [2, 1])
            client.fence()
            self.daemon.wait_value(before + 1, "sluice_calls_total", method="demo.subtract", code="ok")
            client.send_frame(f"[{message('demo.echo', [1])}]")
            client.fence()

    def test_ids_come_back_as_they_were_sent(self):
        with self.open() as client:
            for id in ("1.0", "1e3", "123456789012345678901234567890", '"\\u00e9"'):
                client.send_frame('{"jsonrpc":"2.0","method":"demo.echo","id":%s}' % id)
                self.assertIn(f'"id":{id}', client.receive_text())

    def test_what_is_not_json_is_answered_and_the_connection_lives_on(self):
        with self.open() as client:
            for text in ("", " ", "not JSON", '{"jsonrpc":', "{}{}", "[1]\n[2]", "\ufeff", "\ufeff{}{}", '{"a":1]'):
                with self.subTest(text):
                    reply = client.request_text(text)
                    self.assert_error(reply, -32700, "parse")
                    self.assertIsNone(reply["id"])
            client.fence()

    def test_what_is_not_a_request_is_answered(self):
        with self.open() as client:
            for text in ("1", "{}", '{"method":"demo.echo","id":1}', "[]"):
                self.assert_error(client.request_text(text), -32600)
            client.fence()

    def test_white_space_around_a_message_is_ignored(self):
        with self.open() as client:
            self.assertEqual(client.request_text(" \r\n\t" + message("demo.sum", [1, 2], 1) + "\n\n ")["result"], 3)

    def test_long_messages_go_both_ways(self):
        with self.open() as client:
            for size in (0, 100, 125, 126, 127, 65_400, 65_535, 65_536, 3_000_000):
                with self.subTest(size):
                    self.assertEqual(client.result("demo.echo", ["x" * size]), ["x" * size])

    def test_a_call_may_come_in_fragments_with_pings_between(self):
        with self.open() as client:
            text = message("demo.echo", ["fragmented é\U0001F600"], "f")
            for size in (1, 2, 3, 7, 1000):
                with self.subTest(size):
                    client.send_fragments(text, size)
                    self.assertEqual(client.receive()["result"], ["fragmented é\U0001F600"])
            count = len(text.encode()) - 1
            client.send_fragments(text, 1, between=frame("between", PING))
            self.assertEqual([client.receive_pong() for _ in range(count)], [b"between"] * count)
            self.assertEqual(client.receive()["result"], ["fragmented é\U0001F600"])
            client.fence()

    def test_frames_may_come_byte_by_byte(self):
        with self.open(kind="unix") as client:
            data = frame(message("demo.echo_inline", ["bytes"], 1)) + frame("p", PING) + frame(message("demo.echo", ["x" * 300], 2))
            for at in range(len(data)):
                client.send(data[at:at + 1])
            self.assertEqual(client.receive()["result"], ["bytes"])
            self.assertEqual(client.receive_pong(), b"p")
            self.assertEqual(client.receive()["result"], ["x" * 300])

    def test_two_hundred_calls_in_one_write_are_all_answered(self):
        with self.open() as client:
            client.send(b"".join(frame(message("demo.echo", [id], id)) for id in range(200)))
            replies = client.receive_by_id(200)
            self.assertEqual({id: reply["result"] for id, reply in replies.items()}, {id: [id] for id in range(200)})

    def test_a_slow_call_does_not_delay_a_quick_one(self):
        daemon = self.start(server={"workers": 2})
        with self.open(daemon) as client:
            client.call("demo.sleep", {"ms": ms(1000)}, id="slow")
            watch = Stopwatch()
            self.assertEqual(client.request("demo.echo", [1], id="quick")["id"], "quick")
            self.assert_below(watch.ms(), ms(800))
            self.assertEqual(client.receive()["id"], "slow")

    def test_a_call_can_be_cancelled(self):
        with self.open() as client:
            client.call("demo.sleep", {"ms": ms(60000)}, id="long")
            self.daemon.wait_in_flight(1)
            client.notify("$/cancelRequest", {"id": "long"})
            self.assert_error(client.receive(), -32800)

    def test_connections_are_counted_by_protocol(self):
        with self.open() as client:
            client.fence()
            self.daemon.wait_value(1, "sluice_connections", protocol="websocket")
        self.daemon.wait_value(0, "sluice_connections", protocol="websocket")

    def test_both_kinds_of_a_listeners_connections_live_side_by_side(self):
        with self.open() as client, self.daemon.connect() as stream:
            client.fence()
            stream.fence()
            client.fence()


class TooBig(WebSocketTest):
    options = {"server": {"max_message": LIMIT}}

    def assert_too_big(self, client):
        reply = client.receive()
        self.assertIsNone(reply["id"])
        self.assertEqual(self.assert_error(reply, -32007, "request_too_big")["data"]["limit"], LIMIT)

    def test_a_message_over_the_limit_is_answered_and_the_connection_lives_on(self):
        with self.open() as client:
            exact = message("demo.echo", ["x" * LIMIT], 1)
            exact = exact.replace("x" * (len(exact) - LIMIT), "", 1)
            self.assertEqual(len(exact), LIMIT)
            self.assertEqual(code(client.request_text(exact)), "ok")
            for size in (1, LIMIT, 14 * LIMIT):
                with self.subTest(size):
                    client.send_frame(exact + " " * size)
                    self.assert_too_big(client)
                    client.fence()

    def test_fragments_over_the_limit_together_are_answered_once(self):
        with self.open() as client:
            size, length = LIMIT // 3, 3 * LIMIT
            pings = (length + size - 1) // size - 1
            client.send_fragments("x" * length, size, between=frame("still here", PING))
            events = [client.receive_event() for _ in range(pings + 1)]
            self.assertEqual([event.payload for event in events if event.opcode == PONG], [b"still here"] * pings)
            self.assertEqual([json.loads(event.payload)["error"]["code"] for event in events if event.opcode == TEXT], [-32007])
            client.fence()

    def test_each_has_its_own_five_seconds_to_end(self):
        big = frame("x" * 2 * LIMIT)
        begin, end = big[:-1000], big[-1000:]
        with self.open() as client, self.daemon.connect() as clock:
            client.send(begin)
            clock.request("demo.sleep", {"ms": 3000})
            client.send(end + begin)
            clock.request("demo.sleep", {"ms": 3000})
            client.send(end)
            self.assert_too_big(client)
            self.assert_too_big(client)
            client.fence()

    def test_a_message_far_over_the_limit_is_not_waited_for(self):
        for length in (20 * LIMIT, (1 << 63) - 1):
            with self.subTest(length), self.open() as client:
                client.send_frame("x" * 1000, length=length, length_bytes=8)
                self.assert_too_big(client)
                client.expect_failed(1009)

    def test_a_length_that_is_only_declared_takes_no_memory(self):
        daemon = self.start(server={"max_message": "1GiB"})
        client = self.open(daemon)
        client.fence()
        before = daemon.resident_bytes()
        for _ in range(20):
            self.open(daemon).send_frame('"', length=1 << 30)
        client.fence()
        self.assert_below(daemon.resident_bytes() - before, SLOW * 16 << 20, "bytes kept")


class Failures(WebSocketTest):
    def assert_failed(self, data, expected):
        with self.open() as client:
            client.fence()
            client.send(data)
            client.expect_failed(expected)

    def test_a_protocol_violation_is_answered_with_its_close_code(self):
        rows = [
            ("binary", frame("{}", BINARY), 1003),
            ("not UTF-8", frame(b'"\xff"'), 1007),
            ("a surrogate", frame(b'"\xed\xa0\x80"'), 1007),
            ("half a character", frame(b'"\xe2\x82'), 1007),
            ("not UTF-8 over fragments", frame(b'"\xe2', fin=False) + frame(b'"', CONTINUATION), 1007),
            ("not masked", frame("{}", mask=None), 1002),
            ("a reserved bit", frame("{}", rsv=4), 1002),
            ("an unknown opcode", frame("{}", 0x3), 1002),
            ("an unknown control opcode", frame("", 0xB), 1002),
            ("a continuation of nothing", frame("{}", CONTINUATION), 1002),
            ("a message inside of another", frame("{", fin=False) + frame("{}"), 1002),
            ("a fragmented ping", frame("", PING, fin=False), 1002),
            ("a long ping", frame("x" * 126, PING), 1002),
            ("a length in too many bytes", frame("{}", length_bytes=8), 1002),
            ("a length with its top bit set", frame("{}", length=1 << 63, length_bytes=8), 1002),
            ("a close code that may not be sent", frame(close_payload(1005), CLOSE), 1002),
            ("half a close code", frame(b"\x03", CLOSE), 1002),
            ("a close reason that is not UTF-8", frame(close_payload(1000, b"\xff"), CLOSE), 1007),
        ]
        for name, data, expected in rows:
            with self.subTest(name):
                self.assert_failed(data, expected)

    def test_what_can_not_become_utf_8_fails_before_its_message_has_come(self):
        self.assert_failed(frame(b"abc\xff", length=1000), 1007)

    def test_calls_before_the_failure_are_answered(self):
        with self.open() as client:
            client.send(frame(message("demo.echo_inline", [1], 1)) + frame("{}", BINARY))
            self.assertEqual(client.receive()["result"], [1])
            client.expect_failed(1003)


class ControlFrames(WebSocketTest):
    def test_a_ping_is_answered_with_its_payload(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                for payload in (b"", b"payload", bytes(range(125))):
                    client.send_frame(payload, PING)
                    self.assertEqual(client.receive_pong(), payload)

    def test_a_ping_is_answered_while_a_call_runs(self):
        with self.open() as client:
            client.call("demo.sleep", {"ms": ms(500)}, id=1)
            client.send_frame("now", PING)
            self.assertEqual(client.receive_pong(), b"now")
            self.assertEqual(client.receive()["id"], 1)

    def test_an_unsolicited_pong_is_ignored(self):
        with self.open() as client:
            client.send_frame("unasked", PONG)
            client.fence()

    def test_a_close_frame_is_answered_with_its_code_and_ends_the_connection(self):
        for number in (1000, 1001, 1011, 3000, 4999):
            with self.subTest(number), self.open() as client:
                client.fence()
                client.close(number, "bye")

    def test_a_close_frame_without_a_code_is_answered_without_one(self):
        with self.open() as client:
            client.send_close(None)
            self.assertIn(client.receive_close()[0], (None, 1000))
            client.expect_end()

    def test_nothing_is_run_behind_a_close_frame(self):
        with self.open() as client:
            before = self.daemon.value("sluice_calls_total")
            client.send(frame(close_payload(1000), CLOSE) + frame(message("demo.echo", [1], 1)))
            self.assertEqual(client.receive_close()[0], 1000)
            client.expect_end()
            self.assertEqual(self.daemon.value("sluice_calls_total"), before)

    def test_clients_that_close_leave_nothing_behind(self):
        for round in range(20):
            with self.open(kind=KINDS[round % 2]) as client:
                client.call("demo.sleep", {"ms": ms(60000)})
                self.daemon.wait_in_flight(1)
                client.send_close()
                client.disconnect()
            self.daemon.wait_in_flight(0)
        self.daemon.wait_connections(0)


class Drain(WebSocketTest):
    def test_calls_are_answered_and_the_connection_is_closed_as_going_away(self):
        for kind in KINDS:
            daemon = self.start()
            with self.subTest(kind), self.open(daemon, kind) as busy, self.open(daemon, kind) as idle:
                idle.fence()
                busy.call("demo.sleep", {"ms": ms(500)}, id="running")
                daemon.wait_in_flight(1)
                daemon.signal(signal.SIGTERM)
                idle.expect_failed(1001)
                self.assertEqual(busy.receive()["id"], "running")
                busy.expect_failed(1001)
                self.assertEqual(daemon.wait_exit(), 0)

    def test_what_is_left_at_drain_timeout_is_answered(self):
        daemon = self.start(server={"drain_timeout": duration(400)})
        with self.open(daemon) as client:
            client.call("demo.hang", {"ms": ms(60000)}, id="left")
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            self.assert_error(client.receive(), -32012, "draining")
            client.expect_failed(1001)
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_client_that_does_not_answer_the_close_can_not_hold_up_the_end(self):
        daemon = self.start(server={"drain_timeout": duration(30000)})
        client = self.open(daemon)
        client.fence()
        watch = Stopwatch()
        self.assertEqual(daemon.stop(), 0)
        self.assert_below(watch.ms(), ms(6000))
        self.assertEqual(client.receive_close()[0], 1001)


class Time(WebSocketTest):
    def test_an_idle_client_is_pinged_and_lives_on_while_it_answers(self):
        daemon = self.start(server={"idle_timeout": duration(400)})
        with self.open(daemon) as client:
            watch = Stopwatch()
            while watch.ms() < ms(1600):
                got = client.receive_frame()
                self.assertEqual(got.opcode, PING)
                client.send_frame(got.payload, PONG)
            client.fence()

    def test_a_silent_client_is_pinged_and_dropped(self):
        daemon = self.start(server={"idle_timeout": duration(400)})
        for kind in KINDS:
            with self.subTest(kind), self.open(daemon, kind, answer_pings=False) as client:
                client.fence()
                watch, before_end = Stopwatch(), None
                while True:
                    got = client.receive_frame()
                    if got is None or got.opcode == CLOSE:
                        break
                    before_end = got.opcode
                self.assertEqual(before_end, PING)
                self.assertGreaterEqual(watch.ms(), ms(300))
                self.assert_below(watch.ms(), ms(4000))
        daemon.wait_connections(0)

    def test_a_client_with_a_call_in_flight_is_not_idle(self):
        daemon = self.start(server={"idle_timeout": duration(300)})
        with self.open(daemon, answer_pings=False) as client:
            self.assertEqual(code(client.request("demo.sleep", {"ms": ms(1500)})), "ok")

    def test_a_message_that_comes_too_slowly_is_cut_off_whatever_is_between_its_fragments(self):
        daemon = self.start(server={"message_timeout": duration(400)})
        with self.open(daemon) as client:
            client.send_frame('["', fin=False)
            watch = Stopwatch()
            try:
                while watch.ms() < ms(4000):
                    client.send(frame("x", CONTINUATION, fin=False) + frame("p", PING))
                    got = client.receive_event()
                    if got is None or got.opcode == CLOSE:
                        break
                    select.select([client.socket], [], [], ms(40) / 1000)  # the pace
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertGreaterEqual(watch.ms(), ms(300))
            self.assert_below(watch.ms(), ms(3000))

    def test_a_handshake_that_does_not_end_is_cut_off(self):
        daemon = self.start(server={"message_timeout": duration(400)})
        client = self.unshaken(daemon)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        watch = Stopwatch()
        eventually(5, lambda: daemon.value("sluice_connections") == 0, "cut off")
        self.assert_below(watch.ms(), ms(4000))


class PythonLibrary(DaemonTest):
    """Python's `websockets`: calls, a batch, fragments and a notification."""

    def python(self):
        """One that has the library; Debian's package is for Debian's own Python."""
        for program in (sys.executable, "/usr/bin/python3"):
            if os.path.exists(program) and subprocess.run([program, "-c", "import websockets"], capture_output=True).returncode == 0:
                return program
        self.skipTest("python3-websockets is not installed")

    def run_client(self, address):
        before = self.daemon.value("sluice_calls_total", method="demo.subtract", code="ok")
        script = ROOT / "tests" / "clients" / "websockets_client.py"
        done = subprocess.run([self.python(), str(script), address], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit(40))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "ok"), done.stdout + done.stderr)
        self.daemon.wait_value(before + 1, "sluice_calls_total", method="demo.subtract", code="ok")
        self.daemon.wait_connections(0)

    def test_websockets_over_tcp(self):
        self.run_client(self.daemon.url("ws") + "/")

    def test_websockets_over_a_unix_path(self):
        self.run_client(self.daemon.unix())


if __name__ == "__main__":
    main()
