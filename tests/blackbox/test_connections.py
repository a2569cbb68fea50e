"""Connections: their number, their time limits, their buffers, and descriptors running out."""

import os
import signal
import sys
import time

from support.children import FAULTY
from support.daemon import DaemonTest, SLOW, Stopwatch, code, duration, eventually, framed, main, message, ms


class Number(DaemonTest):
    def test_one_connection_too_many_is_closed_at_once_and_the_others_live_on(self):
        daemon = self.start(server={"max_connections": 4})
        kept = [self.connect(daemon, kind) for kind in ("tcp", "unix", "tcp", "unix")]
        for connection in kept:
            connection.fence()
        for kind in ("tcp", "unix"):
            watch = Stopwatch()
            try:
                daemon.connect(kind).expect_closed()
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assert_below(watch.ms(), ms(1000))
        for connection in kept:
            connection.fence()
        daemon.wait_log(r"warn .*127\.0\.0\.1:\d+: max_connections is reached: a new connection is closed")
        kept[0].close()
        eventually(5, lambda: daemon.connect().result("demo.echo", [1]) == [1], "a slot is free again")

    def test_closed_connections_free_their_slots(self):
        daemon = self.start(server={"max_connections": 3})

        def one_call(kind):
            with daemon.connect(kind) as connection:
                return connection.result("demo.echo", [1]) == [1]

        for round in range(30):
            eventually(5, lambda: one_call("unix" if round % 2 else "tcp"), "accepted again")
        daemon.wait_connections(0)

    def test_connections_are_counted(self):
        before = self.daemon.value("sluice_connections_total")
        connections = [self.connect(kind=kind) for kind in ("tcp", "unix", "tcp")]
        for connection in connections:
            connection.fence()
        self.daemon.wait_connections(3)
        self.assertEqual(self.daemon.value("sluice_connections_total"), before + 3)
        for connection in connections:
            connection.close()
        self.daemon.wait_connections(0)

    def test_five_hundred_connections_are_served_side_by_side(self):
        connections = [self.connect(kind="unix" if number % 2 else "tcp") for number in range(500)]
        for number, connection in enumerate(connections):
            connection.call("demo.echo", [number], id=number)
        for number, connection in enumerate(connections):
            self.assertEqual(connection.receive()["result"], [number])
        for connection in connections:
            connection.close()
        self.daemon.wait_connections(0)


class IdleTimeout(DaemonTest):
    options = {"server": {"idle_timeout": duration(300), "message_timeout": duration(60000)}}

    def test_an_idle_connection_is_closed(self):
        for kind in ("tcp", "unix"):
            with self.subTest(kind), self.daemon.connect(kind) as silent, self.daemon.connect(kind) as connection:
                connection.fence()
                watch = Stopwatch()
                self.assertEqual(connection.read_to_end(5), [])
                self.assertGreaterEqual(watch.ms(), ms(200))
                self.assert_below(watch.ms(), ms(3000))
                self.assertEqual(silent.read_to_end(5), [])

    def test_a_connection_with_a_call_in_flight_is_not_idle(self):
        with self.daemon.connect() as connection:
            self.assertEqual(code(connection.request("demo.sleep", {"ms": ms(1000)})), "ok")
            connection.fence()

    def test_a_connection_in_use_is_not_idle(self):
        with self.daemon.connect() as connection:
            watch = Stopwatch()
            while watch.ms() < ms(900):
                connection.request("demo.sleep", {"ms": ms(50)})


class MessageTimeout(DaemonTest):
    options = {"server": {"message_timeout": duration(400)}}

    def drip(self, connection, data):
        """A byte now and then: each byte is progress, the message as a whole never ends. The time it lived."""
        watch = Stopwatch()
        for at in range(len(data)):
            try:
                connection.send(data[at:at + 1])
                connection.socket.settimeout(ms(40) / 1000)  # the pace
                if not connection.socket.recv(4096):
                    return watch.ms()
            except TimeoutError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                return watch.ms()
        self.fail("a message that came too slowly was not cut off")

    def test_a_slow_drip_is_cut_off_at_the_messages_total_time(self):
        for head in (b'{"jsonrpc":"2.0","id":1,"params":["', b"Content-Length: 5000\r\n\r\n[", b"Content-Length: 5"):
            with self.subTest(head), self.daemon.connect() as connection:
                connection.send(head)
                lived = self.drip(connection, b"1" * 100)
                self.assertGreaterEqual(lived, ms(300))
                self.assert_below(lived, ms(2500))

    def test_a_message_that_stops_in_the_middle_is_cut_off(self):
        for kind in ("tcp", "unix"):
            with self.subTest(kind), self.daemon.connect(kind) as connection:
                connection.send('{"jsonrpc":"2.0",')
                watch = Stopwatch()
                try:
                    connection.read_to_end(5)
                except ConnectionResetError:
                    pass
                self.assert_below(watch.ms(), ms(3000))

    def test_a_first_byte_that_decides_nothing_is_cut_off(self):
        with self.daemon.connect() as connection:
            connection.send("Content-Le")
            try:
                connection.read_to_end(5)
            except ConnectionResetError:
                pass

    def test_the_time_in_which_nothing_is_read_does_not_count(self):
        # The limit has to be enough for what does count here: the first call, its reply's last part, the rest.
        daemon = self.start(server={"message_timeout": duration(3000), "max_output_buffer": "4MiB",
                                    "write_timeout": duration(60000)})
        with daemon.connect("unix") as connection:
            last = message("demo.echo", [2], 2)
            connection.send(message("demo.echo", ["x" * (2 << 20)], 1) + last[:20])
            time.sleep(ms(4500) / 1000)  # the first reply fills a quarter of the buffer until it is read
            self.assertEqual(connection.receive()["id"], 1)
            connection.send(last[20:])
            self.assertEqual(connection.receive()["result"], [2])
            # From here on it counts again.
            connection.send(last[:20])
            self.assertEqual(connection.read_to_end(), [])

    def test_others_are_served_meanwhile_and_time_between_messages_does_not_count(self):
        dripping = [self.connect() for _ in range(20)]
        for connection in dripping:
            connection.send('{"a":')
        with self.daemon.connect() as connection:
            watch = Stopwatch()
            while watch.ms() < ms(700):
                quick = Stopwatch()
                connection.fence()
                self.assert_below(quick.ms(), ms(300))
                connection.request("demo.sleep", {"ms": ms(30)})
        for connection in dripping:
            try:
                connection.read_to_end(5)
            except ConnectionResetError:
                pass


class CutOff(DaemonTest):
    def test_what_a_cut_off_client_still_sends_is_taken_in_after_a_pause(self):
        lost = [framed(message("demo.sleep", {"ms": ms(100)}, 1)) + b"Content-Length: none\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
                framed(message("demo.sleep", {"ms": ms(100)}, 1)) +
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"]
        for data in lost:
            with self.subTest(data), self.connect() as connection:
                connection.send(data)  # and makes a pause for as long as the call takes
                self.assertIn(b"slept_ms", connection.receive_bytes_to_end())
                before = self.daemon.value("sluice_received_bytes_total")
                connection.send(b"x" * 1000)  # what is answered by a reset is not received
                self.daemon.wait_value(before + 1000, "sluice_received_bytes_total")
        self.daemon.wait_connections(0)


def closed(connection):
    """Whether the daemon has ended it without a word."""
    connection.socket.settimeout(0.01)
    try:
        return connection.socket.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


class Descriptors(DaemonTest):
    def test_running_out_of_descriptors_costs_no_processor_time_and_passes(self):
        daemon = self.start(descriptors=48)
        first = self.connect(daemon)
        first.fence()
        crowd = [self.connect(daemon, "unix" if number % 2 else "tcp") for number in range(100)]
        before, watch = daemon.cpu_seconds(), Stopwatch()
        while watch.ms() < 1000:
            first.request("demo.sleep", {"ms": 100})  # the one that was in first is served all the time
        used = (daemon.cpu_seconds() - before) / (watch.ms() / 1000)
        self.assert_below(used, 0.2 * (2 if SLOW > 1 else 1), "share of a processor")
        for connection in crowd:
            connection.close()

        def served():
            with daemon.connect() as one, daemon.connect("unix") as two:
                return one.result("demo.echo", [1]) == [1] and two.result("demo.echo", [2]) == [2]

        eventually(10, served, "new connections are accepted again")
        first.fence()
        first.close()
        daemon.wait_connections(0)

    def test_a_child_that_dies_is_started_again_however_many_clients_there_are(self):
        daemon = self.start(descriptors=64, server={"io_threads": 1, "workers": 1},
                            backends=[{"name": "echo", "command": [sys.executable, FAULTY], "methods": ["echo.*"],
                                       "breaker": {"failures": 0}}])
        daemon.wait_log(r"max_connections is lowered from 10000 to \d+")
        first = self.connect(daemon)
        crowd = [self.connect(daemon, "unix" if number % 2 else "tcp") for number in range(60)]
        pid = eventually(10, lambda: first.request("echo.pid").get("result"))
        os.kill(pid, signal.SIGKILL)
        again = eventually(10, lambda: first.request("echo.pid").get("result"), "the child runs again")
        self.assertNotEqual(again, pid)
        self.assertEqual(daemon.http("/healthz")[0], 200)
        self.assertGreater(sum(not closed(each) for each in crowd), 3, "some clients are served")

    def test_clients_that_wait_for_a_descriptor_are_refused_or_served_but_never_left_hanging(self):
        daemon = self.start(descriptors=48)
        served = int(daemon.wait_log(r"max_connections is lowered from 10000 to (\d+)").group(1))
        crowd = [self.connect(daemon) for _ in range(80)]
        for connection in crowd:
            try:
                connection.call("demo.echo", [1])
            except (ConnectionResetError, BrokenPipeError):
                pass
        answered = 0
        for connection in crowd:  # each one that is done makes room for one that waits
            try:
                answered += connection.receive_text() is not None
            except (ConnectionResetError, BrokenPipeError):
                pass
            connection.close()
        self.assertGreaterEqual(answered, served)
        eventually(10, lambda: daemon.connect().result("demo.echo", [1]) == [1])


if __name__ == "__main__":
    main()
