"""What a handler does with its call: errors, notes, cancellation, time limits; in each way in which it may run."""

import unittest

from support import HandlerTest

# The same handler as a function in the main thread, in a thread of several, and as a coroutine.
WAYS = {"main": ("", "def", ""), "thread": ("concurrency=4", "def", ""), "async": ("", "async def", "await ")}

NOTES = """
    import asyncio, threading
    kept = []

    @method("work"{more})
    {define} work(steps: int, call: Call):
        kept.append(call)
        for step in range(steps):
            call.progress(step)
        call.notify("partial", {{"text": "\\u00e4\\n"}}, key="k")
        call.publish("topic.a", [steps])
        return "done"

    @method("late"{more})
    {define} late():
        for call in kept:
            call.progress("too late")
        publish("topic.b", None)
        return len(kept)

    @method("bad"{more})
    {define} bad(call: Call):
        try:
            call.progress(float("nan"))
        except ValueError as error:
            return str(error)
"""


class InEachWay(HandlerTest):
    def each_way(self, text):
        for way, (option, define, await_) in WAYS.items():
            with self.subTest(way=way):
                handler = self.handler(text.format(more=f", {option}" if option else "", define=define, await_=await_))
                yield handler
                self.assertEqual(handler.end(), ([], 0))

    def test_notes_come_before_the_reply_of_their_call_and_never_after_it(self):
        for handler in self.each_way(NOTES):
            call_id = handler.start("work", [2])
            expected = [{"jsonrpc": "2.0", "method": "rpc.progress", "params": {"value": at}, "call": call_id}
                        for at in (0, 1)]
            expected.append({"jsonrpc": "2.0", "method": "partial", "params": {"text": "ä\n"}, "call": call_id,
                             "key": "k"})
            expected.append({"jsonrpc": "2.0", "method": "rpc.publish", "params": {"topic": "topic.a", "data": [2]}})
            expected.append({"jsonrpc": "2.0", "id": call_id, "result": "done"})
            self.assertEqual([handler.receive() for _ in expected], expected)
            late = handler.start("late")
            self.assertEqual(handler.receive()["params"], {"topic": "topic.b", "data": None})
            self.assertEqual(handler.receive(), {"jsonrpc": "2.0", "id": late, "result": 1})
            self.assertIn("not JSON compliant", handler.result("bad"))

    def test_a_notification_has_neither_reply_nor_notes(self):
        for handler in self.each_way(NOTES):
            handler.notify("work", [3])
            self.assertEqual(handler.receive()["method"], "rpc.publish")
            self.assertEqual(handler.result("late"), 1)
            self.assertEqual(handler.receive()["method"], "rpc.publish")

    def test_errors_are_answered_and_what_was_not_meant_stays_inside(self):
        text = """
            import sys
            @method("fail"{more})
            {define} fail(what: str):
                if what == "error": raise Error(7, "seven", {{"a": [1]}})
                if what == "plain": raise Error(10990201005, "big")
                if what == "secret": raise RuntimeError("secret")
                if what == "exit": sys.exit(3)
                if what == "nan": return float("nan")
                if what == "object": return object()
                if what == "data": raise Error(1, "data", object())
                if what == "loop":
                    loop = []
                    loop.append(loop)
                    return loop
        """
        for handler in self.each_way(text):
            self.assertEqual(handler.error("fail", ["error"]), {"code": 7, "message": "seven", "data": {"a": [1]}})
            self.assertEqual(handler.error("fail", ["plain"]), {"code": 10990201005, "message": "big"})
            for what in ("secret", "exit", "nan", "object", "data", "loop"):
                internal = {"code": -32603, "message": "Internal error", "data": {"reason": "internal"}}
                self.assertEqual(handler.error("fail", {"what": what}), internal, what)
            handler.wait_log("RuntimeError: secret")
            handler.wait_log("fail: Traceback")
            handler.notify("fail", ["error"])
            handler.wait_log("error 7: seven")

    def test_a_call_that_fails_once_it_is_cancelled_is_answered_as_cancelled(self):
        text = """
            import asyncio, time
            sleep = {{"": time.sleep, "await ": asyncio.sleep}}["{await_}"]
            @method("wait"{more})
            {define} wait(call: Call):
                call.progress("runs")
                while not call.cancelled:
                    {await_}sleep(0.002)
                raise RuntimeError("gone")
        """
        for handler in self.each_way(text):
            call_id = handler.start("wait")
            handler.receive()
            handler.cancel(99)
            handler.cancel(call_id)
            self.assert_reason(handler.reply(call_id)["error"], -32800, "cancelled")

    def test_a_call_whose_time_is_over_before_it_runs_is_not_run(self):
        text = """
            import os, time
            @method("block")
            def block(seconds: float):
                time.sleep(seconds)

            @method("quick"{more})
            {define} quick():
                return "ran"

            @method("left"{more})
            {define} left(call: Call):
                return [call.remaining, call.deadline - time.monotonic(), call.cancelled]
        """
        for handler in self.each_way(text):
            left, until, cancelled = handler.result("left", timeout_ms=5000)
            self.assertTrue(0 < left <= 5 and 0 < until <= 5 and not cancelled, (left, until))
            self.assertEqual(handler.result("quick", timeout_ms=60000), "ran")
        handler = self.handler(text.format(more="", define="def"))
        first, second = handler.message("block", [0.1]), handler.message("quick", timeout_ms=1)
        handler.send(first, second)
        self.assertIsNone(handler.reply(1)["result"])
        self.assert_reason(handler.reply(2)["error"], -32002, "timeout")


class Cancelling(HandlerTest):
    def test_calls_that_wait_for_the_main_thread_are_cancelled_before_they_run(self):
        handler = self.handler("""
            import time
            @method
            def poll(call: Call):
                call.progress("runs")
                while not call.cancelled:
                    time.sleep(0.002)
                return "stopped"

            @method
            def quick():
                return "ran"
        """)
        calls = [handler.message("poll"), handler.message("quick"), handler.message("quick")]
        handler.send(*calls)
        handler.receive()
        handler.send({"method": "rpc.cancel", "params": {"id": 2}}, {"method": "rpc.cancel", "params": {"id": 1}})
        for call_id in (1, 2):
            self.assert_reason(handler.reply(call_id)["error"], -32800, "cancelled")
        self.assertEqual(handler.reply(3)["result"], "ran")

    def test_a_cancelled_coroutine_ends_at_its_await(self):
        handler = self.handler("""
            import asyncio
            ended = []
            @method
            async def sleep(call: Call):
                call.progress("runs")
                try:
                    await asyncio.sleep(600)
                finally:
                    ended.append("cleaned up")

            @method
            async def tidy(call: Call):
                call.progress("runs")
                await call.wait_cancelled()
                ended.append("tidy")
                return "what no caller gets"

            @method
            async def beside(call: Call):
                work = asyncio.ensure_future(asyncio.sleep(600))
                stop = asyncio.ensure_future(call.wait_cancelled())
                call.progress("runs")
                try:
                    await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ended.append("beside")

            @method
            async def seen():
                return ended
        """)
        for name in ("sleep", "beside", "tidy"):
            call_id = handler.start(name)
            handler.receive()
            handler.cancel(call_id)
            self.assert_reason(handler.reply(call_id)["error"], -32800, "cancelled")
        self.assertEqual(handler.result("seen"), ["cleaned up", "beside", "tidy"])

    def test_the_time_limit_ends_the_wait_for_a_cancellation(self):
        handler = self.handler("""
            import asyncio
            @method
            async def wait(call: Call):
                await call.wait_cancelled()
                return call.cancelled

            @method(concurrency=2)
            def thread(call: Call):
                asyncio.run(call.wait_cancelled())
                return call.cancelled
        """)
        for name in ("wait", "thread"):
            self.assertEqual(handler.error(name, timeout_ms=20)["data"], {"reason": "timeout", "timeout_ms": 20})

    def test_calls_that_wait_for_a_permit_are_cancelled_at_once(self):
        handler = self.handler("""
            import threading, asyncio
            leave = threading.Event()
            @method(concurrency=2)
            def hold(call: Call):
                call.progress("runs")
                leave.wait(60)
                return "held"

            @method(concurrency=1)
            async def one(call: Call):
                call.progress("runs")
                await asyncio.sleep(600)

            @method
            async def release():
                leave.set()
        """)
        held = [handler.start("hold"), handler.start("hold")]
        handler.receive(), handler.receive()
        waiting = handler.start("hold")
        handler.cancel(waiting)
        self.assert_reason(handler.reply(waiting)["error"], -32800, "cancelled")
        first, second = handler.start("one"), handler.start("one")
        handler.receive()
        for call_id in (second, first):
            handler.cancel(call_id)
            self.assert_reason(handler.reply(call_id)["error"], -32800, "cancelled")
        handler.result("release")
        self.assertEqual([handler.reply(each)["result"] for each in held], ["held", "held"])
        self.assertEqual(handler.end(), ([], 0))


if __name__ == "__main__":
    unittest.main()
