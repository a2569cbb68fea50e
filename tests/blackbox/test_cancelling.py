"""Cancelling by each dialect, and by leaving: contract 3."""

from support.daemon import DaemonTest, Stopwatch, code, eventually, main, message, ms
from support.transports import KINDS, TRANSPORTS, TransportTest


class Dialects(DaemonTest):
    options = {"server": {"workers": 4}}

    def sleeping(self, connection, id, count=1):
        connection.call("demo.sleep", {"ms": ms(60000)}, id=id)
        self.daemon.wait_in_flight(count, method="demo.sleep")

    def test_rpc_cancel_answers_true_and_the_call_is_answered_cancelled(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, "long")
            self.assert_error(connection.cancel("long"), -32800, "cancelled", "Request cancelled")
            self.daemon.wait_in_flight(0)
            connection.fence()

    def test_rpc_cancel_of_nothing_answers_false(self):
        with self.daemon.connect() as connection:
            self.assertIs(connection.result("rpc.cancel", {"id": "nothing"}), False)
            self.assertEqual(connection.result("demo.echo", [1], id="done"), [1])
            self.assertIs(connection.result("rpc.cancel", {"id": "done"}), False)

    def test_cancelling_twice_answers_once(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, "long")
            connection.call("rpc.cancel", {"id": "long"}, id="first")
            connection.call("rpc.cancel", {"id": "long"}, id="second")
            replies = connection.receive_by_id(3)
            self.assertEqual((replies["first"]["result"], replies["second"]["result"]), (True, False))
            self.assert_error(replies["long"], -32800)
            connection.fence()

    def test_cancel_request_is_answered_as_cancelled(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, 7)
            connection.notify("$/cancelRequest", {"id": 7})
            reply = connection.receive()
            self.assertEqual(reply["id"], 7)
            self.assert_error(reply, -32800, "cancelled", "Request cancelled")
            connection.fence()

    def test_notifications_cancelled_is_not_answered_at_all(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, 7)
            connection.notify("notifications/cancelled", {"requestId": 7, "reason": "no longer of interest"})
            self.daemon.wait_in_flight(0)
            connection.fence()

    def test_cancelling_nothing_by_notification_is_silent(self):
        with self.daemon.connect() as connection:
            for params in ({"id": "no"}, {"requestId": "no"}, {}, [], None, {"id": {}}, {"id": [1]}):
                connection.notify("$/cancelRequest", params)
                connection.notify("notifications/cancelled", params)
                connection.notify("rpc.cancel", params)
            connection.fence()

    def test_rpc_cancel_without_an_id_is_refused(self):
        with self.daemon.connect() as connection:
            for params in (None, {}, []):
                with self.subTest(params):
                    self.assert_error(connection.request("rpc.cancel", params), -32602, "invalid_params")

    def test_rpc_cancel_of_what_can_be_no_id_cancels_nothing(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, "x")
            for params in ({"id": {}}, {"id": [1]}, {"id": True}, {"id": ["x"]}):
                with self.subTest(params):
                    reply = connection.request("rpc.cancel", params)
                    self.assertTrue(code(reply) == -32602 or reply["result"] is False, reply)
            self.assertEqual(self.daemon.in_flight(method="demo.sleep"), 1)
            connection.notify("$/cancelRequest", {"id": "x"})
            self.assert_error(connection.receive(), -32800)

    def test_ids_of_every_type_can_be_cancelled(self):
        with self.daemon.connect() as connection:
            for id in ("0", "-1", "1.5", "1e3", "123456789012345678901234567890", '"x"', r'"\u0041"', '""'):
                with self.subTest(id):
                    connection.send('{"jsonrpc":"2.0","method":"demo.sleep","params":{"ms":%d},"id":%s}\n' % (ms(60000), id))
                    self.daemon.wait_in_flight(1, method="demo.sleep")
                    connection.send('{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":%s},"id":"cancel"}\n' % id)
                    replies = connection.receive_many(2)
                    self.assertEqual(sorted(str(code(reply)) for reply in replies), ["-32800", "ok"])
                    self.assertIs(next(reply for reply in replies if "result" in reply)["result"], True)

    def test_a_number_and_a_string_are_different_ids(self):
        with self.daemon.connect() as connection:
            self.sleeping(connection, 1)
            self.assertIs(connection.result("rpc.cancel", {"id": "1"}, id="cancel"), False)
            connection.notify("$/cancelRequest", {"id": 1})
            self.assert_error(connection.receive(), -32800)

    def test_only_the_named_call_is_cancelled(self):
        with self.daemon.connect() as connection:
            for count, id in enumerate(("a", "b", "c"), 1):
                self.sleeping(connection, id, count)
            connection.notify("$/cancelRequest", {"id": "b"})
            self.assertEqual(connection.receive()["id"], "b")
            self.daemon.wait_in_flight(2, method="demo.sleep")
            connection.fence()
            connection.notify("$/cancelRequest", {"id": "a"})
            connection.notify("$/cancelRequest", {"id": "c"})
            self.assertEqual({reply["id"] for reply in connection.receive_many(2)}, {"a", "c"})

    def test_a_call_of_another_connection_cannot_be_cancelled(self):
        with self.daemon.connect() as connection, self.daemon.connect() as other:
            self.sleeping(connection, "mine")
            self.assertIs(other.result("rpc.cancel", {"id": "mine"}), False)
            other.notify("$/cancelRequest", {"id": "mine"})
            other.notify("notifications/cancelled", {"requestId": "mine"})
            other.fence()
            self.assertEqual(self.daemon.in_flight(method="demo.sleep"), 1)
            connection.notify("$/cancelRequest", {"id": "mine"})
            self.assert_error(connection.receive(), -32800)

    def test_a_cancel_that_comes_with_its_call_in_one_write_finds_it(self):
        with self.daemon.connect() as connection:
            for round in range(50):
                connection.send(message("demo.sleep", {"ms": ms(60000)}, round) + "\n" + message("$/cancelRequest", {"id": round}) + "\n")
                reply = connection.receive()
                self.assertEqual(reply["id"], round)
                self.assert_error(reply, -32800)

    def test_completion_and_cancel_at_the_same_moment_give_one_answer(self):
        with self.daemon.connect() as connection:
            for round in range(200):
                connection.send(message("demo.echo", [1], round) + message("$/cancelRequest", {"id": round}))
                self.assertIn(code(connection.receive()), ("ok", -32800))
            connection.fence()
        self.daemon.wait_in_flight(0)

    def test_a_hung_handler_is_answered_as_cancelled_at_once_and_counted_until_it_returns(self):
        with self.daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(1200)}, id="hang")
            self.daemon.wait_value(1, "sluice_worker_busy")  # admitted is not begun
            watch = Stopwatch()
            connection.notify("$/cancelRequest", {"id": "hang"})
            self.assert_error(connection.receive(), -32800)
            self.assert_below(watch.ms(), ms(450))
            self.assertEqual(self.daemon.value("sluice_calls_abandoned"), 1)
            eventually(5, lambda: self.daemon.value("sluice_calls_abandoned") == 0)
            self.daemon.wait_in_flight(0)
            connection.fence()


class Waiting(DaemonTest):
    def test_a_waiting_call_is_cancelled_without_ever_running(self):
        daemon = self.start(server={"workers": 1})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(600)}, id="hang")
            daemon.wait_in_flight(1)
            connection.call("demo.echo", [1], id="waiting")
            watch = Stopwatch()
            self.assert_error(connection.cancel("waiting"), -32800)
            self.assert_below(watch.ms(), ms(450))
            self.assertEqual(connection.receive()["id"], "hang")
            self.assertEqual(daemon.value("sluice_call_run_seconds_count", method="demo.echo"), 0)

    def test_cancelling_works_when_nothing_more_is_admitted(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id="a")
            connection.call("demo.sleep", {"ms": ms(60000)}, id="b")
            daemon.wait_in_flight(2)
            self.assert_error(connection.request("demo.echo"), -32009)
            self.assert_error(connection.cancel("a"), -32800)
            connection.notify("$/cancelRequest", {"id": "b"})
            self.assert_error(connection.receive(), -32800)


class Leaving(TransportTest):
    options = {"server": {"workers": 2}}

    def test_a_reset_on_tcp_or_a_hang_up_on_a_unix_socket_cancels_running_and_waiting_calls(self):
        for transport in TRANSPORTS:
            for kind in KINDS:
                with self.subTest(transport, kind=kind):
                    client = self.open(kind=kind, transport=transport)
                    for _ in range(10):
                        client.call("demo.sleep", {"ms": ms(60000)})
                    self.daemon.wait_in_flight(10)
                    client.reset()
                    self.daemon.wait_in_flight(0)

    def test_a_disconnect_is_seen_while_the_connection_is_not_read_from(self):
        daemon = self.start(server={"workers": 2, "connection_window": 2})
        for kind in KINDS:
            with self.subTest(kind):
                connection = self.connect(daemon, kind)
                for _ in range(20):
                    connection.call("demo.sleep", {"ms": ms(60000)})
                daemon.wait_in_flight(2)
                connection.reset()
                daemon.wait_in_flight(0)
                daemon.wait_connections(0)

    def test_calls_of_a_client_that_left_never_run(self):
        daemon = self.start(server={"workers": 1})
        with daemon.connect() as other:
            other.call("demo.hang", {"ms": ms(500)}, id="hang")
            daemon.wait_in_flight(1)
            connection = self.connect(daemon)
            for _ in range(20):
                connection.call("demo.echo", [1])
            daemon.wait_in_flight(21)
            connection.reset()
            daemon.wait_in_flight(1)
            self.assertEqual(other.receive()["id"], "hang")
        self.assertEqual(daemon.value("sluice_call_run_seconds_count", method="demo.echo"), 0)

    def test_clients_that_come_and_go_leave_nothing_behind(self):
        for round in range(50):
            connection = self.daemon.connect("unix" if round % 2 else "tcp")
            connection.call("demo.echo", ["x" * 1000])
            connection.call("demo.sleep", {"ms": round})
            connection.reset()
        self.daemon.wait_in_flight(0)
        self.daemon.wait_connections(0)


if __name__ == "__main__":
    main()
