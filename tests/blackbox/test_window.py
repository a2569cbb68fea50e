"""Messages that pass a full connection_window, and those that wait: contracts 3 and 16."""

import contextlib

from support.configuration import digest
from support.daemon import DaemonTest, eventually, main, message, ms
from support.http_client import connect as connect_http, request
from support.json_rpc import batch
from support.websocket_client import PING, connect as connect_websocket


class Full(DaemonTest):
    options = {"server": {"workers": 16, "io_threads": 1, "connection_window": 2}}

    def sleeping(self, connection, ids):
        for id in ids:
            connection.call("demo.sleep", {"ms": ms(60000)}, id=id)
        self.daemon.wait_in_flight(len(ids), method="demo.sleep")

    def test_the_entries_of_a_batch_count(self):
        """The next call does not run while a batch fills the window."""
        with self.daemon.connect() as connection:
            connection.send_message(batch([message("demo.sleep", {"ms": ms(300)}, id) for id in range(8)]))
            connection.call("demo.echo_inline", ["after"], id="after")
            first, second = connection.receive(), connection.receive()
            self.assertEqual(len(first), 8)
            self.assertEqual(second["id"], "after")

    def test_a_cancel_behind_waiting_calls_is_handled(self):
        for kind, params, code in (("rpc.cancel", {"id": 1}, -32800), ("$/cancelRequest", {"id": 1}, -32800)):
            with self.subTest(kind), self.daemon.connect() as connection:
                self.sleeping(connection, [1, 2])
                for id in range(10, 20):
                    connection.call("demo.echo_inline", [id], id=id)
                connection.notify(kind, params)
                replies = [connection.receive() for _ in range(1 + 10)]
                self.assert_error(replies[0], code)
                self.assertEqual([reply["id"] for reply in replies], [1, *range(10, 20)])
                connection.reset()
            self.daemon.wait_in_flight(0)

    def test_a_silent_cancel_behind_waiting_calls_makes_room(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, [1, 2])
            connection.call("demo.echo_inline", ["waits"], id="waits")
            connection.notify("notifications/cancelled", {"requestId": 1})
            self.assertEqual(connection.receive()["id"], "waits")
            connection.reset()
        self.daemon.wait_in_flight(0)

    def test_a_cancel_behind_calls_that_filled_the_window_again_is_handled(self):
        with self.daemon.connect() as connection:
            first = [message("demo.sleep", {"ms": 3}, id) for id in (1, 2)]
            then = [message("demo.sleep", {"ms": ms(60000)}, id) for id in (3, 4)]
            cancel = message("rpc.cancel", {"id": 3}, "cancel")
            connection.send("\n".join([*first, *then, cancel]) + "\n")
            replies = connection.receive_by_id(4)
            self.assertIs(replies["cancel"]["result"], True)
            self.assert_error(replies[3], -32800)
            connection.reset()
        self.daemon.wait_in_flight(0)

    def test_a_batch_of_cancels_is_handled(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, [1, 2])
            connection.call("demo.echo_inline", ["waits"], id="waits")
            connection.send_message(batch([message("rpc.cancel", {"id": id}, f"c{id}") for id in (1, 2)]))
            replies = [connection.receive() for _ in range(4)]
            cancelled = [reply["id"] for reply in replies if isinstance(reply, dict)]
            self.assertEqual(sorted(map(str, cancelled)), ["1", "2", "waits"])
        self.daemon.wait_in_flight(0)

    def test_a_call_that_waits_for_the_window_can_be_cancelled(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, [1, 2])
            connection.call("demo.echo_inline", ["waits"], id="waits")
            self.assert_error(connection.cancel("waits"), -32800)
            connection.reset()
        self.daemon.wait_in_flight(0)

    def test_calls_that_waited_run_in_their_order(self):
        with self.daemon.connect() as connection:
            ids = list(range(10, 2010))
            for id in (1, 2):
                connection.call("demo.sleep", {"ms": ms(200)}, id=id)
            for id in ids:
                connection.call("demo.echo_inline", [id], id=id)
            replies = connection.receive_many(len(ids) + 2, 30)
            self.assertEqual([reply["id"] for reply in replies if reply["id"] >= 10], ids)

    def test_batches_that_wait_do_not_keep_the_window_full_themselves(self):
        daemon = self.start(server={"workers": 2, "io_threads": 1, "connection_window": 1, "max_message": "64KiB"})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(300)}, id=1)
            daemon.wait_in_flight(1)
            for _ in range(4):
                connection.send_message(batch(["1"] * 900))  # of little text, and much to keep
            replies = connection.receive_many(1 + 4, 20)
            self.assertEqual([len(reply) for reply in replies if isinstance(reply, list)], [900] * 4)

    def test_a_websocket_ping_is_answered(self):
        with connect_websocket(self.daemon) as client:
            for id in (1, 2, 3, 4):
                client.call("demo.sleep", {"ms": ms(60000)}, id)
            self.daemon.wait_in_flight(2, method="demo.sleep")
            client.send_frame(b"alive?", PING)
            self.assertEqual(client.receive_pong(), b"alive?")
            client.notify("rpc.cancel", {"id": 1})
            self.assertEqual(client.receive()["id"], 1)
            client.reset()
        self.daemon.wait_in_flight(0)

    def test_bytes_read_beyond_the_window_are_bounded(self):
        daemon = self.start(server={"workers": 2, "io_threads": 1, "connection_window": 1})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id=1)
            daemon.wait_in_flight(1)
            connection.socket.setblocking(False)
            line = (message("demo.echo_inline", ["x" * 1000], 2) + "\n").encode()
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += connection.socket.send(line * 64)
            except BlockingIOError:
                pass
            self.assertLess(daemon.value("sluice_received_bytes_total"), 1 << 20)
            connection.reset()

    def test_notifications_that_a_client_leaves_behind_more_than_is_read_beyond_are_run(self):
        daemon = self.start(server={"workers": 2, "io_threads": 1, "connection_window": 1})
        with daemon.connect("unix") as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id=1)
            daemon.wait_in_flight(1)
            calls = [message("demo.echo_inline", ["x" * 2000], id) for id in range(2, 42)]
            notifications = [message("demo.sum", [n]) for n in range(10)]
            connection.send("\n".join([*calls, *notifications]) + "\n")
            eventually(5, lambda: daemon.value("sluice_received_bytes_total") >= 64 << 10)
        daemon.wait_value(10, "sluice_calls_total", method="demo.sum", code="ok")
        daemon.wait_in_flight(0)

    def test_requests_in_flight_are_bounded_in_bytes(self):
        daemon = self.start(server={"workers": 8, "io_threads": 1, "max_message": "1MiB"})
        with daemon.connect() as connection:
            # White space makes the params long: others than its own are refused.
            text = message("demo.sleep", {"ms": ms(60000)}, 1).replace('"ms":', '"ms":' + " " * 1_000_000) + "\n"
            connection.socket.setblocking(False)
            rest = memoryview(text.encode() * 8)

            def two_have_arrived():
                nonlocal rest
                # As much as the sockets' buffers take now; more when the daemon has read a part.
                with contextlib.suppress(BlockingIOError):
                    while rest:
                        rest = rest[connection.socket.send(rest):]
                return daemon.in_flight(method="demo.sleep") >= 2

            eventually(20, two_have_arrived)
            with daemon.connect() as other:
                for _ in range(5):
                    two_have_arrived()
                    other.fence()
            self.assertLessEqual(daemon.in_flight(method="demo.sleep"), 3)
            connection.reset()


    def test_the_bytes_of_requests_that_were_answered_count_no_more(self):
        daemon = self.start(server={"workers": 8, "io_threads": 1, "max_message": "64KiB"})
        with daemon.connect() as connection:
            for _ in range(20):
                connection.request("demo.echo_inline", ["x" * 50_000])
                connection.request("demo.echo", ["x" * 50_000])
            connection.call("demo.sleep", {"ms": ms(60000)}, id="sleeping")
            daemon.wait_in_flight(1)
            self.assertEqual(connection.result("demo.echo_inline", ["beside it"]), ["beside it"])
            connection.reset()


class LongMessage(DaemonTest):
    def test_the_time_in_which_it_waits_for_the_window_does_not_count(self):
        daemon = self.start(server={"message_timeout": "1s", "workers": 4, "io_threads": 1, "connection_window": 4})
        # Not longer on slow machines: after three seconds the daemon sends blanks, to find out whether the client is there.
        for kind in ("tcp", "unix"):
            with self.subTest(kind), daemon.connect(kind) as connection:
                calls = [message("demo.sleep", {"ms": 2000}, id) for id in range(4)]
                long = message("demo.echo", ["x" * (1 << 20)], "long")
                connection.send("\n".join([*calls, long]) + "\n")
                self.assertEqual(len(connection.receive_by_id(5)["long"]["result"][0]), 1 << 20)


class Ids(DaemonTest):
    options = {"server": {"workers": 4, "io_threads": 1}}

    def test_an_id_that_begins_as_another_is_not_cancelled_for_it(self):
        with self.daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id=12)
            connection.call("demo.sleep", {"ms": ms(60000)}, id="1")
            self.daemon.wait_in_flight(2)
            self.assertIs(connection.result("rpc.cancel", {"id": 1}, id="c"), False)
            connection.reset()
        self.daemon.wait_in_flight(0)

    def test_an_id_that_begins_as_another_is_not_cancelled_for_it_in_a_batch(self):
        with self.daemon.connect() as connection:
            connection.send_message(batch([message("demo.sleep", {"ms": ms(60000)}, 12)] +
                                          [message("demo.sleep", {"ms": ms(60000)}, 100 + n) for n in range(20)]))
            self.daemon.wait_in_flight(16)
            for id in (1, 10, 11, 1000):
                self.assertIs(connection.result("rpc.cancel", {"id": id}, id="c"), False)
            for id in (119, 12):  # one that waits for others, and one that runs
                self.assertIs(connection.result("rpc.cancel", {"id": id}, id="c"), True)
            connection.reset()
        self.daemon.wait_in_flight(0)

    def test_ids_are_the_same_however_they_are_written(self):
        with self.daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id="a" * 1000)
            self.daemon.wait_in_flight(1)
            connection.send('{"jsonrpc":"2.0","id":"c","method":"rpc.cancel","params":{"id":"%s"}}\n' % ("\\u0061" * 1000))
            replies = connection.receive_by_id(2)
            self.assertIs(replies["c"]["result"], True)

    def test_an_entry_past_its_time_limit_does_not_run(self):
        before = self.daemon.value("sluice_call_run_seconds_count", method="demo.echo_inline")
        daemon = self.start(server={"workers": 2, "batch_width": 1})
        with daemon.connect() as connection:
            connection.send_message(batch([message("demo.hang", {"ms": ms(300)}, 1, timeout_ms=ms(2000)),
                                           message("demo.echo_inline", [1], 2, timeout_ms=ms(100))]))
            slow, late = connection.receive()
            self.assertIn("result", slow)
            self.assert_error(late, -32002)
            self.assertEqual(daemon.value("sluice_call_run_seconds_count", method="demo.echo_inline"), before)


class Clients(DaemonTest):
    def test_a_request_reaches_no_call_of_another_client_on_its_connection(self):
        clients = [{"name": name, "token_sha256": digest(name)} for name in ("one", "two")]
        clients.append({"name": "anonymous", "methods": ["demo.*"]})
        daemon = self.start(clients=clients, server={"workers": 4})

        def first_body(call, token_of_call, cancel, token_of_cancel):
            credentials = [f"Bearer {token}" if token else None for token in (token_of_call, token_of_cancel)]
            with connect_http(daemon) as client:
                client.send(request(call, Authorization=credentials[0]) + request(cancel, Authorization=credentials[1]))
                return client.receive_response().body

        sleep = message("demo.sleep", {"ms": ms(300)}, 1)
        cancels = [message("rpc.cancel", {"id": 1}, "c"), batch([message("rpc.cancel", {"id": 1}, "c")]),
                   message("$/cancelRequest", {"id": 1}), message("notifications/cancelled", {"requestId": 1})]
        for call in (sleep, batch([sleep])):
            for cancel in cancels:
                for token in (None, "two"):
                    with self.subTest(call=call, cancel=cancel, token=token):
                        self.assertIn(b"slept_ms", first_body(call, "one", cancel, token))
        self.assertIn(b"-32800", first_body(sleep, "one", cancels[0], "one"))


if __name__ == "__main__":
    main()
