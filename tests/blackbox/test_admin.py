"""/metrics, /healthz and /readyz: contract 6."""

import shutil
import subprocess
import threading
import unittest

from support.daemon import Connection, DaemonTest, Stopwatch, code, duration, eventually, limit, main, message, ms

COUNTERS = {"sluice_calls_total", "sluice_calls_rejected_total", "sluice_connections_total", "sluice_received_bytes_total",
            "sluice_sent_bytes_total"}
GAUGES = {"sluice_calls_in_flight", "sluice_calls_abandoned", "sluice_in_flight_limit", "sluice_worker_queue_depth", "sluice_worker_busy",
          "sluice_connections", "sluice_build_info"}
HISTOGRAMS = {"sluice_call_queue_seconds", "sluice_call_run_seconds"}


class MetricsPage(DaemonTest):
    options = {"server": {"workers": 3}}

    def exercise(self):
        with self.daemon.connect() as connection:
            connection.request("demo.echo", [1])
            connection.request("demo.throw")
            connection.request("no.such")
            connection.request_text("oops")
            connection.request_text("{}")
            connection.notify("demo.echo", [2])
            connection.fence()

    def test_all_metrics_are_there_with_their_types(self):
        self.exercise()
        metrics = self.daemon.metrics()
        for names, kind in ((COUNTERS, "counter"), (GAUGES, "gauge"), (HISTOGRAMS, "histogram")):
            for name in names:
                with self.subTest(name):
                    self.assertEqual(metrics.types.get(name), kind)
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds", "process_max_fds",
                     "process_virtual_memory_bytes"):
            with self.subTest(name):
                self.assertIn(name, metrics.names())

    def test_labels_are_as_promised(self):
        self.exercise()
        metrics = self.daemon.metrics()
        self.assertTrue({"demo.echo", "demo.throw", "_unknown", "_invalid"} <= metrics.label_values("sluice_calls_total", "method"))
        self.assertTrue({"ok", "-32603", "-32601", "-32700", "-32600"} <= metrics.label_values("sluice_calls_total", "code"))
        self.assertEqual(len(metrics.label_values("sluice_worker_busy", "worker")), 3)
        self.assertEqual(len(metrics.label_values("sluice_worker_queue_depth", "worker")), 3)
        self.assertTrue(metrics.label_values("sluice_build_info", "version"))
        self.assertEqual(metrics.value("sluice_build_info"), 1)
        self.assertTrue(metrics.label_values("sluice_connections_total", "protocol"))

    def test_calls_are_counted_by_method_and_code(self):
        before = self.daemon.metrics()
        self.exercise()
        for method, result, count in [("demo.echo", "ok", 3), ("demo.throw", "-32603", 1), ("_unknown", "-32601", 1), ("_invalid", "-32700", 1),
                                      ("_invalid", "-32600", 1)]:
            with self.subTest(method, code=result):
                self.daemon.wait_value(before.value("sluice_calls_total", method=method, code=result) + count, "sluice_calls_total",
                                       method=method, code=result)

    def test_clients_cannot_create_series(self):
        with self.daemon.connect() as connection:
            for number in range(50):
                connection.request(f"made.up.{number}")
                connection.request("demo.fail", {"code": 100_000 + number, "message": ""})
                connection.notify(f"made.up.{number}")
            connection.request('a"b\nc\\')
        metrics = self.daemon.metrics()
        self.assertNotIn("made.up", metrics.text)
        self.assertLessEqual(len([1 for name, labels in metrics if name == "sluice_calls_total" and ("method", "demo.fail") in labels]), 40)

    def test_histograms_count_all_calls_that_ran_and_no_others(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 2})
        with daemon.connect() as connection:
            for _ in range(5):
                connection.request("demo.sleep", {"ms": 20})
            connection.notify("demo.sleep", {"ms": 20})
            connection.fence()
            daemon.wait_value(6, "sluice_call_run_seconds_count", method="demo.sleep")
            daemon.wait_value(6, "sluice_call_queue_seconds_count", method="demo.sleep")
            self.assertGreaterEqual(daemon.value("sluice_call_run_seconds_sum", method="demo.sleep"), 0.11)
            connection.request("no.such")
            connection.call("demo.hang", {"ms": ms(300)}, id="hang")
            connection.send("".join(message("demo.sleep", {"ms": 1}, id) for id in range(5)))
            replies = connection.receive_by_id(6)
            self.assertEqual([code(reply) for reply in replies.values()].count(-32009), 3)
            daemon.wait_value(8, "sluice_call_run_seconds_count", method="demo.sleep")
            self.assertEqual(daemon.value("sluice_call_queue_seconds_count", method="_unknown"), 0)
            metrics = daemon.metrics()
            self.assertEqual(metrics.value("sluice_call_run_seconds_bucket", method="demo.sleep", le="+Inf"), 8)

    def test_time_in_the_queue_and_time_running_are_kept_apart(self):
        daemon = self.start(server={"workers": 1})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": 300}, id=1)
            daemon.wait_in_flight(1)
            connection.call("demo.echo", [1], id=2)
            connection.receive_by_id(2)
        eventually(5, lambda: daemon.value("sluice_call_queue_seconds_sum", method="demo.echo") > 0.15)
        self.assert_below(daemon.value("sluice_call_run_seconds_sum", method="demo.echo"), 0.1)

    def test_busy_workers_and_their_queues_show(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection:
            for id in range(6):
                connection.call("demo.sleep", {"ms": ms(60000)}, id=id)
            eventually(5, lambda: daemon.value("sluice_worker_busy") == 2 and daemon.value("sluice_worker_queue_depth") == 4, "2 busy, 4 waiting")
            connection.reset()
        eventually(5, lambda: daemon.value("sluice_worker_busy") == 0 and daemon.value("sluice_worker_queue_depth") == 0, "idle")

    def test_bytes_are_counted(self):
        before = self.daemon.metrics()
        with self.daemon.connect() as connection:
            connection.result("demo.echo", ["x" * 100_000])
        for name in ("sluice_received_bytes_total", "sluice_sent_bytes_total"):
            eventually(5, lambda: 100_000 < self.daemon.value(name) - before.value(name) < 102_000, name)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_finds_no_fault(self):
        self.exercise()
        done = subprocess.run(["promtool", "check", "metrics"], input=self.daemon.metrics().text, capture_output=True, text=True,
                              timeout=limit(20))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_pages_are_served_while_the_pool_and_all_connections_are_taken(self):
        daemon = self.start(server={"workers": 1, "worker_queue": 1, "max_connections": 2})
        connections = [self.connect(daemon) for _ in range(2)]
        for connection in connections:
            connection.call("demo.hang", {"ms": ms(600)}, id=1)
        daemon.wait_in_flight(2)
        watch = Stopwatch()
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(daemon.http(path)[0], 200)
        self.assert_below(watch.ms(), ms(500))
        for connection in connections:
            connection.receive()


class Health(DaemonTest):
    def test_a_daemon_at_work_is_healthy_and_ready(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.daemon.http(path)[0], 200)

    def test_health_fails_when_every_worker_is_stuck_past_its_limit_and_comes_back(self):
        daemon = self.start(server={"workers": 2, "call_timeout": duration(200)})
        with daemon.connect() as connection:
            for id in range(2):
                connection.call("demo.hang", {"ms": ms(2500)}, id=id)
            connection.receive_many(2)
            eventually(2, lambda: daemon.http("/healthz")[0] == 503, "/healthz is 503")
            eventually(5, lambda: daemon.http("/healthz")[0] == 200, "/healthz is 200 again")

    def test_long_calls_within_their_limit_are_healthy(self):
        daemon = self.start(server={"workers": 1, "call_timeout": duration(10000)})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(1000)}, id=1)
            watch = Stopwatch()
            while watch.ms() < ms(800):
                self.assertEqual(daemon.http("/healthz")[0], 200)
            connection.receive()

    def test_one_stuck_worker_among_others_leaves_the_daemon_healthy(self):
        daemon = self.start(server={"workers": 2, "call_timeout": duration(100)})
        with daemon.connect() as connection:
            connection.request("demo.hang", {"ms": ms(800)})
            watch = Stopwatch()
            while watch.ms() < ms(400):
                self.assertEqual(daemon.http("/healthz")[0], 200)
        daemon.wait_in_flight(0)


def ask(daemon, text):
    """All that the admin listener answers to what a client sends before it ends its side."""
    with Connection(daemon.admin()) as connection:
        try:
            connection.send(text)
            connection.half_close()
        except OSError:  # refused before the whole request was sent
            pass
        return connection.receive_bytes_until_closed()


class AdminHttp(DaemonTest):
    def test_unknown_paths_are_not_found(self):
        for path in ("/", "/metrics/", "/metric", "/../etc/passwd", "/%2e%2e/etc/passwd", "/healthz/x"):
            with self.subTest(path):
                self.assertEqual(self.daemon.http(path)[0], 404)

    def test_a_query_does_not_change_the_page(self):
        self.assertIn(self.daemon.http("/readyz?verbose=1")[0], (200, 404))

    def test_other_methods_are_refused(self):
        for method in ("POST", "PUT", "DELETE"):
            with self.subTest(method):
                self.assertEqual(self.daemon.http("/metrics", method)[0], 405)

    def test_metrics_are_served_as_prometheus_text(self):
        answer = ask(self.daemon, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = answer.split(b"\r\n\r\n")[0].lower()
        self.assertIn(b"200", head.split(b"\r\n")[0])
        self.assertIn(b"content-type: text/plain", head)

    def test_invalid_input_is_refused_and_harms_no_other_client(self):
        for text in ("invalid\r\n\r\n", "\x00\x01\x02", "GET / HTTP/9.9\r\n\r\n", "GET /metrics HTTP/1.1\r\n" + "X: y\r\n" * 20_000 + "\r\n",
                     "GET " + "/" * 100_000 + " HTTP/1.1\r\n\r\n", message("demo.echo", [1], 1)):
            with self.subTest(text[:30]):
                answer = ask(self.daemon, text)
                self.assertTrue(not answer or b" 200 " not in answer.split(b"\r\n")[0], answer[:80])
        self.assertEqual(self.daemon.http("/healthz")[0], 200)

    def test_many_clients_can_request_pages_at_once(self):
        failures = []

        def ask():
            for _ in range(20):
                for path in ("/metrics", "/healthz", "/readyz"):
                    if self.daemon.http(path)[0] != 200:
                        failures.append(path)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(limit(20))
        self.assertEqual(failures, [])

    def test_a_client_that_sends_nothing_does_not_delay_others(self):
        for _ in range(20):
            self.enterContext(Connection(self.daemon.admin()))
        for _ in range(5):
            self.assertEqual(self.daemon.http("/healthz", seconds=3)[0], 200)


class AdminListener(DaemonTest):
    def ask(self, head):
        return ask(self.daemon, head).decode()

    def test_a_foreign_host_name_is_refused(self):
        for path in ("/metrics", "/healthz", "/readyz"):
            for host in ("evil.example", "localhost.evil.example", "[::2]"):
                with self.subTest(path, host=host):
                    answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
                    self.assertTrue(answer.startswith("HTTP/1.1 403 "), answer)
                    self.assertNotIn("sluice_", answer)
            for host in ("localhost", "127.0.0.1:7071", "[0:0::1]", "LOCALHOST."):
                with self.subTest(path, host=host):
                    answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
                    self.assertTrue(answer.startswith("HTTP/1.1 200 "), answer)
        self.assertTrue(self.ask("GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith("HTTP/1.1 403 "))

    def test_a_request_must_name_exactly_one_host(self):
        for hosts in ((), ("localhost", "localhost"), ("localhost", "evil.example")):
            lines = "".join(f"Host: {host}\r\n" for host in hosts)
            with self.subTest(hosts=hosts):
                self.assertTrue(self.ask(f"GET /healthz HTTP/1.1\r\n{lines}Connection: close\r\n\r\n").startswith("HTTP/1.1 400 "))
        self.assertTrue(self.ask("GET /healthz HTTP/1.0\r\n\r\n").startswith("HTTP/1.0 200 "))

    def test_head_has_the_length_of_get(self):
        for path in ("/healthz", "/readyz", "/nothing"):
            with self.subTest(path):
                get = self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                head = self.ask(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.assertEqual(head, get.partition("\r\n\r\n")[0] + "\r\n\r\n")

    def test_silent_connections_do_not_delay_other_clients(self):
        for begin in (b"", b"GET /metrics HTTP/1.1\r\n"):
            for _ in range(100):
                self.enterContext(Connection(self.daemon.admin())).send(begin)
            watch = Stopwatch()
            self.assertEqual(self.daemon.http("/healthz")[0], 200)
            self.assert_below(watch.ms(), limit(1.5) * 1000)

    def test_a_head_must_arrive_within_two_seconds(self):
        with Connection(self.daemon.admin()) as client:
            client.send(b"GET /metrics HTTP/1.1\r\n")
            watch = Stopwatch()
            self.assertEqual(client.receive_bytes_to_end(), b"")
            self.assert_below(watch.ms(), limit(5) * 1000)


if __name__ == "__main__":
    main()
