"""Admission: which calls are admitted and refused, and that a slow call delays no other."""

import threading

from support.daemon import DaemonTest, Stopwatch, code, limit, main, message, ms


def counted(replies):
    found = {}
    for reply in replies:
        found[code(reply)] = found.get(code(reply), 0) + 1
    return found


class Pool(DaemonTest):
    def burst(self, connection, method, params, count):
        connection.send("".join(message(method, params, id) for id in range(count)))

    def test_exactly_workers_times_queue_plus_one_calls_are_admitted(self):
        for workers, queue in [(1, 1), (2, 2), (3, 5)]:
            daemon = self.start(server={"workers": workers, "worker_queue": queue})
            room = workers * (queue + 1)
            with self.subTest(workers=workers, queue=queue), daemon.connect() as connection:
                self.burst(connection, "demo.sleep", {"ms": ms(300)}, room + 7)
                refused = connection.receive_many(7)
                self.assertEqual(counted(refused), {-32009: 7})
                for reply in refused:
                    error = self.assert_error(reply, -32009, "queue_full", "Server is busy, try again later")
                    self.assertIsInstance(error["data"]["retry_after_ms"], int)
                    self.assertGreater(error["data"]["retry_after_ms"], 0)
                self.assertEqual({reply["id"] for reply in refused}, set(range(room, room + 7)))
                self.assertEqual(daemon.in_flight(), room)
                self.assertEqual(counted(connection.receive_many(room, 20)), {"ok": room})
                daemon.wait_in_flight(0)
                self.assertEqual(daemon.value("sluice_calls_rejected_total", reason="queue_full"), 7)

    def test_a_burst_up_to_the_limit_on_an_idle_daemon_is_never_refused(self):
        daemon = self.start(server={"workers": 2, "worker_queue": 3})
        with daemon.connect() as connection:
            for method, params, rounds in [("demo.echo", [1], 300), ("demo.sleep", {"ms": 1}, 50)]:
                for round in range(rounds):
                    self.burst(connection, method, params, 8)
                    self.assertEqual(counted(connection.receive_many(8)), {"ok": 8}, f"{method}, round {round}")

    def test_a_burst_over_several_connections_is_never_refused_either(self):
        daemon = self.start(server={"workers": 2, "worker_queue": 3})
        connections = [self.connect(daemon, kind) for kind in ("tcp", "unix") * 4]
        for round in range(150):
            for connection in connections:
                connection.call("demo.echo", [round], id=round)
            for connection in connections:
                self.assertEqual(code(connection.receive()), "ok", f"round {round}")

    def test_a_refusal_is_quick_while_the_pool_is_full(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1})
        with daemon.connect() as connection:
            self.burst(connection, "demo.sleep", {"ms": ms(800)}, 2)
            daemon.wait_in_flight(2)
            watch = Stopwatch()
            for _ in range(50):
                self.assert_error(connection.request("demo.echo", id="refused"), -32009)
            self.assert_below(watch.ms(), ms(600))
            self.assertEqual(counted(connection.receive_many(2)), {"ok": 2})

    def test_refused_calls_are_answered_one_by_one_under_overload(self):
        daemon = self.start(server={"workers": 2, "worker_queue": 2})
        with daemon.connect() as connection:
            self.burst(connection, "demo.sleep", {"ms": 2}, 2000)
            replies = connection.receive_by_id(2000, 30)
            self.assertEqual(set(counted(replies.values())) - {"ok", -32009}, set())
        daemon.wait_in_flight(0)

    def test_every_call_is_handled_or_refused_and_none_times_out(self):
        # 6 clients with big payloads on 2 workers with 2 queue slots each
        daemon = self.start(server={"workers": 2, "worker_queue": 2})
        outcome = []

        def client(number):
            with daemon.connect("unix" if number % 2 else "tcp") as connection:
                payload = ["x" * (number * 300_000 + 1)]
                for id in range(20):
                    reply = connection.request("demo.echo", payload, id=id)
                    outcome.append(code(reply))
                    if "result" in reply:
                        assert reply["result"] == payload

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(limit(30))
        self.assertEqual(len(outcome), 120)
        self.assertLessEqual(set(outcome), {"ok", -32009})
        daemon.wait_in_flight(0)

    def test_a_refused_notification_is_silent_and_counted(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1})
        with daemon.connect() as connection:
            self.burst(connection, "demo.sleep", {"ms": ms(300)}, 2)
            daemon.wait_in_flight(2)
            connection.notify("demo.echo", [1])
            self.assertEqual(counted(connection.receive_many(2)), {"ok": 2})
            connection.fence()
            self.assertEqual(daemon.value("sluice_calls_rejected_total", reason="queue_full"), 1)


class InFlight(DaemonTest):
    def test_max_in_flight_bounds_what_is_admitted(self):
        daemon = self.start(server={"workers": 8, "max_in_flight": 3})
        with daemon.connect() as connection:
            for id in range(5):
                connection.call("demo.sleep", {"ms": ms(300)}, id=id)
            refused = connection.receive_many(2)
            for reply in refused:
                self.assert_error(reply, -32009, "queue_full")
            self.assertEqual({reply["id"] for reply in refused}, {3, 4})
            self.assertEqual(counted(connection.receive_many(3)), {"ok": 3})
            self.assertEqual(daemon.value("sluice_in_flight_limit"), 3)

    def test_an_inline_call_takes_no_permit_from_calls_that_arrive_with_it(self):
        for permits in (1, 6, 100):
            daemon = self.start(server={"workers": 8, "worker_queue": 16, "max_in_flight": permits})
            with self.subTest(permits=permits), daemon.connect() as connection:
                inline = "".join(message("demo.echo_inline", [id], f"inline {id}") for id in range(3))
                sleeps = "".join(message("demo.sleep", {"ms": ms(50)}, id) for id in range(permits + 2))
                connection.send(inline + sleeps + "\n")
                replies = connection.receive_by_id(3 + permits + 2, 30)
                refused = [id for id in range(permits + 2) if code(replies[id]) != "ok"]
                self.assertEqual(refused, [permits, permits + 1])
                self.assertEqual([code(replies[f"inline {id}"]) for id in range(3)], ["ok"] * 3)
                daemon.wait_in_flight(0)

    def test_the_in_flight_limit_is_the_pools_by_default(self):
        daemon = self.start(server={"workers": 3, "worker_queue": 7})
        self.assertEqual(daemon.value("sluice_in_flight_limit"), 24)


class Bulkhead(DaemonTest):
    def test_a_methods_own_limit_refuses_only_that_method(self):
        daemon = self.start(server={"workers": 8}, methods={"demo.sleep": {"max_concurrent": 2}})
        with daemon.connect() as connection:
            for id in range(4):
                connection.call("demo.sleep", {"ms": ms(300)}, id=id)
            for reply in connection.receive_many(2):
                error = self.assert_error(reply, -32009, "method_busy", "Server is busy, try again later")
                self.assertGreater(error["data"]["retry_after_ms"], 0)
            self.assertEqual(connection.result("demo.hang", {"ms": 1}, id="other"), {"slept_ms": 1})
            connection.fence()
            self.assertEqual(counted(connection.receive_many(2)), {"ok": 2})
            self.assertEqual(daemon.value("sluice_calls_rejected_total", reason="method_busy"), 2)
            self.assertEqual(code(connection.request("demo.sleep", {"ms": 1}, id="again")), "ok")

    def test_a_timed_out_handler_that_runs_on_keeps_its_methods_permit(self):
        daemon = self.start(server={"workers": 4}, methods={"demo.hang": {"max_concurrent": 1}})
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.hang", {"ms": ms(400)}, timeout_ms=ms(50)), -32002)
            self.assert_error(connection.request("demo.hang", {"ms": 1}), -32009, "method_busy")
            daemon.wait_in_flight(0)
            self.assertEqual(code(connection.request("demo.hang", {"ms": 1})), "ok")

    def test_permits_are_released_however_a_call_ends(self):
        daemon = self.start(server={"workers": 4}, methods={"demo.*": {"max_concurrent": 2}})
        for kind in ("tcp", "unix"):
            for _ in range(5):
                with daemon.connect(kind) as connection:
                    connection.request("demo.echo", [1])
                    connection.request("demo.throw")
                    connection.request("demo.fail", {"code": 1, "message": ""})
                    connection.request("demo.sum", ["x"])
                    connection.request("demo.sleep", {"ms": ms(60000)}, timeout_ms=1)
                    connection.call("demo.sleep", {"ms": ms(60000)}, id="cancel")
                    connection.notify("$/cancelRequest", {"id": "cancel"})
                    connection.receive()
                    daemon.wait_in_flight(0)  # a stopped handler keeps its permit until it returns
                    connection.call("demo.sleep", {"ms": ms(60000)})
                    daemon.wait_in_flight(1, method="demo.sleep")
                    connection.reset()
                daemon.wait_in_flight(0)


class SlowCallsDelayNoOthers(DaemonTest):
    def test_a_quick_call_behind_a_slow_one_is_answered_at_once(self):
        with self.start(server={"workers": 2}).connect() as connection:
            connection.call("demo.sleep", {"ms": ms(1000)}, id="slow")
            watch = Stopwatch()
            connection.fence()
            self.assert_below(watch.ms(), ms(900))
            self.assertEqual(connection.receive()["id"], "slow")

    def test_a_hung_worker_delays_no_other_call(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection, daemon.connect("unix") as other:
            connection.call("demo.hang", {"ms": ms(1500)}, id="hang")
            watch = Stopwatch()
            for _ in range(2):
                for id in range(40):
                    connection.call("demo.sleep", {"ms": 2}, id=id)
                    other.call("demo.echo", [id], id=id)
                self.assertEqual(len(connection.receive_by_id(40)), 40)
                self.assertEqual(len(other.receive_by_id(40)), 40)
            self.assert_below(watch.ms(), ms(1200))
            self.assertEqual(connection.receive()["id"], "hang")

    def test_calls_that_wait_behind_a_hung_worker_are_run_by_others(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection:
            for id in range(20):  # both workers have a line of calls
                connection.call("demo.sleep", {"ms": 10}, id=id)
            connection.call("demo.hang", {"ms": ms(1500)}, id="hang")
            for id in range(20, 40):
                connection.call("demo.sleep", {"ms": 10}, id=id)
            watch = Stopwatch()
            self.assertEqual(set(connection.receive_by_id(40)), set(range(40)))
            self.assert_below(watch.ms(), ms(1200))
            self.assertEqual(connection.receive()["id"], "hang")

    def test_calls_of_methods_that_were_short_so_far_do_not_wait_for_one_that_is_not(self):
        with self.start(server={"workers": 4}).connect() as connection:
            for id in range(200):
                connection.result("demo.echo", [id], id=id)
                connection.result("demo.spin", {"ms": 0}, id=id)
            for round in range(3):
                calls = [message("demo.spin", {"ms": ms(700)}, "long")]
                calls += [message("demo.echo", [id], id) for id in range(20)]
                watch = Stopwatch()
                connection.send("\n".join(calls))  # one read: all are dispatched in the same iteration
                self.assertEqual(set(connection.receive_by_id(20)), set(range(20)))
                self.assert_below(watch.ms(), ms(500))
                self.assertEqual(connection.receive()["id"], "long")
                for _ in range(200):
                    connection.result("demo.spin", {"ms": 0}, id="short")

    def test_calls_on_one_connection_run_in_parallel(self):
        with self.start(server={"workers": 8}).connect() as connection:
            watch = Stopwatch()
            for id in range(8):
                connection.call("demo.sleep", {"ms": ms(300)}, id=id)
            self.assertEqual(set(connection.receive_by_id(8)), set(range(8)))
            self.assert_below(watch.ms(), ms(1200))

    def test_answers_come_in_the_order_in_which_calls_finish(self):
        with self.start(server={"workers": 4}).connect() as connection:
            for id, milliseconds in enumerate((450, 300, 150)):
                connection.call("demo.sleep", {"ms": ms(milliseconds)}, id=id)
            self.assertEqual([reply["id"] for reply in connection.receive_many(3)], [2, 1, 0])

    def test_inline_methods_answer_while_every_worker_is_busy(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection:
            for id in range(2):
                connection.call("demo.hang", {"ms": ms(500)}, id=id)
            daemon.wait_in_flight(2)
            watch = Stopwatch()
            self.assertEqual(connection.result("demo.echo_inline", [1], id="inline"), [1])
            self.assert_below(watch.ms(), ms(300))
            connection.receive_many(2)

    def test_a_deep_pipeline_is_answered_completely(self):
        daemon = self.start()
        for kind in ("tcp", "unix"):
            with self.subTest(kind), daemon.connect(kind) as connection:
                count = 20_000
                sender = threading.Thread(target=connection.send, args=("\n".join(message("demo.echo", [id], id) for id in range(count)),))
                sender.start()
                replies = connection.receive_by_id(count, 30)
                sender.join()
                self.assertEqual(set(counted(replies.values())), {"ok"})
                self.assertTrue(all(reply["result"] == [id] for id, reply in replies.items()))


class Window(DaemonTest):
    def test_past_its_window_a_connection_waits_and_loses_nothing(self):
        daemon = self.start(server={"workers": 8, "connection_window": 3})
        with daemon.connect() as connection:
            watch = Stopwatch()
            for id in range(12):
                connection.call("demo.sleep", {"ms": ms(100)}, id=id)
            most = 0
            while watch.ms() < ms(250):
                most = max(most, daemon.in_flight())
            self.assertEqual(set(counted(connection.receive_by_id(12).values())), {"ok"})
            self.assertGreaterEqual(watch.ms(), ms(400) - 5)
            self.assertLessEqual(most, 3)

    def test_one_connections_window_is_not_anothers(self):
        daemon = self.start(server={"workers": 4, "connection_window": 1})
        with daemon.connect() as connection, daemon.connect() as other:
            for id in range(3):
                connection.call("demo.sleep", {"ms": ms(300)}, id=id)
            watch = Stopwatch()
            other.fence()
            self.assert_below(watch.ms(), ms(250))
            self.assertEqual(len(connection.receive_by_id(3)), 3)


if __name__ == "__main__":
    main()
