"""Clients that read slowly, late or never: their output is bounded in bytes and in time, on every transport."""

import threading
import time

from support.daemon import SLOW, Stopwatch, code, duration, eventually, limit, main, message, ms
from support.flood import flood_unread
from support.http_client import head, request
from support.transports import KINDS, TransportTest
from support.websocket_client import PING, frame

CALL = message("demo.echo", ["x" * 20_000], 1)
LONG = ["x" * 3_000_000]
# The pause of a slow reader; there is no event to wait for. Shorter than every write_timeout
# here, and long enough that a whole reply takes many of them.
READER_PAUSE_MS = ms(60)


class SlowReaders:
    """On the transport of a class below."""

    receive_buffer = 4096  # of a client that never reads, in bytes
    server = {}            # settings where a client reads late
    in_order = False       # whether replies come in the order of their calls

    def floods(self, encode):
        """Messages that a client sends again and again without reading, by name."""
        return {"calls": encode(CALL) * 20}

    def test_a_client_that_never_reads_is_not_read_from_without_end(self):
        daemon = self.start(server={"max_output_buffer": "1MiB", "write_timeout": duration(60000)})
        with self.open(daemon) as any_client:
            floods = self.floods(any_client.encode)
        for name, data in floods.items():
            for kind in KINDS:
                with (self.subTest(name, kind=kind),
                      self.open(daemon, kind, receive_buffer=self.receive_buffer) as client):
                    before = daemon.resident_bytes()
                    self.assert_below(flood_unread(client.socket, data, 256 << 20), 64 << 20, "bytes taken")
                    self.assert_below(daemon.resident_bytes() - before, SLOW * 48 << 20, "bytes kept")
                    with self.open(daemon) as other:
                        other.fence()
        daemon.wait_connections(0)
        daemon.wait_in_flight(0)

    def test_a_client_that_reads_late_still_gets_everything(self):
        daemon = self.start(server={"max_output_buffer": "1MiB", "write_timeout": duration(60000), **self.server})
        with self.open(daemon) as client:
            data = b"".join(client.encode(message("demo.echo", ["x" * 20_000], id)) for id in range(300))
            sender = threading.Thread(target=client.send, args=(data,))
            sender.start()
            eventually(10, lambda: daemon.value("sluice_calls_total", method="demo.echo") > 10)
            replies = client.receive_many(300, within=20)
            sender.join()
            self.assertEqual({code(reply) for reply in replies}, {"ok"})
            ids = [reply["id"] for reply in replies]
            self.assertEqual(ids if self.in_order else sorted(ids), list(range(300)))
            client.fence()

    def test_a_reply_that_makes_no_progress_ends_the_connection(self):
        daemon = self.start(server={"write_timeout": duration(400)})
        for kind in KINDS:
            with self.subTest(kind), self.open(daemon, kind, receive_buffer=4096) as client:
                client.fence()
                try:
                    for _ in range(4):
                        client.call("demo.echo", LONG)
                except (ConnectionResetError, BrokenPipeError):
                    pass  # cut off already
                daemon.wait_connections(0, 10)
                daemon.wait_in_flight(0)

    def test_a_reader_that_makes_some_progress_is_not_cut_off(self):
        daemon = self.start(server={"write_timeout": duration(1000)})
        with self.open(daemon, "unix") as client:
            client.call("demo.echo", LONG)
            watch, got = Stopwatch(), 0
            while watch.ms() < ms(3000):
                client.socket.settimeout(limit(5))
                got += len(client.socket.recv(32768))
                time.sleep(READER_PAUSE_MS / 1000)
            while got < 3_000_000:
                data = client.socket.recv(1 << 20)
                self.assertTrue(data, "cut off while reading")
                got += len(data)

    def test_a_reset_in_the_middle_of_a_reply_does_not_harm_the_others(self):
        daemon = self.start()
        for kind in KINDS * 5:
            client = self.open(daemon, kind, receive_buffer=4096)
            client.call("demo.echo", LONG)
            client.socket.settimeout(limit(5))
            client.socket.recv(1000)
            client.reset()
        daemon.wait_connections(0)
        daemon.wait_in_flight(0)
        self.open(daemon).fence()


class Lines(SlowReaders, TransportTest):
    receive_buffer = None

    def floods(self, encode):
        return {**super().floods(encode), "calls without newlines": CALL.encode() * 20}


class Headers(SlowReaders, TransportTest):
    transport = "headers"


class WebSocket(SlowReaders, TransportTest):
    transport = "websocket"

    def floods(self, encode):
        return {**super().floods(encode), "pings": frame("x" * 125, PING) * 4000}


class Http(SlowReaders, TransportTest):
    transport = "http"
    # Responses to calls in flight when it stops reading fit into the output buffer, however slow the worker is.
    server = {"connection_window": 16}
    in_order = True

    def floods(self, encode):
        expecting = head(Content_Length=2, Expect="100-continue") + b"{}"
        return {**super().floods(encode), "refusals": request(method="GET") * 500,
                "notifications": request(message("demo.echo_inline")) * 500, "expectations": expecting * 500}

    def test_responses_that_wait_for_a_slow_one_are_bounded_too(self):
        daemon = self.start(server={"max_output_buffer": "1MiB", "workers": 2})
        with self.open(daemon) as client:
            client.post("demo.sleep", {"ms": ms(20000)})
            daemon.wait_in_flight(1)
            before = daemon.resident_bytes()
            taken = flood_unread(client.socket, request(method="GET") * 500, 64 << 20)
            self.assert_below(taken, 16 << 20, "bytes taken")
            self.assert_below(daemon.resident_bytes() - before, SLOW * 32 << 20, "bytes kept")

    def test_origins_of_requests_that_wait_are_bounded_too(self):
        daemon = self.start(server={"max_output_buffer": "64KiB", "workers": 16},
                            listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": ["*"]}])
        with self.open(daemon) as client:
            origin = "https://" + "x" * 8000
            client.send(b"".join(request(message("demo.sleep", {"ms": ms(300)}, id), Origin=origin) for id in range(8)))
            eventually(5, lambda: daemon.in_flight() >= 3)
            with self.open(daemon) as other:
                other.fence()
            self.assertEqual(daemon.in_flight(), 3)  # a quarter of the buffer, and the one that is over it
            self.assertEqual([response.reply["id"] for response in client.receive_responses(8)], list(range(8)))


if __name__ == "__main__":
    main()
