"""Memory that connections may hold: together, and each before authentication."""

import os
import threading
import unittest

from support.configuration import digest
from support.daemon import DaemonTest, SLOW, code, eventually, framed, main, message, ms
from support.json_rpc import batch
from support.http_client import connect as open_http
from support.http_client import request as http_request
from support.websocket_client import connect as open_websocket
from support.program import has_sanitizer

MIB = 1 << 20
TOKEN = "a-token-of-some-length"
CLIENT = {"name": "deploy", "token_sha256": digest(TOKEN), "methods": ["*"]}


def padded_sleep(id, size, milliseconds=60_000):
    """A call that holds so much: a member that means nothing is ignored, but is a part of its text."""
    return message("demo.sleep", {"ms": milliseconds}, id, pad="x" * size)


class Together(DaemonTest):
    """`max_memory`."""

    def closed(self, daemon, reason):
        return daemon.value("sluice_connections_closed_total", reason=reason)

    def fill(self, daemon, size=MIB // 2, most=60):
        """Connections whose calls hold memory until no more is taken in; what the first refused one got. One is much
        smaller than the room that is left then, of which a message that has begun takes its part."""
        held = []
        for number in range(most):
            connection = self.connect(daemon)
            held.append(connection)
            connection.send(padded_sleep(number, size) + "\n")
            connection.wait_until_read()
            connection.call("rpc.discover", id="read")  # answered once what is before it was taken in
            reply = connection.receive()
            if reply["id"] != "read":
                return held, reply
        self.fail("everything was taken in")

    def test_past_it_large_messages_are_refused_and_small_ones_are_served(self):
        daemon = self.start(server={"max_memory": "16MiB", "call_timeout": "120s", "workers": 64})
        held, refused = self.fill(daemon)
        self.assert_error(refused, -32009, "overloaded")
        self.assertGreater(refused["error"]["data"]["retry_after_ms"], 0)
        self.assertGreaterEqual(len(held), 12)
        self.assertLessEqual(len(held), 32)
        held[0].call("rpc.discover", id="small")
        self.assertEqual(held[0].receive()["id"], "small")
        for connection in held:
            connection.close()
        eventually(10, lambda: code(daemon.connect().request("demo.echo", ["x" * MIB])) == "ok", "room again")

    def test_past_it_new_connections_are_refused_in_their_protocol(self):
        daemon = self.start(server={"max_memory": "16MiB", "call_timeout": "120s", "workers": 64})
        self.fill(daemon)
        with self.connect(daemon) as late:
            late.call("demo.echo", [1])
            self.assert_error(late.receive(), -32009, "overloaded")
            self.assertEqual(late.read_to_end(), [])
        with self.connect(daemon) as late:
            late.send(framed(message("demo.echo", [1], 1)))
            late.headers = True
            self.assert_error(late.receive(), -32009, "overloaded")
        with open_http(daemon) as late:
            late.send(http_request(message("demo.echo", [1], 1)))
            answer = late.receive_response()
            self.assertEqual(answer.status, 503)
            self.assertIn("retry-after", answer.headers)
            self.assert_error(answer.reply, -32009, "overloaded")
        with self.connect(daemon) as silent:
            silent.expect_closed(within=10)
        self.assertGreaterEqual(self.closed(daemon, "overloaded"), 3)

    def test_messages_without_an_end_are_not_kept_beyond_it(self):
        daemon = self.start(server={"max_memory": "32MiB", "message_timeout": "120s", "io_threads": 2})
        witness = self.connect(daemon)
        witness.fence()
        before = daemon.resident_bytes()
        peak = 0
        crowd = []
        for _ in range(60):
            connection = self.connect(daemon)
            crowd.append(connection)
            try:
                connection.send('{"a":"' + "x" * (3 * MIB))
            except (ConnectionResetError, BrokenPipeError):
                pass
            peak = max(peak, daemon.resident_bytes())
        eventually(10, lambda: self.closed(daemon, "overloaded") > 0, "connections are closed")
        witness.fence()
        # Memory for a string that grows is twice as large as that for a moment, and so is the allocator's.
        self.assert_below(peak - before, SLOW * 96 * MIB, "bytes held")

    def test_replies_of_batches_that_do_not_end_are_not_kept_beyond_it(self):
        daemon = self.start(server={"max_memory": "32MiB", "call_timeout": "120s", "workers": 32})
        witness = self.connect(daemon)
        witness.fence()
        before, peak = daemon.resident_bytes(), 0
        text = batch([message("demo.hang", {"ms": ms(8_000)}, 0)] +
                     [message("rpc.discover", id=id) for id in range(1, 1000)])
        crowd = []
        for _ in range(20):
            connection = self.connect(daemon)
            crowd.append(connection)
            try:
                connection.send_message(text)
                connection.wait_until_read()
            except (ConnectionResetError, BrokenPipeError, OSError):
                pass
            peak = max(peak, daemon.resident_bytes())
        eventually(20, lambda: self.closed(daemon, "overloaded") > 0 or
                   daemon.resident_bytes() - before > SLOW * 96 * MIB, "connections are closed")
        peak = max(peak, daemon.resident_bytes())
        self.assert_below(peak - before, SLOW * 96 * MIB, "bytes held")
        witness.call("rpc.discover", id="alive")
        self.assertEqual(witness.receive()["id"], "alive")

    def test_calls_that_wait_for_a_full_window_count(self):
        daemon = self.start(server={"max_memory": "8MiB", "connection_window": 1, "call_timeout": "120s"})
        held = []
        while len(held) < 300 and not self.closed(daemon, "overloaded"):
            for _ in range(20):
                held.append(self.connect(daemon))
                held[-1].send(padded_sleep(1, 0) + "\n" + padded_sleep(2, 60_000) + "\n")
        eventually(10, lambda: self.closed(daemon, "overloaded"), "300 times 60,000 bytes are more than 8 MiB")

    def test_memory_of_orphaned_calls_is_bounded(self):
        for size, count in ((MIB, 3), (MIB // 2, 1)):
            notification = message("demo.sleep", {"ms": 60_000}, pad="x" * size)
            text = notification if count == 3 else batch([notification] * 6)
            with self.subTest(text=text[:1]):
                daemon = self.start(server={"workers": 2, "io_threads": 1, "call_timeout": "120s"})
                for _ in range(12):
                    with daemon.connect("unix") as connection:
                        for _ in range(count):
                            connection.send(text + "\n")
                        connection.wait_until_read()
                daemon.wait_connections(0)
                # 16 MiB, and those that run.
                self.assertLessEqual(daemon.in_flight(method="demo.sleep") * size, 16 * MIB + 2 * size)
                self.assertGreaterEqual(daemon.in_flight(method="demo.sleep"), 10)

    def test_memory_of_orphaned_calls_is_bounded_over_http_and_websocket(self):
        notification = message("demo.sleep", {"ms": 60_000}, pad="x" * MIB)

        def over_http(daemon):
            with open_http(daemon, "unix") as client:
                for _ in range(3):
                    client.send(http_request(notification))
                client.wait_until_read()

        def over_websocket(daemon):
            with open_websocket(daemon, "unix") as client:
                for _ in range(3):
                    client.send_frame(notification)
                client.call("demo.echo_inline", ["read"])
                client.receive()

        for leave in (over_http, over_websocket):
            with self.subTest(leave.__name__):
                daemon = self.start(server={"workers": 2, "io_threads": 1, "call_timeout": "120s"})
                for _ in range(12):
                    leave(daemon)
                daemon.wait_connections(0)
                self.assertLessEqual(daemon.in_flight(method="demo.sleep"), 16 + 2)
                self.assertGreaterEqual(daemon.in_flight(method="demo.sleep"), 10)

    @unittest.skipIf(has_sanitizer(), "a sanitizer's allocator keeps freed memory")
    def test_memory_is_released_when_clients_are_gone(self):
        daemon = self.start(server={"message_timeout": "120s"})
        for connection in [self.connect(daemon) for _ in range(8)]:
            connection.request("demo.echo", ["x" * 100_000])
            connection.close()
        daemon.wait_connections(0)
        before = daemon.resident_bytes()
        crowd = [self.connect(daemon) for _ in range(40)]
        for connection in crowd:
            connection.send('{"a":"' + "x" * (3 * MIB))
        eventually(10, lambda: daemon.resident_bytes() > before + 100 * MIB, "memory is held")
        for connection in crowd:
            connection.close()
        eventually(12, lambda: daemon.resident_bytes() < before * 1.2 + 2 * MIB, "memory is released")

    def call_with(self, daemon, sizes):
        """Calls with params of these sizes, one after another."""
        with daemon.connect() as connection:
            for size in sizes * 4:
                connection.request("demo.echo", ["x" * size])

    @unittest.skipIf(has_sanitizer(), "a sanitizer's allocator keeps freed memory")
    def test_memory_of_workers_is_released_when_clients_are_gone(self):
        daemon = self.start(server={"io_threads": 1, "workers": 4})
        with self.connect(daemon) as connection:
            connection.request("demo.echo", ["x" * 1000])
        daemon.wait_connections(0)
        before = daemon.resident_bytes()
        crowd = [threading.Thread(target=self.call_with, args=(daemon, (3 * MIB, 200_000))) for _ in range(16)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        daemon.wait_connections(0)
        eventually(12, lambda: daemon.resident_bytes() < before * 1.2 + MIB, "memory is released")


class BeforeAuthentication(DaemonTest):
    """64 KiB, where clients are configured."""

    SENT = 256 * 1024

    def test_a_stream_that_sends_more_is_closed(self):
        daemon = self.start(clients=[CLIENT])
        for data in ('{"a":"' + "x" * self.SENT, message("demo.echo", [1], 1) * 4000, " " * self.SENT):
            with self.subTest(data[:10]), self.connect(daemon) as connection:
                try:
                    connection.send(data)
                    replies = connection.read_to_end()
                    self.assertTrue(all(code(reply) == -32016 for reply in replies), replies[:3])
                except (ConnectionResetError, BrokenPipeError):
                    pass
        eventually(5, lambda: daemon.value("sluice_connections_closed_total", reason="unproven") >= 2)

    def test_a_client_with_a_token_may_send_more(self):
        daemon = self.start(clients=[CLIENT])
        big = ["x" * self.SENT]
        with self.connect(daemon) as connection:
            self.assertEqual(connection.result("rpc.authenticate", {"token": TOKEN}), True)
            for _ in range(3):
                self.assertEqual(connection.result("demo.echo", big), big)
        with open_http(daemon) as client:
            for _ in range(3):
                self.assertEqual(client.exchange_call("demo.echo", big, Authorization=f"Bearer {TOKEN}").result, big)
        with open_websocket(daemon, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            self.assertEqual(client.result("demo.echo", big), big)

    def test_an_http_request_without_a_token_is_refused_before_its_body_is_there(self):
        daemon = self.start(clients=[CLIENT])
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n"
        with open_http(daemon) as client:
            client.send(head + b'["' + b"x" * self.SENT)
            self.assertEqual(client.receive_response().status, 401)
        with open_http(daemon) as client:
            for _ in range(300):  # small ones are refused one by one, as a proxy's connection may carry
                client.send(http_request(message("demo.echo", ["x" * 500], 1)))
                self.assertEqual(client.receive_response().status, 401)

    def test_a_unix_user_and_clients_that_need_no_credentials_may_send_more(self):
        big = ["x" * self.SENT]
        daemon = self.start(clients=[{"name": "me", "user": os.getuid(), "methods": ["*"]}])
        self.assertEqual(self.connect(daemon, "unix").result("demo.echo", big), big)
        daemon = self.start(clients=[CLIENT, {"name": "anonymous", "methods": ["demo.echo"]}])
        self.assertEqual(self.connect(daemon).result("demo.echo", big), big)


class PerPeer(DaemonTest):
    def test_connections_of_one_peer_are_limited(self):
        daemon = self.start(server={"max_connections_per_peer": 3})
        for kind in ("tcp", "unix"):
            with self.subTest(kind):
                kept = [self.connect(daemon, kind) for _ in range(3)]
                for connection in kept:
                    connection.fence()
                self.connect(daemon, kind).expect_closed()
                for connection in kept:
                    connection.fence()
                kept.pop().close()
                eventually(5, lambda: daemon.connect(kind).result("demo.echo", [1]) == [1], "a slot is free again")
                for connection in kept:
                    connection.close()
        self.assertGreaterEqual(daemon.value("sluice_connections_closed_total", reason="peer_limit"), 2)
        for peer in (r"127\.0\.0\.1:\d+", r"unix:\d+"):
            daemon.wait_log(rf"warn .*: {peer} has max_connections_per_peer connections: a new connection is closed")


if __name__ == "__main__":
    main()
