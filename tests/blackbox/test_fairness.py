"""Messages of some connections do not delay another connection: contract 16. One I/O thread."""

import contextlib
import json
import ssl
import tempfile
import unittest

from support.daemon import SLOW, DaemonTest, eventually, limit, main, message
from support.json_rpc import batch, call_object
from support.flood import Flood, io_thread_time, quantile, work_before_replies
from support.tls import authority

SECONDS = 2
# Processor time of a build without optimisation. Without time slices these attacks cost hundreds of ms to seconds.
MEDIAN_MS = limit(40)
WORST_MS = limit(300)


@unittest.skipIf(SLOW > 1, "what a sanitizer takes of the processor is not what the program takes")
class OthersDelay(DaemonTest):
    def assert_fair(self, payload, connections=64, median_ms=MEDIAN_MS, listen=None, **more):
        # A flood leaves work behind, so each has a daemon of its own.
        daemon = self.start(server={"io_threads": 1, "workers": 2}, **({"listen": listen} if listen else {}))
        with daemon.connect("unix") as victim:
            victim.request("demo.echo_inline", ["is accepted"], within=30)
            with Flood(daemon.tcp(), payload, connections, **more):
                taken = work_before_replies(daemon, victim, SECONDS)
                eventually(10, lambda: daemon.http("/healthz")[0] == 200, "/healthz is 200 meanwhile")
        median = quantile(taken, 0.5)
        figures = f"median {median:.1f} ms, p99 {quantile(taken, .99):.1f} ms, max {taken[-1]:.1f} ms of {len(taken)}"
        self.assertLess(median, median_ms, figures)
        self.assertLess(taken[-1], WORST_MS, figures)

    def test_parse_errors_of_two_bytes(self):
        self.assert_fair(b"x\n" * 65536)

    def test_batches_of_invalid_entries(self):
        self.assert_fair((b"[" + b",".join([b"1"] * 1000) + b"]\n") * 64, connections=1)
        self.assert_fair((b"[" + b",".join([b"1"] * 1000) + b"]\n") * 64)

    def test_batches_of_inline_calls(self):
        self.assert_fair((json.dumps([call_object("demo.echo_inline", [1], 1)] * 1000) + "\n").encode())

    def test_batches_of_notifications(self):
        self.assert_fair((json.dumps([call_object("demo.echo_inline")] * 1000) + "\n").encode())

    def test_long_messages(self):
        self.assert_fair((message("demo.echo_inline", ["x" * 3_500_000], 1) + "\n").encode(), connections=16)

    def test_long_messages_with_headers(self):
        body = message("demo.echo_inline", [["x", 1, {"a": None}]] * 150_000, 1).encode()
        self.assert_fair(b"Content-Length: %d\r\n\r\n" % len(body) + body, connections=16)

    def test_http_requests_in_chunks_of_a_byte(self):
        body = message("demo.echo_inline", ["x" * 20_000], 1)
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assert_fair(head + b"".join(b"1\r\n%c\r\n" % byte for byte in body.encode()) + b"0\r\n\r\n")

    def test_connections_that_send_and_are_reset(self):
        self.assert_fair(b"x\n" * 65536, reset_after=400_000)

    def test_connections_that_come_and_go(self):
        self.assert_fair(b"x\n", reset_after=2)

    def test_handshakes_that_are_begun_and_reset(self):
        """Thousands of clients in the handshake queue are gone. Each is reported once, not all of them again before each
        of the others."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            authority().client().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        hello = outgoing.read()
        with tempfile.TemporaryDirectory() as folder:
            listen = [{"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")}, f"unix://{folder}/sluice.sock"]
            self.assert_fair(hello, listen=listen, median_ms=limit(3), reset_after=len(hello), connections=500)

    def test_lists_of_calls(self):
        self.assert_fair((message("rpc.calls", None, 1) + "\n").encode(), connections=16)


class Cancelling(DaemonTest):
    options = {"server": {"io_threads": 1, "workers": 2, "connection_window": 4096}}

    def test_a_cancel_costs_what_its_own_bytes_cost(self):
        """However many calls and batches wait whose ids are long and escaped."""
        escaped = "\\u0061" * 120

        def text_of(method, number, params=None):
            params = f',"params":{params}' if params else ""
            return f'{{"jsonrpc":"2.0","method":"{method}","id":"{escaped}{number}"{params}}}'

        with self.daemon.connect() as attacker:
            for group in range(40):
                entries = [text_of("demo.sleep", f"{group}/{n}", '{"ms":20000}') for n in range(100)]
                attacker.send_message(batch(entries))
            attacker.wait_until_read()
            cancels = [text_of("rpc.cancel", f"c{n}", f'{{"id":"{escaped}none{n}"}}') for n in range(1000)]
            plain = [text_of("demo.echo_inline", f"e{n}", f'{{"id":"{escaped}none{n}"}}') for n in range(1000)]
            times = []
            for entries in (plain, cancels):
                begin = io_thread_time(self.daemon)
                attacker.send_message(batch(entries))
                self.assertEqual(len(attacker.receive(60)), 1000)
                times.append((io_thread_time(self.daemon) - begin) / 1e6)
            self.assertLess(times[1], times[0] * 5, times)


if __name__ == "__main__":
    main()
