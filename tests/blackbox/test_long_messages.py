"""Messages longer than one read: their buffers are moved and not copied, and clients see no difference."""

import json
import pathlib
import unittest

from support import http_client
from support.daemon import DaemonTest, eventually, framed, main, message, ms
from support.program import has_sanitizer

MIB = 1 << 20
LONG = 512 << 10  # twice of what one read brings


def text_of(number, size=LONG):
    """A text that no other of the same size is equal to in any part."""
    return "".join(f"{number}:{at:08x};" for at in range(size // 11))


class LongMessages(DaemonTest):
    options = {"server": {"workers": 1, "io_threads": 1, "max_message": "16MiB", "max_response": "32MiB",
                          "max_output_buffer": "64MiB"}}

    def check(self, connection, calls):
        """Each of the calls, by its id, is answered with its own params."""
        replies = connection.receive_by_id(len(calls), within=60)
        for id, params in calls.items():
            self.assertEqual(replies[id].get("result"), params, f"call {id}")

    def test_each_call_keeps_its_own_text_while_it_waits(self):
        # One worker that is busy: all of them wait in its queue while those behind them are read.
        for method in ("demo.echo", "demo.ech\\u006f"):
            for kind in ("tcp", "unix"):
                with self.subTest(method=method, kind=kind):
                    busy = self.connect()
                    busy.call("demo.sleep", [ms(200)])
                    connections = [self.connect(kind=kind) for _ in range(3)]
                    calls = [{id: [text_of(10 * number + id)] for id in range(1, 4)} for number in range(3)]
                    for id in range(1, 4):
                        for connection, params in zip(connections, calls):
                            connection.send(message("demo.echo", params[id], id).replace("demo.echo", method) + "\n")
                    for connection, params in zip(connections, calls):
                        self.check(connection, params)
                    busy.receive()

    def test_what_comes_right_behind_a_long_call_is_another_message(self):
        for behind in ("", "\n", " \r\n\n", message("demo.echo", ["b"], 2), "\n" + message("demo.echo", ["b"], 2) + "\n",
                       message("demo.echo", [text_of(2)], 2), "\n" + message("demo.echo_inline", [text_of(2)], 2)):
            for method in ("demo.echo", "demo.echo_inline"):
                with self.subTest(behind=behind[:20], method=method):
                    connection = self.connect()
                    connection.send(message(method, [text_of(1)], 1) + behind)
                    calls = {1: [text_of(1)]}
                    if "jsonrpc" in behind:
                        calls[2] = json.loads(behind)["params"]
                    connection.half_close()
                    self.check(connection, calls)
                    self.assertEqual(connection.read_to_end(), [])

    def test_a_cancel_behind_a_long_call_finds_it_waiting(self):
        busy = self.connect()
        busy.call("demo.sleep", [ms(300)])
        connection = self.connect()
        cancel = message("rpc.cancel", {"id": "c"}, 2)
        connection.send(message("demo.echo", [text_of(1)], "c") + "\n" + cancel + "\n")
        connection.send(message("demo.echo_inline", [text_of(3)], 3) + "\n")
        replies = connection.receive_by_id(3)
        self.assert_error(replies["c"], -32800)
        self.assertEqual(replies[2]["result"], True)
        self.assertEqual(replies[3]["result"], [text_of(3)])
        busy.receive()

    def test_a_long_call_with_headers_a_batch_and_a_notification_are_answered_as_short_ones_are(self):
        framed_ones = self.connect()
        framed_ones.headers = True
        framed_ones.send(framed(message("demo.echo", [text_of(1)], 1)) + framed(message("demo.echo", [text_of(2)], 2)))
        self.check(framed_ones, {1: [text_of(1)], 2: [text_of(2)]})
        connection = self.connect()
        entries = ",".join(message("demo.echo", [text_of(id)], id) for id in (1, 2, 3))
        connection.send(message("demo.echo", [text_of(9)]) + "\n[" + entries + "]\n")
        replies = connection.receive(within=60)
        self.assertEqual([reply["result"] for reply in replies], [[text_of(id)] for id in (1, 2, 3)])
        self.check(connection, {connection.call("demo.echo", [text_of(4)]): [text_of(4)]})

    def test_long_bodies_of_http_are_their_own_calls(self):
        client = http_client.connect(self.daemon)
        self.addCleanup(client.close)
        for id in range(1, 5):
            client.send(http_client.request(message("demo.echo", [text_of(id)], id), chunks=100_000 if id == 3 else None))
        for id in range(1, 5):
            self.assertEqual(json.loads(client.receive_response().body)["result"], [text_of(id)])

    def test_a_slow_reader_gets_long_and_short_replies_whole(self):
        connection = self.connect(receive_buffer=16384)
        calls = {}
        for id in range(1, 13):
            calls[id] = [text_of(id, 2 * MIB if id % 3 == 0 else 100)]
            connection.send(message("demo.echo_inline" if id % 2 else "demo.echo", calls[id], id) + "\n")
        self.check(connection, calls)

    def test_a_long_call_that_is_refused_leaves_nothing_behind(self):
        connection = self.connect()
        for text in (message("no.such", [text_of(1)], 1), message("demo.echo", text_of(1), 1), "{" + text_of(1)):
            connection.send(text + "\n")
            self.assertIn("error", connection.receive())
            self.check(connection, {connection.call("demo.echo", [text_of(5)]): [text_of(5)]})


@unittest.skipIf(has_sanitizer(), "a sanitizer's allocator gives memory back as it likes")
class LongMessagesMemory(DaemonTest):
    # A call of 4 MiB is read into one buffer and answered from another, 2048 pages in all.
    SIZE = 4 * MIB

    def page_faults(self, daemon):
        return int(pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[7])

    def echo(self, connection, method, count):
        for _ in range(count):
            self.assertEqual(len(connection.result(method, ["x" * self.SIZE], within=60)[0]), self.SIZE)

    def test_a_long_call_is_given_memory_that_was_used_before(self):
        daemon = self.start(server={"io_threads": 1, "max_message": "8MiB"})
        for method in ("demo.echo", "demo.echo_inline"):
            with self.subTest(method=method):
                connection = self.connect(daemon)
                self.echo(connection, method, 5)
                before = self.page_faults(daemon)
                self.echo(connection, method, 10)
                self.assert_below((self.page_faults(daemon) - before) / 10, 500, "page faults a call")

    def test_a_long_body_over_http_is_given_memory_that_was_used_before(self):
        daemon = self.start(server={"io_threads": 1, "max_message": "8MiB"})
        client = http_client.connect(daemon)
        self.addCleanup(client.close)

        def echo(count):
            for id in range(count):
                client.send(http_client.request(message("demo.echo", ["x" * self.SIZE], id)))
                self.assertEqual(len(json.loads(client.receive_response().body)["result"][0]), self.SIZE)

        echo(5)
        before = self.page_faults(daemon)
        echo(10)
        self.assert_below((self.page_faults(daemon) - before) / 10, 1500, "page faults a call")

    def test_memory_of_long_calls_is_released_when_they_have_ended(self):
        daemon = self.start(server={"io_threads": 1, "max_message": "8MiB"})
        before = daemon.resident_bytes()
        self.echo(self.connect(daemon), "demo.echo", 5)
        eventually(10, lambda: daemon.resident_bytes() - before < 3 * self.SIZE, "the memory is released")


if __name__ == "__main__":
    main()
