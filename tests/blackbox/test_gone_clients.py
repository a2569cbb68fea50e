"""Clients that are gone, and clients that only seem to be."""

import signal
import time

from support.daemon import DaemonTest, Stopwatch, code, duration, main, message, ms
from support.flood import flood_unread
from support.json_rpc import batch
from support.tls import TlsConnection, authority
from support.transports import TRANSPORTS, TransportTest
from support.websocket_client import PING, PONG
from support.websocket_client import connect as open_websocket

LONG = 60_000  # of a call, in ms: longer than any test
FOUND_OUT = 2_000  # ms within which a client that is gone is noticed
SLACK = ms(3_000)
READ_MAX = 64 << 20  # bytes: far more than two kernels' buffers hold
WINDOW = 4  # calls of a connection at once


class Gone(TransportTest):
    """close() with nothing unread sends a FIN, as a half-close does; what tells them apart comes later."""

    options = {"server": {"call_timeout": "120s", "connection_window": WINDOW}}

    def assert_calls_end(self, what):
        watch = Stopwatch()
        self.daemon.wait_in_flight(0, seconds=20)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK, what)
        self.daemon.wait_connections(0)

    def fill(self, client):
        """Sends calls until the daemon's kernel takes no more."""
        data = client.encode(message("demo.sleep", {"ms": LONG}, 9, pad="x" * 1000)) * 64
        self.assert_below(flood_unread(client.socket, data, READ_MAX), READ_MAX, "everything was read")

    def start_calls(self, client, count):
        for number in range(count):
            client.call("demo.sleep", {"ms": LONG})
        self.daemon.wait_in_flight(min(count, WINDOW))

    def test_a_closed_connection_gives_up_its_calls(self):
        for transport in TRANSPORTS:
            for count in (1, WINDOW + 2):  # past the window nothing is read
                with self.subTest(transport, count=count):
                    client = self.open(transport=transport)
                    self.start_calls(client, count)
                    client.disconnect()
                    self.assert_calls_end("until a closed connection's calls have ended")

    def test_a_closed_stream_whose_end_lies_behind_what_is_not_read_gives_up_its_calls(self):
        for transport in ("lines", "headers"):
            with self.subTest(transport):
                client = self.open(transport=transport)
                self.start_calls(client, WINDOW)
                self.fill(client)
                client.disconnect()
                self.assert_calls_end("until a closed stream's calls have ended")

    def test_a_client_that_is_there_keeps_its_calls_while_more_waits_than_is_read(self):
        with self.connect() as connection:
            connection.expect_blanks()
            for number in range(4):
                connection.call("demo.sleep", {"ms": ms(5_000)}, id=number)
            self.daemon.wait_in_flight(4)
            self.fill(connection)
            self.assertEqual({connection.receive(within=30)["id"] for _ in range(4)}, set(range(4)))

    def test_a_batch_of_a_client_that_is_gone_is_given_up(self):
        text = batch(message("demo.sleep", {"ms": LONG}, id) for id in range(1, 4))
        for transport in TRANSPORTS:
            with self.subTest(transport):
                client = self.open(transport=transport)
                client.send_message(text)
                self.daemon.wait_in_flight(3)
                client.disconnect()
                self.assert_calls_end("until the batch has ended")

    def test_clients_that_come_and_go_do_not_take_the_workers(self):
        daemon = self.start(server={"call_timeout": "120s", "workers": 4})
        for transport in [*TRANSPORTS] * 15:
            client = self.open(daemon, transport=transport)
            client.call("demo.sleep", {"ms": LONG})
            client.wait_until_read()
            client.disconnect()
        watch = Stopwatch()
        self.connect(daemon).fence(within=20)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK, "until a worker is free")
        daemon.wait_in_flight(0)


class GoneOverTls(DaemonTest):
    def test_a_client_that_closes_gives_up_its_calls(self):
        daemon = self.start(server={"call_timeout": "120s"},
                            listen=[{"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")}])
        for says_so in (True, False):
            with self.subTest(close_notify=says_so):
                connection = TlsConnection(daemon.tcp(), authority().client())
                connection.send(message("demo.sleep", {"ms": LONG}, 1) + "\n")
                daemon.wait_in_flight(1)
                if says_so:
                    connection.half_close()
                connection.close()
                watch = Stopwatch()
                daemon.wait_in_flight(0, seconds=20)
                self.assert_below(watch.ms(), FOUND_OUT + SLACK)


class Silence(DaemonTest):
    """Only clients' silence counts, not the time that the server takes."""

    def test_a_websocket_whose_call_took_long_is_asked_before_it_is_dropped(self):
        idle = ms(1_000)
        daemon = self.start(server={"idle_timeout": duration(1_000)})
        with open_websocket(daemon, answer_pings=False) as client:
            self.assertEqual(code(client.request("demo.sleep", {"ms": 2 * idle})), "ok")
            answered = Stopwatch()
            self.assertEqual(client.receive_frame().opcode, PING)
            self.assertGreaterEqual(answered.ms(), idle / 4)
            asked = Stopwatch()
            client.expect_end()
            self.assertGreaterEqual(asked.ms(), idle / 4)

    def test_a_stream_whose_notification_took_long_is_not_idle_since_before_that(self):
        idle = ms(600)
        daemon = self.start(server={"idle_timeout": duration(600)})
        with self.connect(daemon) as connection:
            connection.notify("demo.sleep", {"ms": 2 * idle})
            daemon.wait_in_flight(1)
            daemon.wait_in_flight(0)
            ended = Stopwatch()
            self.assertEqual(connection.read_to_end(), [])
            self.assertGreaterEqual(ended.ms(), idle / 2)

    def test_what_came_while_the_server_was_busy_counts(self):
        idle = 500
        daemon = self.start(server={"idle_timeout": f"{idle}ms", "io_threads": 1})
        with self.connect(daemon) as connection:
            connection.fence()
            daemon.signal(signal.SIGSTOP)
            try:
                connection.call("demo.echo", [1])
                time.sleep(2 * idle / 1000)  # what is waited for is that this time passes
            finally:
                daemon.signal(signal.SIGCONT)
            self.assertEqual(connection.receive()["result"], [1])


class Pings(DaemonTest):
    def test_a_websocket_is_pinged_while_a_call_runs(self):
        interval = ms(300)
        daemon = self.start(server={"ping_interval": duration(300)})
        with open_websocket(daemon) as client:
            watch = Stopwatch()
            client.call("demo.sleep", {"ms": 8 * interval})
            pings = 0
            while True:
                got = client.receive_frame()
                if got.opcode != PING:
                    break
                pings += 1
                client.send_frame(got.payload, PONG)
            self.assertGreaterEqual(watch.ms(), 7 * interval)
            self.assertGreaterEqual(pings, 4)
            client.fence()

    def test_an_unanswered_ping_does_not_end_a_call(self):
        daemon = self.start(server={"ping_interval": duration(100), "idle_timeout": duration(400)})
        with open_websocket(daemon, answer_pings=False) as client:
            client.call("demo.sleep", {"ms": ms(1_500)})
            self.assertEqual(code(client.receive()), "ok")

    def test_a_websocket_that_answers_is_never_idle(self):
        daemon = self.start(server={"ping_interval": duration(200), "idle_timeout": duration(600)})
        with open_websocket(daemon) as client:
            end = time.monotonic() + ms(2_000) / 1000
            while time.monotonic() < end:
                got = client.receive_frame()
                self.assertEqual(got.opcode, PING)
                client.send_frame(got.payload, PONG)
            client.fence()


if __name__ == "__main__":
    main()
