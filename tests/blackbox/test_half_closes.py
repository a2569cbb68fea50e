"""Clients that end their side and still read: on each transport, what was received before is answered.

A WebSocket has its own way to end, so for it a half-close is the end.
"""


from support.daemon import Stopwatch, code, eventually, framed, main, message, ms
from support.transports import KINDS, TransportTest

FOUND_OUT = 2_000  # ms within which a client that has closed is noticed
SLACK = ms(3_000)


class HalfCloses:
    """On the transport of a class below."""

    calls = [("demo.sleep", {"ms": ms(100)})] * 10

    def encoded(self, client, texts):
        return b"".join(map(client.encode, texts))

    def expect_notification_to_end(self, client):
        """Expects the answer to a notification, and the end of the stream."""
        client.expect_end()

    def test_everything_received_is_answered_before_the_end(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                texts = [message(*call, id) for id, call in enumerate(self.calls)]
                client.send(self.encoded(client, texts))
                client.half_close()
                replies = client.read_to_end()
                self.assertEqual(sorted(reply["id"] for reply in replies), list(range(len(self.calls))))
                self.assertEqual({code(reply) for reply in replies}, {"ok"})

    def test_a_half_close_is_not_a_disconnect(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                client.call("demo.sleep", {"ms": 200}, id=1)
                client.half_close()
                self.assertEqual([code(reply) for reply in client.read_to_end()], ["ok"])

    def test_a_notification_and_an_immediate_half_close_run_the_notification(self):
        before = self.daemon.value("sluice_calls_total", method="demo.echo", code="ok")
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                client.notify("demo.echo", [1])
                client.half_close()
                self.expect_notification_to_end(client)
        eventually(5, lambda: self.daemon.value("sluice_calls_total", method="demo.echo", code="ok") == before + 2)

    def test_a_half_close_without_a_word_is_an_end(self):
        for kind in KINDS:
            with self.subTest(kind), self.open(kind=kind) as client:
                client.half_close()
                client.expect_end()

    def test_a_truncated_message_is_not_run_and_the_complete_ones_are_answered(self):
        before = self.daemon.value("sluice_calls_total", method="demo.subtract")
        for kind in KINDS:
            for left_out in self.truncated:
                with self.subTest(kind, left_out=left_out), self.open(kind=kind) as client:
                    whole, cut = message("demo.sleep", {"ms": 200}, 1), message("demo.subtract", [2, 1], 2)
                    client.send(self.encoded(client, [whole]) + client.encode(cut)[:-left_out])
                    client.half_close()
                    self.assert_truncated(client.read_to_end())
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.subtract"), before)

    def received(self, *texts):
        """All bytes that come back."""
        with self.open() as client:
            client.send(b"".join(map(client.encode, texts)))
            client.half_close()
            return client.receive_bytes_to_end(within=30)


class HalfClosedStreams(HalfCloses):
    LOOKED_FOR = ms(4_000)  # longer than it takes to look for the client twice

    def test_a_disconnect_after_a_half_close_still_cancels(self):
        for kind in KINDS:
            with self.subTest(kind):
                client = self.open(kind=kind)
                client.call("demo.sleep", {"ms": ms(60000)})
                self.daemon.wait_in_flight(1)
                client.half_close()
                self.open().fence()
                client.reset()
                self.daemon.wait_in_flight(0)


class Lines(HalfClosedStreams, TransportTest):
    truncated = (2, 8, 40)  # bytes that are left out; the last byte is only a newline

    def encoded(self, client, texts):
        """Without newlines: a message ends by itself, and the last one at the end of the stream."""
        return "".join(texts).encode()

    def assert_truncated(self, replies):
        refused, answered = sorted(replies, key=lambda reply: "result" in reply)
        self.assertEqual((refused["id"], code(refused)), (None, -32700))
        self.assertEqual((answered["id"], answered["result"]), (1, {"slept_ms": 200}))

    def test_a_call_is_answered_with_blanks_before_the_reply_at_most(self):
        line = self.received(message("demo.sleep", {"ms": self.LOOKED_FOR}, 1))
        self.assertEqual(line.lstrip(b" "), b'{"jsonrpc":"2.0","id":1,"result":{"slept_ms":%d}}\n' % self.LOOKED_FOR)


class Headers(HalfClosedStreams, TransportTest):
    transport = "headers"
    truncated = (1, 5, 90)  # the last is inside of the headers

    def assert_truncated(self, replies):
        self.assertIn((1, {"slept_ms": 200}), [(reply["id"], reply.get("result")) for reply in replies])
        self.assertNotIn(2, [reply["id"] for reply in replies])

    def test_a_call_is_answered_to_the_byte(self):
        whole = self.received(*(message("demo.sleep", {"ms": self.LOOKED_FOR}, id) for id in (1, 2)))
        body = '{"jsonrpc":"2.0","id":%d,"result":{"slept_ms":%d}}'
        first, second = (framed(body % (id, self.LOOKED_FOR)) for id in (1, 2))
        self.assertIn(whole, (first + second, second + first))


class Http(HalfCloses, TransportTest):
    transport = "http"
    calls = [("demo.sleep", {"ms": 200}), ("demo.sum", [1, 2])]
    truncated = (1, 80, 128)  # the last is inside of the head

    def assert_truncated(self, replies):
        self.assertEqual([(reply["id"], reply.get("result")) for reply in replies], [(1, {"slept_ms": 200})])

    def expect_notification_to_end(self, client):
        self.assertEqual(client.receive_response().status, 204)
        client.expect_end()

    def test_what_is_ready_within_a_second_is_answered(self):
        self.assertIn(b'"slept_ms"', self.received(message("demo.sleep", {"ms": 200}, 1)))

    def test_a_long_call_is_stopped(self):
        watch = Stopwatch()
        self.assertEqual(self.received(message("demo.sleep", {"ms": 20_000}, 1)), b"")
        self.assertGreaterEqual(watch.ms(), 900)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK)


class WebSocket(TransportTest):
    transport = "websocket"

    def test_a_half_close_is_the_end(self):
        with self.open() as client:
            client.call("demo.sleep", {"ms": ms(60_000)})
            self.daemon.wait_in_flight(1)
            client.half_close()
            watch = Stopwatch()
            self.daemon.wait_in_flight(0, seconds=20)
            self.assert_below(watch.ms(), FOUND_OUT + SLACK, "until a half-closed WebSocket's call has ended")
            self.daemon.wait_connections(0)


if __name__ == "__main__":
    main()
