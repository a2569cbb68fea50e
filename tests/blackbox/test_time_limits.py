"""Time limits of the server, of a method and of a client: contract 3 and 5."""

from support.daemon import DaemonTest, Stopwatch, code, duration, eventually, main, ms


class ServerLimit(DaemonTest):
    options = {"server": {"workers": 4, "call_timeout": duration(200)}}

    def test_a_running_call_is_answered_when_its_time_is_over(self):
        with self.daemon.connect() as connection:
            for method in ("demo.sleep", "demo.hang"):
                watch = Stopwatch()
                error = self.assert_error(connection.request(method, {"ms": ms(700)}), -32002, "timeout", "Request timed out")
                self.assertEqual(error["data"]["timeout_ms"], ms(200))
                self.assertGreaterEqual(watch.ms(), ms(200) - 5)
                self.assert_below(watch.ms(), ms(690))
            connection.fence()

    def test_a_late_result_is_dropped(self):
        with self.daemon.connect() as connection:
            self.assert_error(connection.request("demo.hang", {"ms": ms(400)}, id="late"), -32002)
            self.daemon.wait_in_flight(0)
            connection.fence()

    def test_a_client_may_shorten_the_limit(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.sleep", {"ms": ms(60000)}, timeout_ms=ms(40)), -32002, "timeout")
            self.assertEqual(error["data"]["timeout_ms"], ms(40))

    def test_a_client_cannot_lengthen_the_limit(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.sleep", {"ms": ms(60000)}, timeout_ms=ms(60000)), -32002, "timeout")
            self.assertEqual(error["data"]["timeout_ms"], ms(200))

    def test_a_timed_out_sleep_frees_its_worker_at_once(self):
        with self.daemon.connect() as connection:
            for _ in range(8):
                connection.call("demo.sleep", {"ms": ms(60000)}, timeout_ms=ms(20))
            connection.receive_many(8)
            self.daemon.wait_in_flight(0)
            self.assertEqual(self.daemon.value("sluice_calls_abandoned"), 0)

    def test_a_notification_past_its_limit_is_silent(self):
        with self.daemon.connect() as connection:
            connection.notify("demo.sleep", {"ms": ms(60000)}, timeout_ms=ms(20))
            self.daemon.wait_in_flight(0)
            connection.fence()

    def test_completion_and_time_limit_at_the_same_moment_give_one_answer(self):
        with self.daemon.connect() as connection:
            for _ in range(60):
                self.assertIn(code(connection.request("demo.sleep", {"ms": 5}, timeout_ms=5)), ("ok", -32002))
            connection.fence()
        self.daemon.wait_in_flight(0)


class Abandoned(DaemonTest):
    def test_a_handler_that_runs_on_is_counted_until_it_returns(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.hang", {"ms": ms(700)}, timeout_ms=ms(100)), -32002)
            daemon.wait_value(1, "sluice_calls_abandoned")
            self.assertEqual(daemon.in_flight(method="demo.hang"), 1)
            eventually(5, lambda: daemon.value("sluice_calls_abandoned") == 0, "none abandoned")
            daemon.wait_in_flight(0)

    def test_an_abandoned_handler_keeps_its_permit(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1})
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.hang", {"ms": ms(800)}, timeout_ms=ms(50)), -32002)
            waiting = connection.call("demo.sleep", {"ms": 1})
            self.assert_error(connection.request("demo.echo"), -32009, "queue_full")
            self.assertEqual(connection.receive()["id"], waiting)
        daemon.wait_in_flight(0)


class Queued(DaemonTest):
    def test_a_waiting_call_is_answered_at_its_limit_and_never_run(self):
        daemon = self.start(server={"workers": 1})
        with daemon.connect() as connection:
            first = connection.call("demo.hang", {"ms": ms(700)})
            daemon.wait_in_flight(1)
            watch = Stopwatch()
            for _ in range(5):
                connection.call("demo.echo", [1], timeout_ms=ms(100))
            for reply in connection.receive_many(5):
                error = self.assert_error(reply, -32002, "timeout")
                self.assertEqual(error["data"]["timeout_ms"], ms(100))
            self.assert_below(watch.ms(), ms(500))
            self.assertEqual(connection.receive()["id"], first)
            connection.fence()
            daemon.wait_value(1, "sluice_call_run_seconds_count", method="demo.echo")  # the fence
            metrics = daemon.metrics()
            self.assertEqual(metrics.value("sluice_calls_total", method="demo.echo", code="-32002"), 5)
            self.assertEqual(metrics.value("sluice_call_queue_seconds_count", method="demo.echo"), 1)

    def test_a_waiting_call_that_expires_releases_its_permit(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(800)}, id="hang")
            daemon.wait_in_flight(1)
            self.assert_error(connection.request("demo.echo", timeout_ms=ms(50)), -32002)
            daemon.wait_in_flight(1)
            self.assert_error(connection.request("demo.echo", timeout_ms=ms(50)), -32002)
            self.assertEqual(connection.receive()["id"], "hang")

    def test_the_time_in_the_queue_counts(self):
        daemon = self.start(server={"workers": 1})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(300)}, id="hang")
            watch = Stopwatch()
            connection.call("demo.sleep", {"ms": ms(300)}, id="sleep", timeout_ms=ms(450))
            replies = connection.receive_by_id(2)
            self.assert_error(replies["sleep"], -32002)
            self.assert_below(watch.ms(), ms(600))


class MethodLimit(DaemonTest):
    options = {
        "server": {"workers": 4, "call_timeout": duration(200)},
        "methods": {"demo.*": {"timeout": duration(5000)}, "demo.s*": {"timeout": duration(100)}, "demo.sleep": {"timeout": duration(600)}},
    }

    def test_a_methods_limit_may_be_longer_than_the_servers(self):
        with self.daemon.connect() as connection:
            self.assertEqual(code(connection.request("demo.sleep", {"ms": ms(350)})), "ok")

    def test_a_methods_limit_applies_in_place_of_the_servers(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.sleep", {"ms": ms(60000)}), -32002)
            self.assertEqual(error["data"]["timeout_ms"], ms(600))

    def test_the_longest_match_wins(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.spin", {"ms": ms(300)}), -32002)  # demo.s*
            self.assertEqual(error["data"]["timeout_ms"], ms(100))
            self.assertEqual(code(connection.request("demo.hang", {"ms": ms(350)})), "ok")  # demo.*

    def test_a_client_may_shorten_a_methods_limit_too(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.sleep", {"ms": ms(60000)}, timeout_ms=ms(50)), -32002)
            self.assertEqual(error["data"]["timeout_ms"], ms(50))


if __name__ == "__main__":
    main()
