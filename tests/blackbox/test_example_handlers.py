"""The example handlers in other languages, behind a real server with their own configuration."""

import json
import pathlib

from support.daemon import DaemonTest, main, ms

HANDLERS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "handlers"


class Handlers(DaemonTest):
    @classmethod
    def setUpClass(cls):
        text = (HANDLERS / "sluiced.toml").read_text().replace("tcp://127.0.0.1:7070", "tcp://127.0.0.1:0")
        cls.options = {"text": text.replace('working_directory = "."', f'working_directory = "{HANDLERS}"')
                       + '\n[admin]\naddress = "tcp://127.0.0.1:0"\n', "arguments": ()}

    def test_the_python_handler_answers(self):
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("text.count", {"text": "two words\n"}), {"lines": 1, "words": 2, "characters": 10})
            self.assertEqual(connection.result("text.reverse", ["añb"]), "bña")
            self.assertEqual(connection.request("text.fail", ["broken"])["error"], {"code": 1, "message": "broken"})
            self.daemon.wait_log(r"backend text\[\d\]: text.fail: ValueError\('broken'\)")
            self.assert_error(connection.request("text.reverse", {"nonsense": 1}), -32602, "invalid_params")
            for params in ({"nonsense": 1}, [5], []):
                self.assert_error(connection.request("text.count", params), -32602, "invalid_params")
            connection.notify("text.reverse", ["no reply"])
            self.assertEqual(connection.result("text.reverse", ["ab"]), "ba")

    def test_the_node_handler_overlaps_calls_and_can_be_cancelled(self):
        with self.daemon.connect() as connection:
            connection.call("timer.sleep", [ms(60000)], id="long")
            self.assertIn("T", connection.result("timer.now"))
            self.assert_error(connection.cancel("long"), -32800)
        self.daemon.wait_in_flight(0)

    def test_the_python_handler_with_the_sdk_answers(self):
        readings = [{"sensor": "roof", "celsius": 20}, {"sensor": "cellar", "celsius": 10}]
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("weather.mean", [readings]), 15)
            self.assertEqual(connection.result("weather.mean", {"readings": readings, "sensor": "roof"}), 20)
            self.assertEqual(connection.request("weather.mean", [[]])["error"],
                             {"code": 1, "message": "there are no readings", "data": {"sensor": None}})
            error = self.assert_error(connection.request("weather.mean", [[{"sensor": "roof"}]]), -32602, "invalid_params")
            self.assertEqual(error["data"]["path"], "/0/0/celsius")
            connection.call("weather.forecast", [1000000], id="long")
            self.assertEqual(connection.result("weather.forecast", [2]), ["sun", "rain"])
            self.assert_error(connection.cancel("long"), -32800)
        self.daemon.wait_in_flight(0)

    def test_handlers_that_announce_themselves_receive_the_remaining_time(self):
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("host.echo", [1]), [1])  # it is started by its first call
            for method in ("timer.left", "host.left"):
                left = connection.result(method, timeout_ms=20000)["left_ms"]
                self.assertTrue(0 < left <= 20000, left)

    def test_what_the_node_handler_announces_is_what_it_serves(self):
        with self.daemon.connect() as connection:
            names = {method["name"] for method in connection.result("rpc.discover")["methods"]}
            self.assertLessEqual({"timer.sleep", "timer.now", "timer.left"}, names)
            self.assert_error(connection.request("timer.other"), -32601, "unknown_method")
            self.assert_error(connection.request("timer.sleep", {"ms": 1}), -32602)

    def test_the_node_handler_with_the_sdk_answers(self):
        items = [{"price": 2.5, "count": 2}, {"price": 1, "count": 1}]
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("order.total", {"items": items}), 6)
            self.assertEqual(connection.result("order.total", [items, 1.5]), 4.5)
            self.assertEqual(connection.request("order.total", [[], 1])["error"]["data"], {"total": -1})
            error = self.assert_error(connection.request("order.total", [[{"price": 1, "count": 0}]]), -32602, "invalid_params")
            self.assertEqual(error["data"]["path"], "/0/0/count")
            connection.call("order.pack", [1000000], id="long")
            self.assertEqual(connection.result("order.pack", [1]), 1)
            self.assert_error(connection.cancel("long"), -32800)
        self.daemon.wait_in_flight(0)

    def test_params_of_one_call_cannot_inject_a_second_call(self):
        with self.daemon.connect() as connection:
            for separator in ("\r", "\n", "\r\n"):
                inner = '{"jsonrpc":"2.0","method":"timer.now","id":1}'
                connection.send(f'{{"jsonrpc":"2.0","id":5,"method":"timer.sleep","params":[{separator}{inner}{separator}]}}\n')
                self.assertNotIsInstance(connection.receive().get("result"), str)
            for separator in ("\u2028", "\u2029"):
                text = f'{separator}{{"jsonrpc":"2.0","method":"timer.now","id":1}}{separator}'
                connection.send(json.dumps({"jsonrpc": "2.0", "id": 5, "method": "timer.sleep", "params": [1, text]}, ensure_ascii=False) + "\n")
                self.assertEqual(connection.receive()["result"], {"slept_ms": 1})
            self.assertIn("T", connection.result("timer.now"))

    def test_the_shell_handler_answers(self):
        with self.daemon.connect() as connection:
            self.assertGreater(connection.result("host.uptime")["seconds"], 0)
            connection.send('{"jsonrpc":"2.0","id":12345678901234567890,"method":"host.echo","params":["a b"]}\n')
            self.assertEqual(connection.receive_text(), '{"jsonrpc":"2.0","id":12345678901234567890,"result":["a b"]}')
            connection.notify("host.echo", [1])
            self.assertEqual(connection.result("host.echo", [2]), [2])

    def test_each_is_short(self):
        for handler in HANDLERS.glob("*handler.*"):
            self.assertLess(len(handler.read_text().splitlines()), 40, handler)


if __name__ == "__main__":
    main()
