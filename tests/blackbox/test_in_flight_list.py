"""rpc.calls: what runs and waits, for operators."""

import json
import time

from support.children import child
from support.daemon import SLOW, DaemonTest, eventually, main, message, ms

PAUSE_S = 0.005  # between two lists, at least


class InFlightList(DaemonTest):
    def calls(self, connection):
        return connection.result("rpc.calls")["calls"]

    def test_running_and_waiting_calls_are_shown(self):
        daemon = self.start(server={"workers": 1, "io_threads": 2})
        busy, operator = self.connect(daemon), self.connect(daemon)
        busy.call("demo.sleep", {"ms": ms(60000)}, id="first")
        daemon.wait_value(1, "sluice_worker_busy")
        busy.call("demo.echo", [1], id=2.0)
        daemon.wait_in_flight(2)
        first, second = eventually(5, lambda: (lambda found: found if len(found) == 2 else None)(self.calls(operator)))
        self.assertEqual((first["method"], first["id"], first["phase"]), ("demo.sleep", "first", "running"))
        self.assertEqual((second["method"], second["id"], second["phase"]), ("demo.echo", 2.0, "waiting"))
        self.assertGreaterEqual(first["age_ms"], second["age_ms"])
        self.assertTrue(0 < first["remaining_ms"] <= 30000 , first)
        self.assertNotIn("client", first)
        busy.reset()

    def test_a_handler_that_runs_on_after_its_answer_is_abandoned(self):
        daemon = self.start()
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.hang", {"ms": ms(2000)}, timeout_ms=ms(20)), -32002)
            self.assertEqual([call["phase"] for call in self.calls(connection)], ["abandoned"])

    def test_of_many_the_thousand_oldest_are_shown(self):
        daemon = self.start(server={"workers": 1, "io_threads": 1, "max_in_flight": 4096, "worker_queue": 4096,
                                    "connection_window": 2000})
        with daemon.connect() as busy, daemon.connect() as operator:
            for id in range(1200):
                busy.call("demo.sleep", {"ms": ms(60000)}, id=id)
            daemon.wait_in_flight(1200)
            self.assertEqual(sorted(call["id"] for call in self.calls(operator)), list(range(1000)))
            busy.reset()

    def test_it_is_answered_when_every_permit_is_taken(self):
        daemon = self.start(server={"workers": 1, "max_in_flight": 1})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id="long")
            daemon.wait_in_flight(1)
            self.assert_error(connection.request("demo.echo", [1]), -32009, "queue_full")
            self.assertEqual(len(self.calls(connection)), 1)
            connection.reset()

    def test_a_backends_call_names_it(self):
        daemon = self.start(backends=[child()])
        with daemon.connect() as connection:
            connection.call("faulty.sleep", [0.3 * SLOW])
            daemon.wait_in_flight(1)
            connection.call("rpc.calls", id="list")
            replies = connection.receive_by_id(2)
            listed = replies["list"]["result"]["calls"]
            self.assertEqual([(call["method"], call["backend"]) for call in listed], [("faulty.sleep", "faulty")])

    def test_a_call_that_waits_for_its_backend_waits(self):
        daemon = self.start(backends=[child(concurrency=1)])
        with daemon.connect() as connection:
            connection.call("faulty.until_cancelled", id="first")
            connection.call("faulty.echo", id="second")
            daemon.wait_in_flight(2)
            shown = lambda: {call["id"]: call["phase"] for call in self.calls(operator)}
            operator = self.connect(daemon)
            eventually(5, lambda: shown() == {"first": "running", "second": "waiting"})
            connection.reset()

    def test_a_batch_of_more_than_are_answered_at_once_is_answered(self):
        for io_threads in (1, 3):
            with self.start(server={"io_threads": io_threads}).connect() as connection:
                batch = [json.loads(message("rpc.calls", None, id)) for id in range(100)]
                connection.send(json.dumps(batch) + "\n")
                self.assertEqual(len(json.loads(connection.receive_text(10))), 100)

    def test_a_second_request_right_after_the_first_is_delayed(self):
        with self.start().connect() as connection:
            began = time.monotonic()
            for _ in range(6):
                self.calls(connection)
            self.assertGreaterEqual(time.monotonic() - began, 5 * PAUSE_S)

    def test_an_address_that_asks_without_end_leaves_room_for_others(self):
        daemon = self.start(server={"io_threads": 1})
        greedy = [self.connect(daemon) for _ in range(4)]
        with daemon.connect("unix") as operator:
            for _ in range(20):
                for connection in greedy:
                    connection.send("".join(message("rpc.calls", None, id) + "\n" for id in range(10)))
                self.assertIn("result", operator.request("rpc.calls"))
                for connection in greedy:
                    connection.receive_by_id(10)

    def test_only_clients_that_are_granted_it_may_ask(self):
        for methods, expected in ((["demo.*"], -32016), (["demo.*", "rpc.calls"], None), (["*", "!rpc.calls"], -32016)):
            daemon = self.start(clients=[{"name": "anonymous", "methods": methods}])
            with daemon.connect() as connection:
                reply = connection.request("rpc.calls")
                if expected:
                    self.assert_error(reply, expected)
                else:
                    self.assertEqual(reply["result"], {"total": 0, "calls": []})

    def test_who_calls_is_shown(self):
        daemon = self.start(clients=[{"name": "anonymous", "methods": ["*"]}])
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)})
            daemon.wait_in_flight(1)
            connection.call("rpc.calls", id="list")
            self.assertEqual([call["client"] for call in connection.receive()["result"]["calls"]], ["anonymous"])
            connection.reset()


if __name__ == "__main__":
    main()
