"""SIGTERM, SIGINT and what becomes of calls: contract 6."""

import json
import os
import signal
import threading
import unittest

from support import websocket_client
from support.daemon import SLOW, DaemonTest, Stopwatch, code, duration, eventually, limit, main, message, ms
from support.json_rpc import batch


class Drain(DaemonTest):
    def test_an_idle_daemon_stops_at_once_with_exit_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start()
            idle = [self.connect(daemon, kind) for kind in ("tcp", "unix")]
            idle[0].fence()
            watch = Stopwatch()
            daemon.signal(number)
            for connection in idle:
                self.assertEqual(connection.read_to_end(), [])
                connection.close()
            self.assertEqual(daemon.wait_exit(), 0)
            self.assert_below(watch.ms(), ms(2000))

    def test_clients_that_do_not_close_their_side_cannot_hold_up_the_end_for_long(self):
        daemon = self.start(server={"drain_timeout": duration(30000)})
        idle = [self.connect(daemon, kind) for kind in ("tcp", "unix")]
        for connection in idle:
            connection.fence()
        watch = Stopwatch()
        self.assertEqual(daemon.stop(), 0)
        self.assert_below(watch.ms(), ms(5000))
        for connection in idle:
            self.assertEqual(connection.read_to_end(), [])

    def test_admitted_calls_finish_and_new_ones_are_refused(self):
        daemon = self.start(server={"workers": 2})
        with daemon.connect() as connection, daemon.connect("unix") as other:
            other.fence()
            connection.call("demo.sleep", {"ms": ms(1000)}, id="running")
            for id in range(3):
                other.call("demo.sleep", {"ms": ms(300)}, id=id)
            daemon.wait_in_flight(4)
            daemon.signal(signal.SIGTERM)
            eventually(5, lambda: daemon.http("/readyz")[0] == 503, "not ready")
            self.assertEqual(daemon.http("/healthz")[0], 200)
            for method in ("demo.echo", "demo.echo_inline", "demo.sleep"):
                self.assert_error(connection.request(method, {"ms": 1}, id="new"), -32012, "draining", "Server is shutting down")
            self.assertEqual({code(reply) for reply in other.receive_by_id(3).values()}, {"ok"})
            reply = connection.receive()
            self.assertEqual((reply["id"], code(reply)), ("running", "ok"))
            self.assertEqual(connection.read_to_end(), [])
        self.assertEqual(daemon.wait_exit(), 0)

    def test_the_listeners_are_closed_while_calls_finish(self):
        daemon = self.start()
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(1000)}, id=1)
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            for kind in ("tcp", "unix"):
                def refused():
                    try:
                        daemon.connect(kind).close()
                    except (ConnectionRefusedError, FileNotFoundError):
                        return True
                eventually(5, refused, f"{kind} refuses")
            self.assertEqual(code(connection.receive()), "ok")
        self.assertEqual(daemon.wait_exit(), 0)

    def test_idle_connections_are_closed_while_busy_ones_finish(self):
        daemon = self.start()
        with daemon.connect() as busy, daemon.connect() as idle, daemon.connect("unix") as half_sent:
            idle.fence()
            half_sent.send('{"jsonrpc":')
            busy.call("demo.sleep", {"ms": ms(1500)}, id=1)
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            watch = Stopwatch()
            self.assertEqual(idle.read_to_end(), [])
            self.assert_below(watch.ms(), ms(1200))
            self.assertEqual(code(busy.receive()), "ok")
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_call_can_still_be_cancelled_while_draining(self):
        daemon = self.start(server={"drain_timeout": duration(20000)})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(60000)}, id="long")
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            eventually(5, lambda: daemon.http("/readyz")[0] == 503)
            connection.notify("$/cancelRequest", {"id": "long"})
            self.assert_error(connection.receive(), -32800)
        self.assertEqual(daemon.wait_exit(10), 0)

    def test_a_batch_in_flight_is_answered_whole(self):
        daemon = self.start(server={"workers": 4, "batch_width": 2})
        with daemon.connect() as connection:
            connection.send(batch(message("demo.sleep", {"ms": ms(300)}, id) for id in range(4)))
            daemon.wait_in_flight(2)
            daemon.signal(signal.SIGTERM)
            replies = connection.receive()
            self.assertEqual([reply["id"] for reply in replies], [0, 1, 2, 3])
            self.assertEqual([code(reply) for reply in replies[:2]], ["ok", "ok"])
            self.assertLessEqual({code(reply) for reply in replies}, {"ok", -32012})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_big_reply_is_flushed_before_the_end(self):
        daemon = self.start()
        with daemon.connect(receive_buffer=8192) as connection:
            connection.send(message("demo.sleep", {"ms": ms(300)}, 0) + message("demo.echo", ["x" * 3_000_000], 1))
            daemon.wait_value(1, "sluice_calls_total", method="demo.echo", code="ok")
            daemon.signal(signal.SIGTERM)
            eventually(5, lambda: daemon.http("/readyz")[0] == 503)
            replies = connection.read_to_end()
            self.assertEqual({reply["id"]: code(reply) for reply in replies}, {0: "ok", 1: "ok"})
        self.assertEqual(daemon.wait_exit(), 0)


class DrainTimeout(DaemonTest):
    def test_what_is_left_at_drain_timeout_is_answered_and_named_and_the_exit_code_is_0(self):
        for method in ("demo.hang", "demo.sleep"):
            daemon = self.start(server={"workers": 2, "drain_timeout": duration(400)})
            with self.subTest(method), daemon.connect() as connection:
                connection.call(method, {"ms": ms(60000)}, id="left")
                daemon.wait_in_flight(1)
                begin, watch = len(daemon.log), Stopwatch()
                daemon.signal(signal.SIGTERM)
                reply = connection.receive()
                self.assertEqual(reply["id"], "left")
                self.assert_error(reply, -32012, "draining", "Server is shutting down")
                self.assertGreaterEqual(watch.ms(), ms(380))
                self.assertEqual(connection.read_to_end(), [])
                connection.close()
                self.assertEqual(daemon.wait_exit(), 0)
                self.assert_below(watch.ms(), ms(5000))
                daemon.wait_log(method.replace(".", r"\."), 1, begin)

    def test_waiting_calls_left_at_drain_timeout_are_answered_too(self):
        daemon = self.start(server={"workers": 1, "drain_timeout": duration(400)})
        with daemon.connect() as connection:
            connection.call("demo.hang", {"ms": ms(60000)}, id="hang")
            daemon.wait_in_flight(1)
            for id in range(5):
                connection.call("demo.echo", [1], id=id)
            daemon.wait_in_flight(6)
            daemon.signal(signal.SIGTERM)
            replies = connection.receive_by_id(6)
            self.assertEqual({code(reply) for reply in replies.values()}, {-32012})
        self.assertEqual(daemon.wait_exit(), 0)

    @unittest.skipIf(SLOW > 1, "half a second after the drain is too short for a sanitizer")
    def test_a_handler_that_ends_soon_after_drain_timeout_is_not_said_to_be_running(self):
        # With many daemons on one processor, the thread that exits may run before the one that drains completions.
        processor = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
        daemons = [self.start(server={"workers": 1, "drain_timeout": "50ms"}, prefix=processor) for _ in range(24)]
        connections = [self.connect(daemon) for daemon in daemons]
        for daemon, connection in zip(daemons, connections):
            connection.call("demo.hang", {"ms": 150}, id="left")
            connection.request("demo.echo_inline", id="after")
            daemon.signal(signal.SIGTERM)
        for connection in connections:
            connection.receive()
            connection.close()
        for daemon in daemons:
            self.assertEqual(daemon.wait_exit(), 0)
            self.assertFalse([line for line in daemon.log if "still running" in line])

    def test_a_client_that_never_reads_cannot_hold_up_the_end(self):
        daemon = self.start(server={"drain_timeout": duration(500), "write_timeout": duration(60000)})
        with daemon.connect(receive_buffer=4096) as connection:
            for _ in range(3):
                connection.send(message("demo.echo", ["x" * 3_000_000], 1))
            daemon.wait_value(3, "sluice_calls_total", method="demo.echo", code="ok")
            watch = Stopwatch()
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait_exit(), 0)
            self.assert_below(watch.ms(), ms(4000))

    def test_a_second_signal_stops_at_once_with_exit_code_1(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)):
            daemon = self.start(server={"drain_timeout": duration(60000)})
            with daemon.connect() as connection:
                connection.call("demo.hang", {"ms": ms(60000)})
                daemon.wait_in_flight(1)
                daemon.signal(first)
                eventually(5, lambda: daemon.http("/readyz")[0] == 503)
                watch = Stopwatch()
                daemon.signal(second)
                self.assertEqual(daemon.wait_exit(), 1)
                self.assert_below(watch.ms(), ms(3000))


STUBBORN = """
import json, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in iter(sys.stdin.readline, ""):
    call = json.loads(line)
    if call["method"] == "stubborn.up":
        print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": True}), flush=True)
time.sleep(600)
"""


class AllWithinDrainTimeout(DaemonTest):
    """Whatever clients, handlers and processes do, the end comes no more than a moment after drain_timeout."""

    SECONDS, MOMENT = 2, 0.6

    def setUp(self):
        backend = {"name": "stubborn", "command": ["python3", "-c", STUBBORN], "methods": ["stubborn.*"]}
        self.stopping = self.start(server={"drain_timeout": f"{self.SECONDS * 1000}ms", "write_timeout": "60s", "workers": 4},
                                   backends=[backend])

    def assert_ends_in_time(self):
        watch = Stopwatch()
        self.assertEqual(self.stopping.stop(), 0)
        self.assert_below(watch.ms(), (self.SECONDS + self.MOMENT * SLOW) * 1000)

    def pump(self, data):
        """A client that sends without pause and never reads."""
        connection = self.connect(self.stopping, receive_buffer=4096)

        def send():
            try:
                while True:
                    connection.socket.sendall(data)
            except OSError:
                pass

        connection.socket.settimeout(limit(60))
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)

    def test_clients_that_send_without_pause(self):
        for data in (message("demo.echo", [1], 1) + "\n", message("demo.echo", [1]) + "\n", "x\n"):
            self.pump(data.encode() * 1000)
        eventually(5, lambda: self.stopping.value("sluice_calls_total", method="demo.echo") > 1000)
        self.assert_ends_in_time()

    def test_a_client_that_reads_nothing_and_has_a_call_that_hangs(self):
        connection = self.connect(self.stopping, receive_buffer=4096)
        connection.call("demo.hang", {"ms": 600_000})
        for _ in range(3):
            connection.call("demo.echo", ["x" * 3_000_000])
        self.stopping.wait_value(3, "sluice_calls_total", method="demo.echo", code="ok")
        self.assert_ends_in_time()

    def test_a_websocket_that_does_not_close_its_side(self):
        client = websocket_client.connect(self.stopping)
        self.addCleanup(client.disconnect)
        client.call("demo.hang", {"ms": 600_000})
        self.stopping.wait_in_flight(1)
        self.assert_ends_in_time()

    def test_a_process_that_ignores_the_end_with_a_call(self):
        connection = self.connect(self.stopping)
        eventually(20, lambda: code(connection.request("stubborn.up")) == "ok")
        connection.call("stubborn.never", id="left")
        self.stopping.wait_in_flight(1, method="stubborn.*")
        self.stopping.signal(signal.SIGTERM)
        watch = Stopwatch()
        self.assert_error(connection.receive(), -32012, "draining")
        self.assertEqual(self.stopping.wait_exit(), 0)
        self.assert_below(watch.ms(), (self.SECONDS + self.MOMENT * SLOW) * 1000)

    def test_a_process_without_calls_ends_while_others_calls_go_on(self):
        connection = self.connect(self.stopping)
        eventually(20, lambda: code(connection.request("stubborn.up")) == "ok")
        connection.call("demo.hang", {"ms": 600_000})
        self.stopping.wait_in_flight(1)
        self.assert_ends_in_time()
        self.assertTrue([line for line in self.stopping.log if "process ended: signal 9" in line])


class Load(DaemonTest):
    """64 connections that keep calls in flight, and a SIGTERM among them."""

    CONNECTIONS, WINDOW = 64, 8

    def client(self, connection, stopping, outcome, number):
        """Keeps WINDOW calls in flight until a reply says that the daemon stops, then reads the remaining replies."""
        sent, answered, refused = {}, {}, False
        next_id = 0
        try:
            while True:
                while not refused and len(sent) - len(answered) < self.WINDOW:
                    method, params = ("demo.sleep", {"ms": 1}) if next_id % 3 else ("demo.echo", [next_id])
                    try:
                        connection.call(method, params, id=next_id)
                    except (BrokenPipeError, ConnectionResetError):
                        refused = True
                        break
                    sent[next_id] = stopping.is_set()  # read after the call was sent: not set, not late
                    next_id += 1
                text = connection.receive_text(20)
                if text is None:
                    break
                reply = json.loads(text)
                assert reply["id"] not in answered, f"answered twice: {reply}"
                answered[reply["id"]] = code(reply)
                refused = refused or code(reply) == -32012
            outcome[number] = (sent, answered, None)
        except Exception as error:  # an assertion in a thread must reach the test
            outcome[number] = (sent, answered, error)
        finally:
            connection.close()

    def test_every_call_sent_before_the_signal_is_answered_five_times_in_a_row(self):
        for round in range(5):
            daemon = self.start(server={"workers": 4})
            connections = [self.connect(daemon, "unix" if number % 2 else "tcp") for number in range(self.CONNECTIONS)]
            stopping, outcome = threading.Event(), {}
            threads = [threading.Thread(target=self.client, args=(connection, stopping, outcome, number))
                       for number, connection in enumerate(connections)]
            for thread in threads:
                thread.start()
            eventually(10, lambda: daemon.value("sluice_calls_total", code="ok") > 1000, "load")
            stopping.set()  # from here on a call may cross with the daemon's goodbye
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait_exit(20), 0)
            for thread in threads:
                thread.join(limit(20))
            self.assertEqual(len(outcome), self.CONNECTIONS)
            for number, (sent, answered, error) in outcome.items():
                self.assertIsNone(error, f"round {round}, connection {number}")
                self.assertLessEqual(set(answered.values()), {"ok", -32012})
                lost = [id for id, late in sent.items() if not late and id not in answered]
                self.assertEqual(lost, [], f"round {round}, connection {number}: sent before the signal, never answered")

    def test_calls_that_run_at_the_signal_are_all_answered_with_their_results(self):
        daemon = self.start(server={"workers": 4})
        connections = [self.connect(daemon, "unix" if number % 2 else "tcp") for number in range(self.CONNECTIONS)]
        for connection in connections:
            connection.send("".join(message("demo.sleep", {"ms": 5}, id) for id in range(8)))
        eventually(5, lambda: daemon.value("sluice_calls_total", method="demo.sleep") + daemon.in_flight() >= 8 * self.CONNECTIONS, "all admitted")
        daemon.signal(signal.SIGTERM)
        for connection in connections:
            self.assertEqual({reply["id"]: code(reply) for reply in connection.read_to_end()}, {id: "ok" for id in range(8)})
            connection.close()
        self.assertEqual(daemon.wait_exit(20), 0)


if __name__ == "__main__":
    main()
