"""Priorities, the adaptive limit and the adaptive pool: contract 10's [admission] and priority."""

import pathlib
import os
import time

from support.children import child
from support.daemon import SLOW, DaemonTest, code, eventually, main, ms
from support.upstream_servers import Misbehaving


class Priorities(DaemonTest):
    methods = {"demo.sleep": {"priority": "low"}, "demo.subtract": {"priority": "high"}}

    def test_low_ones_are_refused_first_and_high_ones_still_get_in(self):
        daemon = self.start(server={"workers": 40, "max_in_flight": 40, "connection_window": 1000}, methods=self.methods)
        low, high = self.connect(daemon), self.connect(daemon)
        for i in range(60):
            low.call("demo.sleep", {"ms": ms(60000)}, id=i)
        refused = low.receive_many(24)
        for reply in refused:
            self.assert_error(reply, -32009, "queue_full")
        self.assertEqual(daemon.in_flight(), 36)
        self.assertEqual(high.result("demo.subtract", [5, 3]), 2)
        self.assertEqual(high.result("demo.echo", [1]), [1])
        low.reset()

    def test_a_low_one_is_not_kept_out_for_good(self):
        daemon = self.start(server={"workers": 40, "max_in_flight": 40, "connection_window": 1000},
                            methods={"demo.hang": {"priority": "high"}, "demo.sum": {"priority": "low"}})
        busy, low = self.connect(daemon), self.connect(daemon)
        for i in range(36):
            busy.call("demo.hang", {"ms": ms(1500)})
        daemon.wait_in_flight(36)
        self.assertEqual(low.result("demo.sum", [1, 2]), 3)
        busy.receive_many(36)

    def test_high_ones_are_taken_from_a_queue_first(self):
        daemon = self.start(server={"workers": 1}, methods={"demo.echo": {"priority": "low"}, "demo.sum": {"priority": "high"}})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(200)}, id="first")
            daemon.wait_value(1, "sluice_worker_busy")
            for i in range(5):
                connection.call("demo.echo", [i], id=f"low {i}")
            for i in range(5):
                connection.call("demo.subtract", [i, 1], id=f"normal {i}")
            for i in range(5):
                connection.call("demo.sum", [i], id=f"high {i}")
            order = [reply["id"] for reply in connection.receive_many(16)]
        self.assertEqual(order[0], "first")
        kinds = [id.split()[0] for id in order[1:]]
        # But for the one in sixteen that goes to the lowest.
        self.assertLessEqual(sum(a != b for a, b in zip(kinds, ["high"] * 5 + ["normal"] * 5 + ["low"] * 5)), 6, order)
        self.assertEqual(kinds[:4].count("high") >= 3, True, order)


class BackendPriorities(DaemonTest):
    """The same order where calls wait for a backend."""

    methods = {"bad.wait": {"priority": "low"}, "bad.own": {"priority": "high"}}
    order = [*["bad.own"] * 5, *["bad.ok"] * 5, *["bad.wait"] * 5]

    def test_high_ones_reach_an_upstream_first(self):
        server = Misbehaving()
        self.addCleanup(server.close)
        upstream = {"name": "up", "url": server.url(), "methods": ["bad.*"], "connections": 1, "concurrency": 1}
        daemon = self.start(backends=[upstream], methods=self.methods)
        client = self.connect(daemon)
        client.call("bad.wait", ["first"])
        server.wait_seen("bad.wait")
        for method in reversed(self.order):
            client.call(method, {"code": 1})
        daemon.wait_value(16, "sluice_backend_in_flight")
        server.released.set()
        client.receive_many(16)
        self.assertEqual([call["method"] for call in server.seen[1:]], self.order)

    def test_high_ones_reach_a_child_first(self):
        methods = {"faulty.echo": {"priority": "low"}, "faulty.call": {"priority": "high"}}
        daemon = self.start(backends=[child()], methods=methods)
        client = self.connect(daemon)
        client.call("faulty.sleep", [0.2 * SLOW])
        daemon.wait_in_flight(1)
        for method in ("echo", "pid", "call"):
            for number in range(4):
                client.call(f"faulty.{method}", [number], id=f"{method} {number}")
        order = [reply["id"] for reply in client.receive_many(13)][1:]
        self.assertEqual(order, [f"{method} {number}" for method in ("call", "pid", "echo") for number in range(4)])

    def test_a_low_one_is_not_kept_waiting_for_good(self):
        daemon = self.start(backends=[child()], methods={"faulty.echo": {"priority": "low"}, "faulty.call": {"priority": "high"}})
        client = self.connect(daemon)
        client.call("faulty.sleep", [0.2 * SLOW])
        daemon.wait_in_flight(1)
        client.call("faulty.echo", [1], id="low")
        for _ in range(40):
            client.call("faulty.call")
        order = [reply["id"] for reply in client.receive_many(42)]
        self.assertLess(order.index("low"), 17)


class AdaptiveLimit(DaemonTest):
    def test_it_falls_while_calls_wait_and_recovers_after(self):
        daemon = self.start(server={"workers": 1, "connection_window": 2000}, backends=None,
                            text=None, methods={})
        limit = daemon.value("sluice_in_flight_limit")
        text = daemon.config.read_text() + "\n[admission]\nadaptive = true\nmin_limit = 2\n"
        daemon.reload(text=text)
        daemon.wait_log("configuration read again")
        with daemon.connect() as connection:
            sent = 0
            refused = []
            end = time.monotonic() + 20 * SLOW
            while not refused and time.monotonic() < end:
                for _ in range(30):
                    connection.call("demo.spin", {"ms": 3})
                    sent += 1
                refused += [reply for reply in connection.receive_many(sent) if "error" in reply]
                sent = 0
            self.assertTrue(refused, "the limit fell")
            error = self.assert_error(refused[0], -32009, "overloaded")
            self.assertGreater(error["data"]["retry_after_ms"], 0)
            self.assertLess(daemon.value("sluice_in_flight_limit"), limit)
            eventually(30, lambda: daemon.value("sluice_in_flight_limit") == limit, "it has recovered")
            connection.fence()

    def test_without_it_no_call_is_refused_for_waiting(self):
        daemon = self.start(server={"workers": 1, "connection_window": 2000})
        with daemon.connect() as connection:
            for _ in range(300):
                connection.call("demo.spin", {"ms": 3})
            for reply in connection.receive_many(300, 30):
                self.assertEqual(code(reply), "ok")


class AdaptivePool(DaemonTest):
    def workers(self, daemon):
        return len(daemon.metrics().label_values("sluice_worker_busy", "worker"))

    def test_a_stuck_worker_is_replaced_while_it_is_stuck(self):
        daemon = self.start(server={"workers": 1, "max_workers": 2})
        with daemon.connect() as connection:
            self.assertEqual(self.workers(daemon), 1)
            self.assert_error(connection.request("demo.hang", {"ms": ms(6000)}, timeout_ms=ms(50)), -32002)
            self.assertEqual(connection.result("demo.echo", [1], within=10), [1])
            self.assertEqual(self.workers(daemon), 2)
            self.assertEqual(daemon.http("/healthz")[0], 200)
            daemon.wait_in_flight(0, 10)
            eventually(10, lambda: self.workers(daemon) == 1, "one is enough again")
            self.assertEqual(connection.result("demo.echo", [2]), [2])

    def test_workers_are_added_while_calls_wait(self):
        daemon = self.start(server={"workers": 1, "max_workers": 4})
        with daemon.connect() as connection:
            for _ in range(24):
                connection.call("demo.sleep", {"ms": ms(100)})
            eventually(10, lambda: self.workers(daemon) == 4, "four work")
            connection.receive_many(24, 20)

    def test_workers_stay_on_the_cpus_that_they_are_given(self):
        daemon = self.start(server={"workers": 2, "worker_cpus": "0"})
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")
        # A thread gives itself its name.
        named = {"io-0", "worker-0", "worker-1"}
        eventually(5, lambda: named <= {(task / "comm").read_text().strip() for task in tasks.iterdir()})
        allowed = {}
        for task in tasks.iterdir():
            name = (task / "comm").read_text().strip()
            status = (task / "status").read_text()
            allowed[name] = next(line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list"))
        self.assertEqual({allowed["worker-0"], allowed["worker-1"]}, {"0"})
        if os.cpu_count() > 1:
            self.assertNotEqual(allowed["io-0"], "0")


if __name__ == "__main__":
    main()
