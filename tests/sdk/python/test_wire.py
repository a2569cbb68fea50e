"""Lines in and out: what is not a call, what is printed, the end of the process."""

import json
import signal
import subprocess
import sys
import unittest

from support import ENVIRONMENT, LIMIT_S, HandlerTest, program

ECHO = """
    @method
    def echo(*values):
        return list(values)
"""
SERVERS = {"main": ECHO, "loop": ECHO.replace("def", "async def"),
           "both": ECHO + "\n    @method\n    async def other():\n        pass\n"}


class Lines(HandlerTest):
    def test_what_is_not_a_call_is_answered_as_json_rpc_says(self):
        cases = (("nonsense", -32700, "parse", None),
                 ('{"jsonrpc":"2.0","method":"echo","id":1', -32700, "parse", None),
                 ('{"jsonrpc":"2.0","method":"echo","params":[NaN],"id":1}', -32700, "parse", None),
                 (b'{"jsonrpc":"2.0","method":"echo","params":["\xff"],"id":1}', -32700, "parse", None),
                 ("[" * 100000, -32700, "parse", None), ("1 2", -32700, "parse", None),
                 ("null", -32600, "invalid_request", None), ("1", -32600, "invalid_request", None),
                 ('[{"jsonrpc":"2.0","method":"echo","id":1}]', -32600, "invalid_request", None),
                 ('{"method":"echo","id":1}', -32600, "invalid_request", 1),
                 ('{"jsonrpc":"2.0","id":"a"}', -32600, "invalid_request", "a"),
                 ('{"jsonrpc":"2.0","method":5,"id":1}', -32600, "invalid_request", 1),
                 ('{"jsonrpc":"2.0","method":"echo","id":true}', -32600, "invalid_request", None),
                 ('{"jsonrpc":"2.0","method":"echo","id":{}}', -32600, "invalid_request", None),
                 ('{"jsonrpc":"2.0","method":"echo","params":5,"id":1}', -32600, "invalid_request", 1),
                 ('{"jsonrpc":"2.0","method":"echo","params":null,"id":1}', -32600, "invalid_request", 1),
                 ('{"jsonrpc":"2.0","method":"other.name","id":1}', -32601, "unknown_method", 1))
        for server, text in SERVERS.items():
            handler = self.handler(text)
            for line, code, reason, call_id in cases:
                with self.subTest(server=server, line=line[:60]):
                    handler.send_text((line if isinstance(line, bytes) else line.encode()) + b"\n")
                    reply = handler.receive()
                    self.assert_reason(reply["error"], code, reason)
                    self.assertEqual(reply["id"], call_id)

    def test_ids_come_back_as_they_were_sent(self):
        handler = self.handler(ECHO)
        for text in ("0", "-1", "2147483647", "123456789012345678901234567890", '"a\\u00e4"', "1.5", "null"):
            handler.send_text(f'{{"id":{text},"jsonrpc":"2.0","method":"echo"}}\n')
            self.assertEqual(handler.receive_text(), f'{{"jsonrpc":"2.0","id":{text},"result":[]}}')

    def test_white_space_and_byte_order_marks_around_a_message_are_skipped(self):
        handler = self.handler(ECHO)
        call = json.dumps({"jsonrpc": "2.0", "method": "echo", "params": [1], "id": 1})
        for text in (call + "\r\n", "\ufeff" + call + "\n", f" \t{call} \n", f"\n\r\n  \n{call}\n"):
            handler.send_text(text)
            self.assertEqual(handler.receive()["result"], [1])

    def test_replies_and_unknown_notifications_are_not_answered(self):
        handler = self.handler(ECHO)
        handler.send({"id": 1, "result": 1}, {"id": None, "error": {"code": 1, "message": ""}}, {"method": "$/other"},
                     {"method": "rpc.cancel"}, {"method": "rpc.cancel", "params": {"id": [1]}},
                     {"method": "rpc.subscription"})
        self.assertEqual(handler.result("echo"), [])

    def test_messages_may_come_in_pieces_and_many_at_once(self):
        handler = self.handler(ECHO)
        call = {"jsonrpc": "2.0", "method": "echo", "params": ["ä" * 200000], "id": 1}
        data = json.dumps(call, ensure_ascii=False).encode() + b"\n"
        for at in range(0, len(data), 30001):
            handler.send_text(data[at:at + 30001])
        self.assertEqual(handler.receive()["result"], ["ä" * 200000])
        handler.send(*(handler.message("echo", [at]) for at in range(500)))
        self.assertEqual([handler.receive()["result"] for _ in range(500)], [[at] for at in range(500)])

    def test_text_and_numbers_pass_unchanged_on_one_line(self):
        handler = self.handler(ECHO)
        values = ["\u2028\r\n\x85\x00", "\\ud800", "𝄞\\", 10**40, 1e-7, -0.0, 2**53 + 1, True, None, {"": []}]
        handler.send(handler.message("echo", values))
        text = handler.receive_text()
        self.assertTrue(text.isascii() and "\r" not in text)
        self.assertEqual(json.loads(text)["result"], values)

    def test_half_a_surrogate_pair_is_replaced(self):
        handler = self.handler(ECHO)
        self.assertEqual(handler.result("echo", ["a\ud800", "\udc80\\", "\ud834\udd1e\udd1e", {"\udfff": "\\\ud9ff"}]),
                         ["a\ufffd", "\ufffd\\", "𝄞\ufffd", {"\ufffd": "\\\ufffd"}])

    def test_results_of_pythons_own_types_are_json(self):
        handler = self.handler("""
            import collections, dataclasses, enum, types
            @dataclasses.dataclass
            class Point:
                x: int
                colour: "Colour"
            class Colour(enum.Enum):
                RED = "red"
            class Level(enum.IntEnum):
                LOW = 1
            Pair = collections.namedtuple("Pair", "a b")
            @method
            def values():
                return [Point(1, Colour.RED), Level.LOW, (1, 2), range(2), Pair(1, 2), types.MappingProxyType({1: 2}),
                        collections.deque([1])]
            @method
            def data():
                return b"bytes"
        """)
        self.assertEqual(handler.result("values"),
                         [{"x": 1, "colour": "red"}, 1, [1, 2], [0, 1], [1, 2], {"1": 2}, [1]])
        self.assert_reason(handler.error("data"), -32603, "internal")
        handler.wait_log("TypeError: JSON has no bytes")


class Printing(HandlerTest):
    TEXT = """
        import os, subprocess, sys
        print("at the start")

        @method{more}
        {define} noise():
            print("printed")
            sys.stdout.write("half a line")
            sys.stdout.flush()
            os.write(1, b"by descriptor\\n")
            subprocess.run(["echo", "by a child"])
            try:
                got = input()
            except EOFError:
                got = "no input"
            return [got, subprocess.run(["cat"], stdout=subprocess.PIPE).stdout.decode()]
    """

    def test_what_is_printed_goes_to_the_log_and_stdin_is_the_sdks(self):
        for more, define in (("", "def"), ("(concurrency=2)", "def"), ("", "async def")):
            handler = self.handler(self.TEXT.format(more=more, define=define))
            handler.send(handler.message("noise"), handler.message("noise"))
            for _ in range(2):
                self.assertEqual(handler.receive()["result"], ["no input", ""])
            for text in ("at the start\n", "printed\n", "half a line", "by descriptor\n", "by a child\n"):
                handler.wait_log(text)
            self.assertEqual(handler.end(), ([], 0))

    def test_many_threads_write_whole_lines(self):
        handler = self.handler("""
            import threading
            @method(concurrency=8)
            def flood(count: int, call: Call):
                for at in range(count):
                    call.progress("x" * 3000)
                    publish("t", at)
                return "y" * 100000
        """)
        calls = [handler.start("flood", [100]) for _ in range(8)]
        notes = dict.fromkeys(calls, 0)
        while calls:
            message = handler.receive()
            if "call" in message:
                self.assertIn(message["call"], calls)
                notes[message["call"]] += 1
            elif "id" in message:
                calls.remove(message["id"])
        self.assertEqual(set(notes.values()), {100})

    def test_a_program_without_stderr_serves(self):
        path = self.write(program(ECHO))
        call = '{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}\n'
        done = subprocess.run(["sh", "-c", f'exec "{sys.executable}" "{path}" 2>&-'], input=call, capture_output=True,
                              text=True, timeout=LIMIT_S, env=ENVIRONMENT)
        self.assertEqual(json.loads(done.stdout.splitlines()[1])["result"], [1])
        self.assertEqual(done.returncode, 0)


class End(HandlerTest):
    SLOW = """
        import asyncio, atexit, time
        atexit.register(lambda: print("cleaned up", flush=True))
        sleep = {{"": time.sleep, "await ": asyncio.sleep}}["{await_}"]
        @method{more}
        {define} slow(call: Call):
            call.progress("runs")
            {await_}sleep(0.2)
            return "done"
    """
    WAYS = (("", "def", ""), ("(concurrency=2)", "def", ""), ("", "async def", "await "))

    def each_way(self):
        for more, define, await_ in self.WAYS:
            with self.subTest(way=more or define):
                yield self.handler(self.SLOW.format(more=more, define=define, await_=await_))

    def test_at_the_end_of_stdin_running_calls_are_finished(self):
        for handler in self.each_way():
            call_id = handler.start("slow")
            handler.receive()
            self.assertEqual(handler.end(), ([{"jsonrpc": "2.0", "id": call_id, "result": "done"}], 0))
            self.assertIn("cleaned up", handler.log())

    def test_at_sigterm_running_calls_are_finished_and_no_other_is_read(self):
        for handler in self.each_way():
            call_id = handler.start("slow")
            handler.receive()
            handler.signal()
            self.assertEqual(handler.wait_end(), ([{"jsonrpc": "2.0", "id": call_id, "result": "done"}], 0))

    def test_an_idle_handler_ends_at_sigterm(self):
        for handler in self.each_way():
            handler.signal()
            self.assertEqual(handler.wait_end(), ([], 0))

    def test_calls_that_were_read_are_served_before_the_end(self):
        for text in SERVERS.values():
            handler = self.handler(text)
            handler.send(*(handler.message("echo", [at]) for at in range(50)))
            replies, status = handler.end()
            self.assertEqual(([reply["result"] for reply in replies], status), ([[at] for at in range(50)], 0))

    def test_an_interrupt_ends_it_without_a_traceback(self):
        for text in SERVERS.values():
            handler = self.handler(text)
            handler.result("echo")  # its event loop is up
            handler.signal(signal.SIGINT)
            self.assertEqual(handler.wait_end(), ([], 130))
            self.assertNotIn("Traceback", handler.log())

    def test_a_parent_that_is_gone_ends_it(self):
        handler = self.handler(ECHO)
        handler.process.stdout.close()
        handler._selector.unregister(handler.process.stdout)
        handler.start("echo", [1])
        self.assertEqual(handler.end()[1], 0)

    def test_calls_from_a_file_are_served(self):
        for text in SERVERS.values():
            path = self.write(program(text))
            calls = path.with_name("calls")
            calls.write_text('{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}\n')
            with calls.open() as file:
                done = subprocess.run([sys.executable, path], stdin=file, capture_output=True, text=True,
                                      timeout=LIMIT_S, env=ENVIRONMENT)
            self.assertEqual(done.stdout.splitlines()[1:], ['{"jsonrpc":"2.0","id":1,"result":[1]}'], done.stderr)


if __name__ == "__main__":
    unittest.main()
