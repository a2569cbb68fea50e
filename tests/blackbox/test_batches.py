"""Batches: contract 3, with their limits."""

import json

from support.daemon import DaemonTest, Stopwatch, code, duration, eventually, main, message, ms
from support.json_rpc import batch


def sleeps(count, milliseconds):
    return batch(message("demo.sleep", {"ms": milliseconds}, id) for id in range(count))


class Batches(DaemonTest):
    options = {"server": {"workers": 8}}

    def test_replies_come_in_request_order_however_long_each_call_takes(self):
        with self.daemon.connect() as connection:
            entries = [message("demo.sleep", {"ms": (7 - id) * 20}, id) for id in range(8)]
            replies = connection.request_text(batch(entries))
            self.assertEqual([reply["id"] for reply in replies], list(range(8)))
            self.assertEqual([reply["result"]["slept_ms"] for reply in replies], [(7 - id) * 20 for id in range(8)])

    def test_entries_run_in_parallel(self):
        with self.daemon.connect() as connection:
            watch = Stopwatch()
            connection.request_text(sleeps(8, ms(300)))
            self.assert_below(watch.ms(), ms(1200))  # one after another: 2400

    def test_a_batch_answers_calls_errors_and_invalid_entries_each_at_its_position(self):
        with self.daemon.connect() as connection:
            replies = connection.request_text(batch([
                message("demo.echo", ["a"], 1), "7", message("demo.echo", ["silent"]), message("no.such", None, "x"),
                "[]", message("demo.throw", None, 2), "{}", message("no.such"),
                '{"jsonrpc":"2.0","id":{},"method":"demo.echo"}', message("demo.echo", ["b"], 3)]))
            self.assertEqual([(reply["id"], code(reply)) for reply in replies],
                             [(1, "ok"), (None, -32600), ("x", -32601), (None, -32600), (2, -32603), (None, -32600), (None, -32600), (3, "ok")])

    def test_a_batch_of_notifications_is_silent(self):
        with self.daemon.connect() as connection:
            before = self.daemon.value("sluice_calls_total", method="demo.subtract")
            connection.send_message(batch([message("demo.subtract", [2, 1])] * 50))
            connection.send_message(batch([message("no.such"), message("demo.throw")]))
            connection.fence()
            eventually(5, lambda: self.daemon.value("sluice_calls_total", method="demo.subtract") == before + 50)
            connection.fence()

    def test_an_empty_batch_is_one_invalid_request(self):
        with self.daemon.connect() as connection:
            for text in ("[]", "[ \n ]"):
                reply = connection.request_text(text)
                self.assertIsInstance(reply, dict)
                self.assert_error(reply, -32600, "invalid_request", "Invalid Request")
                self.assertIsNone(reply["id"])

    def test_a_batch_inside_a_batch_is_an_invalid_request(self):
        with self.daemon.connect() as connection:
            replies = connection.request_text(batch([batch([message("demo.echo", [1], 1)]), message("demo.echo", [2], 2)]))
            self.assertEqual([(reply["id"], code(reply)) for reply in replies], [(None, -32600), (2, "ok")])

    def test_a_broken_batch_runs_nothing(self):
        before = self.daemon.value("sluice_calls_total", method="demo.fail")
        with self.daemon.connect() as connection:
            self.assert_error(connection.request_text("[" + message("demo.fail", {"code": 1, "message": ""}, 1) + ",oops]"), -32700)
            self.assert_error(connection.request_text("[" + message("demo.fail", {"code": 1, "message": ""}, 1) + ",]"), -32700)
            connection.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.fail"), before)

    def test_a_batch_does_not_hold_up_the_calls_behind_it(self):
        with self.daemon.connect() as connection:
            connection.send(sleeps(4, ms(600)) + "\n")
            watch = Stopwatch()
            connection.fence()
            self.assert_below(watch.ms(), ms(580))
            self.assertEqual(len(connection.receive()), 4)

    def test_equal_ids_in_a_batch_are_each_answered(self):
        with self.daemon.connect() as connection:
            replies = connection.request_text(batch(message("demo.echo", [n], 5) for n in range(10)))
            self.assertEqual([reply["result"] for reply in replies], [[n] for n in range(10)])

    def test_a_call_in_a_batch_can_be_cancelled(self):
        with self.daemon.connect() as connection:
            connection.send_message(batch([message("demo.sleep", {"ms": ms(60000)}, "long"), message("demo.echo", [1], 2)]))
            self.daemon.wait_in_flight(1, method="demo.sleep")
            connection.notify("$/cancelRequest", {"id": "long"})
            replies = connection.receive()
            self.assertEqual([(reply["id"], code(reply)) for reply in replies], [("long", -32800), (2, "ok")])

    def test_a_client_that_leaves_cancels_its_batch(self):
        for kind in ("tcp", "unix"):
            connection = self.connect(kind=kind)
            connection.send(sleeps(40, ms(60000)))
            self.daemon.wait_in_flight(16, method="demo.sleep")
            connection.reset()
            self.daemon.wait_in_flight(0)


class Width(DaemonTest):
    def test_at_most_batch_width_entries_run_at_once(self):
        daemon = self.start(server={"workers": 8, "batch_width": 2})
        with daemon.connect() as connection:
            watch = Stopwatch()
            connection.send(sleeps(6, ms(100)) + "\n")
            seen = 0
            end = Stopwatch()
            while end.ms() < ms(200):
                seen = max(seen, daemon.in_flight(method="demo.sleep"))
            replies = connection.receive()
            self.assertEqual([code(reply) for reply in replies], ["ok"] * 6)
            self.assertGreaterEqual(watch.ms(), ms(300) - 5)
            self.assertEqual(seen, 2)

    def test_each_connection_has_its_own_width(self):
        daemon = self.start(server={"workers": 8, "batch_width": 2})
        connections = [self.connect(daemon) for _ in range(3)]
        for connection in connections:
            connection.send(sleeps(4, ms(250)) + "\n")
        daemon.wait_in_flight(6, method="demo.sleep")
        for connection in connections:
            self.assertEqual([code(reply) for reply in connection.receive()], ["ok"] * 4)

    def test_each_entry_is_admitted_on_its_own(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 2})
        with daemon.connect() as connection:
            replies = connection.request_text(sleeps(5, ms(100)))
            self.assertEqual([code(reply) for reply in replies], ["ok"] * 3 + [-32009] * 2)
            self.assertEqual(replies[4]["error"]["data"]["reason"], "queue_full")
            self.assertGreater(replies[4]["error"]["data"]["retry_after_ms"], 0)

    def test_a_narrow_batch_fits_through_a_small_pool(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 2, "batch_width": 1})
        with daemon.connect() as connection:
            replies = connection.request_text(sleeps(10, 5))
            self.assertEqual([code(reply) for reply in replies], ["ok"] * 10)


class Deadline(DaemonTest):
    options = {"server": {"workers": 4, "call_timeout": duration(500)}}

    def test_what_a_batch_finished_by_its_deadline_is_answered_and_the_rest_timed_out(self):
        with self.daemon.connect() as connection:
            watch = Stopwatch()
            replies = connection.request_text(batch([message("demo.echo", [1], 1), message("demo.sleep", {"ms": ms(60000)}, 2),
                                                     message("demo.sum", [1, 2], 3), message("demo.hang", {"ms": ms(1500)}, 4)]))
            self.assert_below(watch.ms(), ms(1200))
            self.assertEqual([(reply["id"], code(reply)) for reply in replies], [(1, "ok"), (2, -32002), (3, "ok"), (4, -32002)])
        self.daemon.wait_in_flight(0)

    def test_the_time_of_entries_that_wait_for_others_counts_from_receipt(self):
        daemon = self.start(server={"workers": 4, "batch_width": 1, "call_timeout": duration(500)})
        with daemon.connect() as connection:
            watch = Stopwatch()
            replies = connection.request_text(sleeps(3, ms(300)))
            self.assertEqual([code(reply) for reply in replies], ["ok", -32002, -32002])
            self.assert_below(watch.ms(), ms(900))
            daemon.wait_in_flight(0)
            connection.fence()

    def test_each_entry_may_have_its_own_time_limit(self):
        with self.daemon.connect() as connection:
            replies = connection.request_text(batch([message("demo.sleep", {"ms": ms(250)}, 1, timeout_ms=ms(50)),
                                                     message("demo.sleep", {"ms": ms(250)}, 2)]))
            self.assertEqual([code(reply) for reply in replies], [-32002, "ok"])
            self.assertEqual(replies[0]["error"]["data"]["timeout_ms"], ms(50))


class Large(DaemonTest):
    def test_a_hundred_thousand_entries_are_one_error_by_default(self):
        with self.daemon.connect() as connection:
            for text in ("[" + "1," * 99_999 + "1]", batch([message("x")] * 100_000)):
                reply = connection.request_text(text)
                self.assertIsInstance(reply, dict)
                error = self.assert_error(reply, -32010, "batch_too_big")
                self.assertEqual(error["data"]["limit"], 1000)
            connection.fence()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="_unknown"), 0)

    def test_a_hundred_thousand_notifications_run_silently_where_they_are_allowed(self):
        daemon = self.start(server={"max_batch": 100_000, "max_message": "16MiB"})
        with daemon.connect() as connection:
            connection.send_message(batch([message("demo.echo_inline", [1])] * 100_000))
            connection.fence(30)
            eventually(20, lambda: daemon.value("sluice_calls_total", method="demo.echo_inline") == 100_000)
        daemon.wait_in_flight(0)

    def test_a_hundred_thousand_calls_are_answered_in_order(self):
        daemon = self.start(server={"max_batch": 100_000, "max_message": "16MiB"})
        with daemon.connect() as connection:
            replies = connection.request_text(batch(message("demo.echo", [n], n) for n in range(100_000)), 30)
            self.assertEqual([reply.get("id") for reply in replies], list(range(100_000)))
            self.assertEqual({code(reply) for reply in replies}, {"ok"})
        daemon.wait_in_flight(0)

    def test_a_reply_of_many_long_ones_is_whole_and_in_order(self):
        daemon = self.start(server={"io_threads": 1})
        entries = [message("rpc.discover", id="first")]
        entries += [message(("demo.echo", "demo.echo_inline")[id % 2], [id, "x" * 30_000], id) for id in range(100)]
        entries += [message("demo.echo", [id], id) for id in range(100, 110)]
        with self.connect(daemon) as connection, self.connect(daemon) as leaving:
            leaving.send_message(batch(entries))
            leaving.close()
            for _ in range(3):
                replies = connection.request_text(batch(entries))
                self.assertEqual([reply["id"] for reply in replies], ["first", *range(110)])
                self.assertEqual([reply["result"][0] for reply in replies[1:]], list(range(110)))
            connection.fence()

    def test_what_does_not_fit_a_batch_reply_is_refused_entry_by_entry(self):
        daemon = self.start(server={"max_response": "64KiB"})
        with daemon.connect() as connection:
            connection.send_message(batch(message("demo.echo", ["x" * 10_000], id) for id in range(20)))
            text = connection.receive_text()
            self.assert_below(len(text), 64 * 1024 + 20 * 200)
            connection.send(batch([message("demo.echo", [1], 1), message("demo.echo", [2], 2)]))
            self.assertEqual(len(connection.receive()), 2)
        replies = json.loads(text)
        self.assertEqual([reply["id"] for reply in replies], list(range(20)))
        codes = [code(reply) for reply in replies]
        self.assertGreaterEqual(codes.count("ok"), 4)
        self.assertEqual(set(codes), {"ok", -32011})
        refused = next(reply for reply in replies if code(reply) == -32011)
        self.assert_error(refused, -32011, "batch_response_too_big", "The batch response was too large")
        self.assertEqual(refused["error"]["data"]["limit"], 64 * 1024)

    def test_errors_for_invalid_entries_cannot_amplify_a_batch_past_max_response(self):
        daemon = self.start(server={"max_response": "256KiB", "max_batch": 100_000})
        with daemon.connect() as connection:
            connection.send("[" + "1," * 49_999 + "1]\n")
            text = connection.receive_text(20)
            self.assert_below(len(text), 50_000 * 200)
            connection.fence(20)


if __name__ == "__main__":
    main()
