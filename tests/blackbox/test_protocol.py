"""JSON-RPC 2.0 to the letter: contract 3, without what has a file of its own."""

import json

from support.daemon import DaemonTest, ROOT, code, eventually, main, members
from support.json_rpc import batch

SPECIFICATION = ROOT / "tests" / "conformance" / "jsonrpc_spec.txt"


def conversations(path):
    """(title, lines to send, lines to expect) of each block of a conformance file."""
    title, sent, expected = "", [], []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("#"):
            title = line[1:].strip()
        elif line.startswith("--> "):
            sent.append(line[4:])
        elif line.startswith("<-- "):
            expected.append(line[4:])
        elif not line.strip() and sent:
            yield title, sent, expected
            sent, expected = [], []


def without_data(reply):
    """An example of the specification says nothing of `data`."""
    if isinstance(reply, list):
        return [without_data(entry) for entry in reply]
    if "error" in reply:
        return {**reply, "error": {key: value for key, value in reply["error"].items() if key != "data"}}
    return reply


class Specification(DaemonTest):
    def test_every_example_is_answered_as_the_specification_says(self):
        count = 0
        for title, sent, expected in conversations(SPECIFICATION):
            for kind, ending in (("tcp", "\n"), ("unix", "\n")):
                with self.subTest(title, kind=kind), self.daemon.connect(kind) as connection:
                    connection.send("\n".join(sent) + ending)
                    for line in expected:
                        self.assertEqual(without_data(connection.receive()), json.loads(line))
                    connection.fence()
            count += 1
        self.assertGreater(count, 12)


class Ids(DaemonTest):
    ECHOED = ["0", "-0", "1", "-1", "1.0", "1e3", "1E+2", "-1.50e-10", "9007199254740993", "18446744073709551616",
              "123456789012345678901234567890", "-123456789012345678901234567890.123456789012345678901234567890e-5000",
              "null", '""', '"a"', '"é"', r'"é"', r'"\u0041"', r'"\/"', r'"\ud83d\ude00"', r'"\u0000"', r'"\"\\"',
              '"1"', '"null"', '"' + "i" * 5000 + '"']
    REFUSED = ["{}", '{"a":1}', "[]", "[1]", "true", "false"]

    def test_an_id_is_echoed_byte_for_byte_in_a_result(self):
        with self.daemon.connect() as connection:
            for method in ("demo.echo", "demo.echo_inline"):
                for id in self.ECHOED:
                    with self.subTest(id[:40], method=method):
                        connection.send('{"jsonrpc":"2.0","method":"%s","id":%s}\n' % (method, id))
                        found = members(connection.receive_text())
                        self.assertEqual(found["id"], id)
                        self.assertEqual(found["result"], "null")

    def test_an_id_is_echoed_byte_for_byte_in_an_error(self):
        for body in ('"method":"no.such"', '"method":"demo.throw"', '"method":"demo.sum","params":["x"]', '"method":5',
                     '"method":"demo.sleep","params":{"ms":60000},"timeout_ms":1', '"method":"demo.echo","timeout_ms":0'):
            with self.daemon.connect() as connection:
                for id in self.ECHOED:
                    with self.subTest(id[:40], body=body):
                        connection.send('{"jsonrpc":"2.0",%s,"id":%s}\n' % (body, id))
                        found = members(connection.receive_text())
                        self.assertEqual(found["id"], id)
                        self.assertIn("error", found)

    def test_an_id_is_echoed_byte_for_byte_in_a_batch(self):
        with self.daemon.connect() as connection:
            connection.send_message(batch('{"jsonrpc":"2.0","method":"demo.echo","id":%s}' % id for id in self.ECHOED))
            text = connection.receive_text()
            for id in self.ECHOED:
                self.assertIn('"id":' + id, text)

    def test_an_object_array_or_boolean_is_not_an_id(self):
        with self.daemon.connect() as connection:
            for id in self.REFUSED:
                with self.subTest(id):
                    reply = connection.request_text('{"jsonrpc":"2.0","method":"demo.echo","id":%s}' % id)
                    self.assert_error(reply, -32600, "invalid_request", "Invalid Request")
                    self.assertIsNone(reply["id"])

    def test_two_calls_with_one_id_are_both_answered(self):
        with self.daemon.connect() as connection:
            for value in (1, 2):
                connection.call("demo.echo", [value], id=5)
            replies = connection.receive_many(2)
            self.assertEqual({json.dumps(reply["result"]) for reply in replies}, {"[1]", "[2]"})
            self.assertEqual({reply["id"] for reply in replies}, {5})


class Params(DaemonTest):
    def echoed(self, text, method="demo.echo"):
        with self.daemon.connect() as connection:
            connection.send('{"jsonrpc":"2.0","method":"%s","params":%s,"id":1}\n' % (method, text))
            found = members(connection.receive_text())
            self.assertIn("result", found, found)
            return found["result"]

    def test_params_come_back_byte_for_byte(self):
        for text in ("[]", "{}", "[1.0,1e3,-0,0.1000,1E400,-1e-400]", "[9007199254740993,123456789012345678901234567890]",
                     r'["\u0041\/\ud83d\ude00\u0000"]', '["é€\U0001f600"]', '{"b":1,"a":2,"":3}', '{"a":1,"a":2}',
                     '[null,true,false,"",[],{}]', '{"z":{"y":{"x":[1,[2,[3]]]}}}', '[0.1000000000000000055511151231257827021181583404541015625]'):
            for method in ("demo.echo", "demo.echo_inline"):
                with self.subTest(text, method=method):
                    self.assertEqual(self.echoed(text, method), text)

    def test_absent_params_are_null(self):
        with self.daemon.connect() as connection:
            self.assertIsNone(connection.result("demo.echo"))
            self.assertIsNone(connection.result("demo.echo_inline"))

    def test_params_that_are_neither_array_nor_object_are_an_invalid_request(self):
        with self.daemon.connect() as connection:
            for params in ('"bar"', "1", "true", "false", "null"):
                with self.subTest(params):
                    reply = connection.request_text('{"jsonrpc":"2.0","method":"demo.echo","params":%s,"id":1}' % params)
                    self.assert_error(reply, -32600, "invalid_request", "Invalid Request")


class Envelopes(DaemonTest):
    def answer(self, text):
        with self.daemon.connect() as connection:
            reply = connection.request_text(text)
            connection.fence()
            return reply

    def test_a_message_without_the_version_is_invalid(self):
        for version in ('"id":1', '"jsonrpc":"1.0","id":1', '"jsonrpc":2.0,"id":1', '"jsonrpc":"2","id":1', '"jsonrpc":null,"id":1',
                        '"jsonrpc":["2.0"],"id":1', '"JSONRPC":"2.0","id":1', '"jsonrpc":" 2.0","id":1'):
            with self.subTest(version):
                reply = self.answer('{%s,"method":"demo.echo"}' % version)
                self.assert_error(reply, -32600, "invalid_request", "Invalid Request")
                self.assertEqual(reply["id"], 1)

    def test_an_invalid_message_without_an_id_is_answered_with_null(self):
        for body in ('"method":1', '"method":"demo.echo","params":"bar"', '"method":null', '"foo":"boo"', '"method":"demo.echo","timeout_ms":0'):
            with self.subTest(body):
                reply = self.answer('{"jsonrpc":"2.0",%s}' % body)
                self.assert_error(reply, -32600, "invalid_request")
                self.assertIsNone(reply["id"])

    def test_a_method_must_be_a_string(self):
        for method in ("1", "null", "true", "[]", "{}", '["demo.echo"]'):
            with self.subTest(method):
                self.assert_error(self.answer('{"jsonrpc":"2.0","id":1,"method":%s}' % method), -32600)
        self.assert_error(self.answer('{"jsonrpc":"2.0","id":1}'), -32600)

    def test_names_of_methods_are_compared_whole_and_decoded(self):
        for name, expected in [("demo.echo", "ok"), (r"demo\u002eecho", "ok"), (r"d\u0065mo.echo", "ok"), ("demo.ech", -32601),
                               ("demo.echo2", -32601), ("Demo.echo", -32601), ("", -32601), (r"demo.echo\u0000", -32601),
                               (" demo.echo", -32601), (r"demo.echo\n", -32601), ("é", -32601), ("m" * 100_000, -32601)]:
            with self.subTest(name[:40]):
                self.assertEqual(code(self.answer('{"jsonrpc":"2.0","id":1,"method":"%s"}' % name)), expected)

    def test_names_of_members_are_compared_decoded(self):
        reply = self.answer(r'{"json\u0072pc":"2.0","\u0069d":9,"\u006dethod":"demo.echo","p\u0061rams":[1]}')
        self.assertEqual((reply["id"], reply["result"]), (9, [1]))

    def test_of_duplicate_members_the_last_counts(self):
        reply = self.answer('{"jsonrpc":"1.0","id":1,"method":"demo.fail","params":[1],"jsonrpc":"2.0","id":2,"method":"demo.echo","params":[2]}')
        self.assertEqual((reply["id"], reply.get("result")), (2, [2]))
        self.assert_error(self.answer('{"jsonrpc":"2.0","id":1,"method":"demo.echo","jsonrpc":"1.0"}'), -32600)
        reply = self.answer(r'{"jsonrpc":"2.0","id":1,"method":"demo.throw","\u006dethod":"demo.echo"}')
        self.assertEqual(code(reply), "ok")
        reply = self.answer('{"jsonrpc":"2.0","id":1,"id":{},"method":"demo.echo"}')
        self.assert_error(reply, -32600)
        self.assertIsNone(reply["id"])
        reply = self.answer('{"jsonrpc":"2.0","id":{},"id":3,"method":"demo.echo"}')
        self.assertEqual(reply["id"], 3)
        self.assertEqual(self.answer('{"jsonrpc":"2.0","id":1,"method":"demo.sum","params":{"a":1,"b":1,"a":5}}')["result"], 6)

    def test_unknown_members_are_ignored_and_names_inside_params_mean_nothing(self):
        reply = self.answer('{"jsonrpc":"2.0","id":1,"method":"demo.echo","x":{"id":7,"method":"no.such"},"params":{"id":8,"method":"no.such",'
                            '"jsonrpc":"1.0","timeout_ms":-1},"meta":[{"id":9}]}')
        self.assertEqual(reply["id"], 1)
        self.assertEqual(reply["result"]["id"], 8)

    def test_the_order_of_members_means_nothing(self):
        import itertools
        parts = ['"jsonrpc":"2.0"', '"id":1', '"method":"demo.echo"', '"params":[1]']
        with self.daemon.connect() as connection:
            for order in itertools.permutations(parts):
                self.assertEqual(connection.request_text("{" + ",".join(order) + "}")["result"], [1])

    def test_an_invalid_request_is_answered_with_the_reason(self):
        for text, detail in (('{"id":1,"method":"demo.echo"}', 'jsonrpc must be "2.0"'),
                             ('{"jsonrpc":2.0,"id":1,"method":"demo.echo"}', 'jsonrpc must be "2.0"'),
                             ('{"jsonrpc":"2.0","id":[],"method":"demo.echo"}', "id must be a string, a number or null"),
                             ('{"jsonrpc":"2.0","id":1,"method":1}', "method must be a string"),
                             ('{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":1}', "params must be an array or an object"),
                             ('{"jsonrpc":"2.0","id":1,"method":"demo.echo","timeout_ms":0}', "timeout_ms must be a positive integer"),
                             ('"demo.echo"', "a call must be an object, and a batch an array of objects"),
                             ("[]", "a batch must have an entry")):
            self.assertEqual(self.answer(text)["error"]["data"]["detail"], detail, text)
        self.assertEqual(self.answer("[1]")[0]["error"]["data"]["detail"],
                         "a call must be an object, and a batch an array of objects")

    def test_a_response_sent_to_the_daemon_is_an_invalid_request(self):
        for text in ('{"jsonrpc":"2.0","id":1,"result":5}', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', "{}"):
            with self.subTest(text):
                self.assert_error(self.answer(text), -32600)


class TimeoutMember(DaemonTest):
    def test_anything_but_a_positive_integer_is_an_invalid_request(self):
        with self.daemon.connect() as connection:
            for value in ("0", "-1", "1.5", '"100"', "null", "true", "[]", "{}", "-0", "0.0", "1e-3"):
                with self.subTest(value):
                    reply = connection.request_text('{"jsonrpc":"2.0","id":1,"method":"demo.echo","timeout_ms":%s}' % value)
                    self.assert_error(reply, -32600, "invalid_request", "Invalid Request")
                    self.assertEqual(reply["id"], 1)

    def test_any_positive_integer_is_taken(self):
        with self.daemon.connect() as connection:
            for value in ("60000", "4294967296", "9223372036854775807", "9223372036854775808", "1" + "0" * 30):
                with self.subTest(value):
                    self.assertEqual(code(connection.request_text(
                        '{"jsonrpc":"2.0","id":1,"method":"demo.echo","timeout_ms":%s}' % value)), "ok")

    def test_a_trace_context_is_taken(self):
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("demo.echo", [1], traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), [1])
            self.assertEqual(connection.result("demo.echo", [1], traceparent="invalid \n\u0000"), [1])


class Notifications(DaemonTest):
    def test_a_notification_is_never_answered(self):
        with self.daemon.connect() as connection:
            for method, params in [("demo.echo", [1]), ("no.such", None), ("demo.throw", None), ("demo.sum", ["x"]), ("", None),
                                   ("demo.fail", {"code": 1, "message": "x"}), ("demo.echo_inline", None), ("rpc.no_such", None),
                                   ("$/no_such", None), ("rpc.discover", None)]:
                connection.notify(method, params)
            connection.notify("demo.sleep", {"ms": 60000}, timeout_ms=1)
            connection.fence()
            self.daemon.wait_in_flight(0)
            connection.fence()

    def test_a_notification_runs(self):
        before = self.daemon.value("sluice_calls_total", method="demo.sum", code="ok")
        with self.daemon.connect() as connection:
            for _ in range(10):
                connection.notify("demo.sum", [1, 2])
            connection.fence()
        eventually(5, lambda: self.daemon.value("sluice_calls_total", method="demo.sum", code="ok") == before + 10)

    def test_an_id_of_null_makes_a_call_and_no_notification(self):
        with self.daemon.connect() as connection:
            reply = connection.request_text('{"jsonrpc":"2.0","id":null,"method":"demo.echo","params":[1]}')
            self.assertEqual((reply["id"], reply["result"]), (None, [1]))


class Discovery(DaemonTest):
    def test_rpc_discover_answers_with_an_openrpc_document_of_the_methods(self):
        with self.daemon.connect() as connection:
            document = connection.result("rpc.discover")
            self.assertEqual(document["openrpc"], "1.3.2")
            self.assertIsInstance(document["info"]["title"], str)
            self.assertIsInstance(document["info"]["version"], str)
            names = [method["name"] for method in document["methods"]]
            self.assertEqual(len(names), len(set(names)))
            for name in ("echo", "echo_inline", "sum", "subtract", "sleep", "hang", "spin", "fail", "throw"):
                self.assertIn("demo." + name, names)
            for method in document["methods"]:
                self.assertIsInstance(method["params"], list)
                for parameter in method["params"]:
                    self.assertIsInstance(parameter["name"], str)
                    self.assertIsInstance(parameter["schema"], (dict, bool))

    def test_other_rpc_names_are_unknown(self):
        with self.daemon.connect() as connection:
            for name in ("rpc.", "rpc.nothing", "rpc.Discover", "rpc"):
                self.assert_error(connection.request(name), -32601, "unknown_method", "Method not found")

    def test_without_demo_there_are_no_demo_methods(self):
        daemon = self.start(arguments=())
        with daemon.connect() as connection:
            self.assert_error(connection.request("demo.echo"), -32601, "unknown_method")
            names = [method["name"] for method in connection.result("rpc.discover")["methods"]]
            self.assertFalse([name for name in names if name.startswith("demo.")])


if __name__ == "__main__":
    main()
