"""Which calls run at the same time, and in which thread; subscriptions."""

import unittest

from support import HandlerTest

MEET = """
    import asyncio, threading
    barrier = threading.Barrier(3)
    running, most = 0, 0

    @method("meet", concurrency=3)
    def meet():
        return barrier.wait(20) >= 0

    async def count():
        global running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return most

    method("any")(count)
    method("two", concurrency=2)(count)
    method("one", concurrency=1)(count)

    @method
    def where():
        return threading.current_thread() is threading.main_thread()

    @method(concurrency=2)
    def elsewhere():
        return threading.current_thread() is threading.main_thread()
"""


class AtOnce(HandlerTest):
    def test_functions_run_in_as_many_threads_as_they_say(self):
        handler = self.handler(MEET)
        calls = [handler.start("meet") for _ in range(3)]
        self.assertEqual([handler.reply(each)["result"] for each in calls], [True] * 3)

    def test_coroutines_overlap_unless_they_say_how_many(self):
        for name, most in (("one", 1), ("two", 2), ("any", 9)):
            handler = self.handler(MEET)
            handler.send(*(handler.message(name) for _ in range(9)))
            self.assertEqual(max(handler.receive()["result"] for _ in range(9)), most, name)

    def test_functions_with_a_concurrency_of_one_run_in_the_main_thread(self):
        handler = self.handler(MEET)
        self.assertTrue(handler.result("where"))
        self.assertFalse(handler.result("elsewhere"))
        handler = self.handler("""
            import threading
            @method
            def where():
                return threading.current_thread() is threading.main_thread()
        """)
        self.assertTrue(handler.result("where"))

    def test_a_quick_call_is_answered_before_a_slow_one(self):
        handler = self.handler("""
            import asyncio, threading
            leave = threading.Event()
            @method
            def block(call: Call):
                call.progress("runs")
                return leave.wait(60)
            @method(concurrency=2)
            def thread(): return "thread"
            @method
            async def loop(): return "loop"
            @method(concurrency=2)
            def release(): leave.set()
        """)
        slow = handler.start("block")
        handler.receive()
        self.assertEqual(handler.result("thread"), "thread")
        self.assertEqual(handler.result("loop"), "loop")
        handler.result("release")
        self.assertTrue(handler.reply(slow)["result"])

    def test_serve_says_how_many_for_methods_that_do_not(self):
        text = """
            import threading
            barrier = threading.Barrier(2)
            @method
            def meet():
                return barrier.wait(20) >= 0
            @method(concurrency=1)
            def where():
                return threading.current_thread() is threading.main_thread()
            serve(concurrency=2)
            raise SystemExit(0)
        """
        handler = self.handler(text)
        calls = [handler.start("meet"), handler.start("meet")]
        self.assertEqual([handler.reply(each)["result"] for each in calls], [True, True])
        self.assertTrue(handler.result("where"))

    def test_a_flood_of_notifications_is_read_as_it_is_served(self):
        for define, option in (("def", ""), ("async def", ""), ("def", "(concurrency=2)")):
            handler = self.handler(f"""
                count = 0
                @method{option}
                {define} note():
                    global count
                    count += 1
                @method
                {define} total():
                    return count
            """)
            for _ in range(20):
                handler.send(*[{"method": "note"}] * 500)
            total = handler.result("total")
            while total < 10000 and option:  # threads have no order
                total = handler.result("total")
            self.assertEqual(total, 10000)

    def test_workers_of_multiprocessing_serve_nothing(self):
        for start in ("fork", "spawn"):
            handler = self.handler(f"""
                import concurrent.futures, multiprocessing, time
                context = multiprocessing.get_context("{start}")
                def square(number): return number * number
                @method
                def squares(count: int):
                    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
                        return list(workers.map(square, range(count)))
                @method
                def end():
                    worker = context.Process(target=time.sleep, args=(600,))
                    worker.start()
                    worker.terminate()
                    worker.join()
                    return worker.exitcode
            """)
            self.assertEqual(handler.result("squares", [3]), [0, 1, 4])
            if start == "fork":  # with spawn Python may lose a signal before the worker's own program begins
                self.assertEqual(handler.result("end"), -15)
            self.assertEqual(handler.end(), ([], 0))

    def test_publishing_works_while_serve_runs(self):
        code, _, error = self.run_program("from sluice import publish\npublish('a', 1)\n")
        self.assertEqual(code, 1)
        self.assertIn("RuntimeError: publish() works while serve() runs", error)
        handler = self.handler("""
            import threading, time
            def tell():
                while True:
                    try:
                        return publish("t.a", {"from": "a thread"})
                    except RuntimeError:
                        time.sleep(0.001)
            threading.Thread(target=tell, daemon=True).start()
        """)
        self.assertEqual(handler.hello["method"], "rpc.hello")
        self.assertEqual(handler.receive(), {"jsonrpc": "2.0", "method": "rpc.publish",
                                             "params": {"topic": "t.a", "data": {"from": "a thread"}}})


class Subscriptions(HandlerTest):
    TEXT = """
        import asyncio
        @subscribe("orders.*")
        {define} orders(topic, data):
            if data == "fail": raise ValueError("of a subscriber")
            {pause}
            publish("seen", [topic, data])

        @subscribe("news")
        def news(topic, data):
            publish("seen", [topic, data])

        @method
        def name():
            return "a method beside"
    """

    def test_events_reach_the_functions_of_their_topic_in_order(self):
        for define, pause in (("def", "pass"), ("async def", "await asyncio.sleep(0.02 if data == 1 else 0)")):
            handler = self.handler(self.TEXT.format(define=define, pause=pause))
            for topic, data in (("orders.eu", 1), ("orders.us", {"a": 2}), ("other", 3), ("ordersX", 4), ("news.x", 5)):
                handler.event(topic, data)
            self.assertEqual([handler.receive()["params"]["data"] for _ in range(2)],
                             [["orders.eu", 1], ["orders.us", {"a": 2}]])
            handler.event("orders.eu", "fail")
            handler.wait_log("ValueError: of a subscriber")
            handler.event("news", None)
            self.assertEqual(handler.receive()["params"]["data"], ["news", None])
            self.assertEqual(handler.result("name"), "a method beside")
            self.assertEqual(handler.end(), ([], 0))

    def test_the_end_of_a_subscription_is_logged_and_heartbeats_are_not_events(self):
        handler = self.handler(self.TEXT.format(define="def", pause="pass"))
        error = {"code": -32000, "data": {"reason": "slow"}}
        handler.notify("rpc.subscription", {"subscription": "0x1", "topic": "news", "error": error})
        handler.wait_log('the subscription to news has ended: {"code": -32000, "data": {"reason": "slow"}}')
        handler.notify("rpc.subscription", {"subscription": "0x1", "heartbeat": True, "pos": "1"})
        self.assertEqual(handler.result("name"), "a method beside")


if __name__ == "__main__":
    unittest.main()
