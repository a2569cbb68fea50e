"""The demo methods, contract 7, and the errors of contract 4."""

import json

from support.daemon import DaemonTest, Stopwatch, code, duration, main, members, message, ms
from support.json_rpc import batch


class Demo(DaemonTest):
    def test_sum_adds_what_is_given_by_position_or_by_name(self):
        with self.daemon.connect() as connection:
            for params, expected in [([1, 2, 4], 7), ([5], 5), ([1.5, 2.25], 3.75), ([-1, 1], 0), ({"a": 1, "b": 2}, 3),
                                     ({"b": 0.5, "a": 1}, 1.5), (list(range(1000)), 499500)]:
                with self.subTest(str(params)[:60]):
                    self.assertEqual(connection.result("demo.sum", params), expected)

    def test_a_sum_of_integers_is_an_integer(self):
        with self.daemon.connect() as connection:
            connection.send(message("demo.sum", [40, 2], 1) + "\n")
            self.assertEqual(members(connection.receive_text())["result"], "42")

    def test_subtract_takes_position_and_names(self):
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("demo.subtract", [42, 23]), 19)
            self.assertEqual(connection.result("demo.subtract", {"subtrahend": 23, "minuend": 42}), 19)
            self.assertEqual(connection.result("demo.subtract", [1, 0.5]), 0.5)

    def test_sleep_and_hang_take_their_time_and_say_how_long(self):
        with self.daemon.connect() as connection:
            for method in ("demo.sleep", "demo.hang"):
                watch = Stopwatch()
                self.assertEqual(connection.result(method, {"ms": 60}), {"slept_ms": 60})
                self.assertGreaterEqual(watch.ms(), 59)
            self.assertEqual(connection.result("demo.sleep", {"ms": 0}), {"slept_ms": 0})

    def test_spin_burns_processor_time(self):
        before = self.daemon.cpu_seconds()
        with self.daemon.connect() as connection:
            watch = Stopwatch()
            self.assertEqual(code(connection.request("demo.spin", {"ms": 500})), "ok")
            self.assertGreaterEqual(watch.ms(), 499)
        self.assertGreaterEqual(self.daemon.cpu_seconds() - before, 0.05)  # a busy machine gives it a small share

    def test_fail_answers_with_the_error_that_was_asked_for_untouched(self):
        with self.daemon.connect() as connection:
            for error in ({"code": 1, "message": "one"}, {"code": -5, "message": "", "data": {"a": [1]}}, {"code": 7, "message": "é\n\"", "data": "text"},
                          {"code": 42, "message": "m", "data": [1, 2]}, {"code": 43, "message": "m", "data": 0}, {"code": -12345, "message": "m", "data": False}):
                with self.subTest(error):
                    self.assertEqual(connection.request("demo.fail", error)["error"], error)

    def test_throw_is_an_internal_error_that_tells_nothing(self):
        with self.daemon.connect() as connection:
            connection.send(message("demo.throw", None, 1) + "\n")
            text = connection.receive_text()
            error = json.loads(text)["error"]
            self.assertEqual(error, {"code": -32603, "message": "Internal error", "data": {"reason": "internal"}})
            connection.fence()

    def test_wrong_params_are_refused_with_the_path_and_what_was_expected(self):
        with self.daemon.connect() as connection:
            for method, params in [("demo.sum", ["a"]), ("demo.sum", {"a": 1}), ("demo.sum", {"a": 1, "b": "x"}), ("demo.sum", None),
                                   ("demo.subtract", [1]), ("demo.subtract", [1, 2, 3]), ("demo.subtract", [1, None]),
                                   ("demo.subtract", {"minuend": 1}), ("demo.subtract", {"minuend": 1, "subtrahend": []}),
                                   ("demo.subtract", None), ("demo.sleep", None), ("demo.sleep", {}), ("demo.sleep", {"ms": "1"}),
                                   ("demo.sleep", {"ms": -1}), ("demo.sleep", {"ms": None}), ("demo.hang", {}), ("demo.spin", {"ms": True}),
                                   ("demo.fail", None), ("demo.fail", {"code": "x", "message": "y"})]:
                with self.subTest(method, params=params):
                    error = self.assert_error(connection.request(method, params), -32602, "invalid_params", "Invalid params")
                    self.assertIsInstance(error["data"]["path"], str)
                    self.assertTrue(error["data"]["expected"])

    def test_the_path_of_wrong_params_points_at_the_wrong_value(self):
        with self.daemon.connect() as connection:
            for method, params, part in [("demo.sum", [1, 2, "x"], "2"), ("demo.sum", {"a": 1, "b": "x"}, "b"), ("demo.sleep", {"ms": "x"}, "ms"),
                                         ("demo.subtract", {"minuend": 1, "subtrahend": {}}, "subtrahend")]:
                with self.subTest(method, params=params):
                    self.assertIn(part, connection.request(method, params)["error"]["data"]["path"])


class Errors(DaemonTest):
    options = {"server": {"max_response": "64KiB", "max_message": "256KiB", "max_batch": 10, "call_timeout": duration(300)}}

    def test_an_unknown_method_is_named_as_such(self):
        with self.daemon.connect() as connection:
            self.assert_error(connection.request("no.such"), -32601, "unknown_method", "Method not found")

    def test_a_result_over_max_response_becomes_an_error_and_the_connection_lives_on(self):
        with self.daemon.connect() as connection:
            for method in ("demo.echo", "demo.echo_inline"):
                error = self.assert_error(connection.request(method, ["x" * 70000]), -32008, "response_too_big", "Response is too big")
                self.assertEqual(error["data"]["limit"], 64 * 1024)
                self.assertEqual(connection.result(method, ["x" * 60000]), ["x" * 60000])

    def test_an_error_of_a_handler_over_max_response_is_bounded_too(self):
        with self.daemon.connect() as connection:
            reply = connection.request("demo.fail", {"code": 1, "message": "x" * 70000})
            self.assert_error(reply, -32008, "response_too_big")

    def test_a_call_past_its_time_limit_says_which_limit_it_was(self):
        with self.daemon.connect() as connection:
            error = self.assert_error(connection.request("demo.sleep", {"ms": ms(20000)}), -32002, "timeout", "Request timed out")
            self.assertEqual(error["data"]["timeout_ms"], ms(300))

    def test_a_batch_over_max_batch_is_one_error(self):
        with self.daemon.connect() as connection:
            reply = connection.request_text(batch(message("demo.echo", [n], n) for n in range(11)))
            self.assertIsInstance(reply, dict)
            error = self.assert_error(reply, -32010, "batch_too_big", "The batch request was too large")
            self.assertEqual(error["data"]["limit"], 10)
            self.assertIsNone(reply["id"])
            self.assertEqual(len(connection.request_text(batch(message("demo.echo", [n], n) for n in range(10)))), 10)

    def test_every_error_of_its_own_has_a_message_and_a_reason(self):
        with self.daemon.connect() as connection:
            seen = set()
            for text in ("oops", "{}", "1", "[]", message("no.such", None, 1), message("demo.throw", None, 1), message("demo.sum", ["x"], 1),
                         message("demo.sleep", {"ms": 60000}, 1, timeout_ms=1), message("demo.echo", ["x" * 70000], 1)):
                reply = connection.request_text(text)
                seen.add(reply["error"]["code"])
                self.assertIsInstance(reply["error"]["data"]["reason"], str)
            self.assertEqual(seen, {-32700, -32600, -32601, -32603, -32602, -32002, -32008})

    def test_no_error_shows_a_path_or_a_name_from_inside(self):
        with self.daemon.connect() as connection:
            for text in ("oops", "{}", message("no.such", None, 1), message("demo.throw", None, 1), message("demo.sum", ["x"], 1)):
                connection.send(text + "\n")
                answer = connection.receive_text()
                for word in (".cpp", ".hpp", "std::", "terminate", "exception", "nlohmann", "/home", "/usr", "0x"):
                    self.assertNotIn(word, answer)


if __name__ == "__main__":
    main()
