"""Clients that are gone, and clients that only seem to be."""

import signal
import socket
import time

from daemon import DaemonTest, Stopwatch, code, duration, framed, limit, main, message, ms
from http_client import HttpClient
from http_client import request as http_request
from tls import Authority, TlsConnection
from websocket_client import PING, PONG, WebSocketClient
from websocket_client import connect as open_websocket

LONG = 60_000  # of a call, in ms: longer than any test
FOUND_OUT = 2_000  # ms within which a client that is gone is noticed
SLACK = ms(3_000)


def fill(link, data, most=64 << 20):
    """Sends it again and again until the peer's kernel takes no more."""
    link.settimeout(0.3)
    sent = 0
    try:
        while sent < most:
            link.sendall(data * 64)
            sent += len(data) * 64
    except TimeoutError:
        return
    raise AssertionError("all of it was read")


class Gone(DaemonTest):
    """close() with nothing unread sends a FIN, as a half-close does; what tells them apart comes later."""

    options = {"server": {"call_timeout": "120s", "connection_window": 4}}

    def assert_calls_end(self, what):
        watch = Stopwatch()
        self.daemon.wait_in_flight(0, seconds=20)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK, what)
        self.daemon.wait_connections(0)

    def start_calls(self, send, count):
        for number in range(count):
            send(message("demo.sleep", {"ms": LONG}, number + 1))

    def test_a_closed_stream_gives_up_its_calls(self):
        for count in (1, 6):  # the window is 4: past it nothing is read
            for encode in (lambda text: text + "\n", framed):
                with self.subTest(count=count, encoded=encode("x")):
                    connection = self.connect()
                    self.start_calls(lambda text: connection.send(encode(text)), count)
                    self.daemon.wait_in_flight(min(count, 4))
                    connection.close()
                    self.assert_calls_end("until a closed stream's calls have ended")

    def test_a_closed_http_connection_gives_up_its_calls(self):
        for count in (1, 6):
            with self.subTest(count=count):
                client = HttpClient(self.connect().socket)
                self.start_calls(lambda text: client.send(http_request(text)), count)
                self.daemon.wait_in_flight(min(count, 4))
                client.close()
                self.assert_calls_end("until a closed HTTP connection's calls have ended")

    def test_a_closed_websocket_gives_up_its_calls_at_once(self):
        for count in (1, 6):
            with self.subTest(count=count):
                client = open_websocket(self.daemon)
                self.start_calls(client.send_frame, count)
                self.daemon.wait_in_flight(min(count, 4))
                client.socket.close()
                self.assert_calls_end("until a closed WebSocket's calls have ended")

    def test_a_closed_stream_whose_end_lies_behind_what_is_not_read_gives_up_its_calls(self):
        for encode in (lambda text: text + "\n", framed):
            with self.subTest(encoded=encode("x")):
                connection = self.connect()
                self.start_calls(lambda text: connection.send(encode(text)), 4)
                self.daemon.wait_in_flight(4)
                text = encode(message("demo.sleep", {"ms": LONG}, 9, pad="x" * 1000))
                fill(connection.socket, text if isinstance(text, bytes) else text.encode())
                connection.close()
                self.assert_calls_end("until a closed stream's calls have ended")

    def test_a_client_that_is_there_keeps_its_calls_while_more_waits_than_is_read(self):
        with self.connect() as connection:
            connection.expect_blanks()
            for number in range(4):
                connection.call("demo.sleep", {"ms": ms(5_000)}, id=number)
            self.daemon.wait_in_flight(4)
            fill(connection.socket, (message("demo.sleep", {"ms": LONG}, 9, pad="x" * 1000) + "\n").encode())
            self.assertEqual({connection.receive(within=30)["id"] for _ in range(4)}, set(range(4)))

    def test_a_websockets_half_close_is_its_end(self):
        with open_websocket(self.daemon) as client:
            self.start_calls(client.send_frame, 1)
            self.daemon.wait_in_flight(1)
            client.socket.shutdown(socket.SHUT_WR)
            self.assert_calls_end("until a half-closed WebSocket's call has ended")

    def test_a_batch_of_a_client_that_is_gone_is_given_up(self):
        for kind in ("stream", "http"):
            with self.subTest(kind):
                batch = "[" + ",".join(message("demo.sleep", {"ms": LONG}, id) for id in range(1, 4)) + "]"
                connection = self.connect()
                connection.send(batch + "\n" if kind == "stream" else http_request(batch))
                self.daemon.wait_in_flight(3)
                connection.close()
                self.assert_calls_end("until the batch has ended")

    def test_clients_that_come_and_go_do_not_take_the_workers(self):
        daemon = self.start(server={"call_timeout": "120s", "workers": 4})
        for number in range(60):
            connection = self.connect(daemon)
            text = message("demo.sleep", {"ms": LONG}, 1)
            if number % 3 == 0:
                connection.send(text + "\n")
            elif number % 3 == 1:
                connection.send(http_request(text))
            else:
                client = WebSocketClient(connection.socket)
                client.handshake()
                client.send_frame(text)
            connection.wait_until_read()
            connection.close()
        watch = Stopwatch()
        self.connect(daemon).fence(within=20)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK, "until a worker is free")
        daemon.wait_in_flight(0)


class GoneOverTls(DaemonTest):
    def test_a_client_that_closes_gives_up_its_calls(self):
        authority = Authority()
        authority.issue("server")
        daemon = self.start(server={"call_timeout": "120s"},
                            listen=[{"address": "tcp://127.0.0.1:0", "tls": authority.settings("server")}])
        for says_so in (True, False):
            with self.subTest(close_notify=says_so):
                connection = TlsConnection(daemon.tcp(), authority.client())
                connection.send(message("demo.sleep", {"ms": LONG}, 1) + "\n")
                daemon.wait_in_flight(1)
                if says_so:
                    connection.half_close()
                connection.close()
                watch = Stopwatch()
                daemon.wait_in_flight(0, seconds=20)
                self.assert_below(watch.ms(), FOUND_OUT + SLACK)


class StillThere(DaemonTest):
    """A half-close says that no more calls come, and nothing else."""

    CALL = ms(4_000)  # longer than it takes to look for the client twice

    def replies(self, data, read):
        with self.connect() as connection:
            connection.send(data)
            connection.half_close()
            received = b""
            end = time.monotonic() + limit(30)
            while time.monotonic() < end:
                connection.socket.settimeout(limit(30))
                got = connection.socket.recv(1 << 16)
                if not got:
                    return read(received)
                received += got
        self.fail("the connection was not closed")

    def test_a_half_closed_streams_call_is_answered_with_blanks_before_the_reply_at_most(self):
        line = self.replies(message("demo.sleep", {"ms": self.CALL}, 1) + "\n", bytes)
        self.assertEqual(line.lstrip(b" "),
                         b'{"jsonrpc":"2.0","id":1,"result":{"slept_ms":%d}}\n' % self.CALL)

    def test_a_half_closed_header_framed_call_is_answered_to_the_byte(self):
        whole = self.replies(framed(message("demo.sleep", {"ms": self.CALL}, 1)) +
                             framed(message("demo.sleep", {"ms": self.CALL}, 2)), bytes)
        body = '{"jsonrpc":"2.0","id":%d,"result":{"slept_ms":%d}}'
        frames = [framed(body % (number, self.CALL)) for number in (1, 2)]
        frames = [each if isinstance(each, bytes) else each.encode() for each in frames]
        self.assertIn(whole, (frames[0] + frames[1], frames[1] + frames[0]))

    def test_a_half_closed_http_connection_gets_what_is_ready_within_a_second(self):
        answer = self.replies(http_request(message("demo.sleep", {"ms": 200}, 1)), bytes)
        self.assertIn(b'"slept_ms"', answer)

    def test_a_half_closed_http_connections_long_call_is_stopped(self):
        watch = Stopwatch()
        answer = self.replies(http_request(message("demo.sleep", {"ms": 20_000}, 1)), bytes)
        self.assertEqual(answer, b"")
        self.assertGreaterEqual(watch.ms(), 900)
        self.assert_below(watch.ms(), FOUND_OUT + SLACK)


class Silence(DaemonTest):
    """Of clients only: the server's own time is not theirs."""

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
