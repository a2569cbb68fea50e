"""Messages to and from child processes: one line a message, dialects, ids, and replies of all kinds."""

import json
import pathlib
import sys

from support.daemon import DaemonTest, Stopwatch, code, duration, eventually, main, ms
from support.http_client import connect as connect_http
from support.upstream_http_servers import MisbehavingHttp
from support.upstream_servers import Misbehaving, reply
from support.upstream_websocket_server import MisbehavingWebSocket

WIRE = str(pathlib.Path(__file__).resolve().parent / "support/wire_backend.py")
SEPARATORS = ("\n", "\r", "\r\n", "\x85", "\u2028", "\u2029")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OWN_MEMBERS = {"jsonrpc", "method", "params", "id"}


def hello(dialect="sluice", **more):
    return json.dumps({"jsonrpc": "2.0", "method": "rpc.hello", "params": {"dialect": dialect, **more}})


def wire(*arguments, methods=("wire.*",), **more):
    return {"name": "wire", "command": [sys.executable, "-u", WIRE, *arguments], "methods": methods if isinstance(methods, str) else list(methods),
            "kill_after": duration(300), "breaker": {"failures": 0}, **more}


class Saying:
    """Sends the text that the call names, with the call's id instead of ID."""

    def what_say(self, connection, id, params):
        self.say(connection, params[0].replace("ID", str(id)))


class SayingStream(Saying, Misbehaving):
    pass


class Gathering(SayingStream):
    """Answers two calls with one message, which is not a reply to either."""

    waiting = []

    def what_gather(self, connection, id, params):
        self.waiting = [*self.waiting, id]
        if len(self.waiting) == 2:
            self.say(connection, json.dumps([json.loads(reply(id, "in an array")) for id in self.waiting]))


class Tardy(SayingStream):
    """Answers `bad.next` only after something that has no id, as if it were for a call before."""

    def what_next(self, connection, id, params):
        self.say(connection, json.dumps({"jsonrpc": "2.0", "result": "late"}))
        self.say(connection, reply(id, params))


class SayingHttp(Saying, MisbehavingHttp):
    pass


class SayingWebSocket(Saying, MisbehavingWebSocket):
    pass


class Announcing(SayingStream):
    def serve(self, connection):
        self.say(connection, hello())
        super().serve(connection)


SERVERS = {"tcp": SayingStream, "http": SayingHttp, "ws": SayingWebSocket}


class WireTest(DaemonTest):
    def with_child(self, *arguments, server=None, **more):
        daemon = self.start(server=server, backends=[wire(*arguments, **more)])
        connection = self.connect(daemon)
        eventually(20, lambda: code(connection.request("wire.pid", within=20)) == "ok", "the process answers")
        return daemon, connection


class OneLine(WireTest):
    options = {"backends": [wire(dialect="sluice")]}

    def assert_one_line(self, seen):
        self.assertEqual((seen["lines"], seen["universal"]), (1, 1), seen["text"])

    def test_white_space_of_a_client_makes_no_second_line_for_any_reader(self):
        with self.daemon.connect() as connection:
            for separator in ("\n", "\r", "\r\n"):
                inner = '{"jsonrpc":"2.0","method":"wire.end","id":1}'
                text = f'{{"jsonrpc":"2.0","id":7,"method":"wire.text","params":[{separator}{inner}{separator}]}}'
                connection.send(text + "\n")
                self.assert_one_line(connection.receive()["result"])

    def test_text_of_a_client_makes_no_second_line_for_any_reader(self):
        with self.daemon.connect() as connection:
            for separator in ("\x85", "\u2028", "\u2029"):
                params = [f"a{separator}b", {separator: f"{separator} "}]
                connection.send(json.dumps({"jsonrpc": "2.0", "id": 7, "method": "wire.text", "params": params, "traceparent": separator},
                                           ensure_ascii=False) + "\n")
                seen = connection.receive()["result"]
                self.assert_one_line(seen)
                self.assertEqual(json.loads(seen["text"])["params"], params)
                self.assertEqual(json.loads(seen["text"])["traceparent"], separator)

    def test_a_methods_name_makes_no_second_line(self):
        with self.daemon.connect() as connection:
            for separator in SEPARATORS:
                for written in (json.dumps(separator)[1:-1], separator if separator > "\x80" else "x"):
                    connection.send(f'{{"jsonrpc":"2.0","id":7,"method":"wire.{written}.text"}}\n')
                    self.assert_one_line(connection.receive()["result"])

    def test_a_call_over_http_is_one_line_too(self):
        with connect_http(self.daemon) as client:
            reply = client.request_text('{"jsonrpc":"2.0","id":7,"method":"wire.text","params":[\r1\r]}')
            self.assert_one_line(reply["result"])

    def test_a_reply_on_a_stream_is_one_line_whose_strings_are_as_they_were(self):
        with self.daemon.connect() as connection:
            for params in ("[\r1\r]", "[\n1,\r\n2]", '["\u2028", "\x85"]', '{"\u2029":\r"a b"}'):
                connection.send(f'{{"jsonrpc":"2.0","id":"\u2028","method":"demo.echo","params":{params}}}\n')
                text = connection.receive_text()
                self.assertTrue(text.startswith('{"jsonrpc":"2.0","id":"\u2028",'), "the id is the client's own, byte for byte")
                rest = text.partition('"result":')[2]
                self.assertFalse({"\r", "\n"} & set(rest), text)
                self.assertEqual(json.loads(text)["result"], json.loads(params))

    def test_a_batch_on_a_stream_is_one_line(self):
        with self.daemon.connect() as connection:
            entries = ",".join(f'{{"jsonrpc":"2.0","id":{id},"method":"demo.echo","params":[\r"a {id}"]}}' for id in range(3))
            connection.send(f"[{entries}]\n")
            text = connection.receive_text()
            self.assertNotIn("\r", text)
            self.assertEqual([entry["result"] for entry in json.loads(text)], [[f"a {id}"] for id in range(3)])


class Ids(WireTest):
    def test_ids_count_from_one_in_each_process(self):
        daemon = self.start(backends=[wire()])
        with daemon.connect() as first, daemon.connect() as second:
            self.assertEqual([each.result("wire.call")["id"] for each in (first, second, first)], [1, 2, 3])
            first.request("wire.end")
            seen = eventually(10, lambda: (lambda reply: reply.get("result"))(second.request("wire.call")))
            self.assertLess(seen["id"], 3)


class Dialects(WireTest):
    def seen(self, connection):
        return connection.result("wire.call", [1], timeout_ms=20000, traceparent=TRACE)

    def cancelled(self, connection):
        """The notifications that the process receives about a cancelled call."""
        connection.call("wire.wait", id="long")
        self.assertEqual(code(connection.request("wire.pid")), "ok")
        self.assert_error(connection.cancel("long"), -32800, "cancelled")
        return connection.result("wire.noted")

    def test_nothing_is_added_for_a_server_that_knows_json_rpc_only(self):
        for more in ({"dialect": "jsonrpc"}, {"dialect": "auto"}, {}):
            with self.subTest(more=more):
                _, connection = self.with_child(concurrency=4, **more)
                self.assertEqual(set(self.seen(connection)), OWN_MEMBERS)
                self.assertEqual(self.cancelled(connection), [])

    def test_a_handler_of_the_sluice_dialect_receives_time_trace_and_cancelling(self):
        for arguments, more in (((), {"dialect": "sluice"}), (("--first", hello()), {"dialect": "auto"}), (("--first", hello()), {})):
            with self.subTest(arguments=arguments, more=more):
                _, connection = self.with_child(*arguments, concurrency=4, **more)
                seen = self.seen(connection)
                self.assertEqual(set(seen), OWN_MEMBERS | {"timeout_ms", "traceparent"})
                self.assertEqual(seen["traceparent"], TRACE)
                self.assertTrue(0 < seen["timeout_ms"] <= 20000, seen)
                [cancel] = self.cancelled(connection)
                self.assertEqual(cancel["method"], "rpc.cancel")
                self.assertEqual(set(cancel["params"]), {"id"})
                self.assertIsInstance(cancel["params"]["id"], int)

    def test_only_the_first_line_announces_and_only_where_nothing_is_configured(self):
        for arguments, more in ((("--first", "a banner"), {}), (("--first", hello("unheard of")), {}), (("--first", hello()), {"dialect": "jsonrpc"})):
            with self.subTest(arguments=arguments, more=more):
                _, connection = self.with_child(*arguments, concurrency=4, **more)
                connection.call("wire.wait", id="waits")
                late = connection.request("wire.say", [hello()], timeout_ms=ms(100))
                self.assert_error(late, -32002)
                self.assertEqual(set(self.seen(connection)), OWN_MEMBERS)

    def test_a_language_server_gets_headers_and_its_own_cancelling(self):
        _, connection = self.with_child("--lsp", concurrency=4, dialect="lsp")
        self.assertEqual(set(self.seen(connection)), OWN_MEMBERS)
        text = connection.result("wire.text", ["é"])
        self.assertEqual(text["head"], f"Content-Length: {len(text['text'].encode())}\r\n\r\n")
        connection.notify("wire.note", [1])
        noted, cancel = self.cancelled(connection)
        self.assertEqual((noted["method"], noted["params"]), ("wire.note", [1]))
        self.assertEqual(cancel["method"], "$/cancelRequest")
        self.assertIsInstance(cancel["params"]["id"], int)
        big = ["x" * 300_000]
        connection.call("wire.wait", big, id="big")
        self.assertEqual(connection.receive_by_id(2 if connection.call("wire.release", id="release") else 2)["big"]["result"], big)

    def test_the_log_says_which_dialect_a_program_needs_that_frames_with_headers(self):
        daemon, connection = self.with_child()
        connection.call("wire.say", ["Content-Length: 17"])
        daemon.wait_log(r'warn .*wire\[0\]: .*a header; dialect = "lsp" expects headers: Content-Length: 17')

    def test_the_log_tells_a_programs_own_calls_from_replies_that_are_wrong(self):
        for arguments, more in (((), {}), (("--lsp",), {"dialect": "lsp"})):
            with self.subTest(arguments=arguments):
                daemon, connection = self.with_child(*arguments, **more)
                connection.call("wire.say", ['{"jsonrpc":"2.0","id":99,"method":"window/logMessage","params":{"type":3}}'])
                daemon.wait_log(r"warn .*wire\[0\]: .*a request of the process, which is ignored: .*window/logMessage")

    def test_a_language_servers_replies_are_checked_as_others_are(self):
        daemon, connection = self.with_child("--lsp", concurrency=4, dialect="lsp", server={"max_response": "100KiB"})
        pid = connection.result("wire.pid")
        self.assertEqual(connection.request("wire.say", ['{"jsonrpc":"2.0","id":null,"error":{"code":5,"message":"no"}}'])["error"]["code"], 5)
        self.assert_error(connection.request("wire.say", ["not json"]), -32603)
        self.assert_error(connection.request("wire.say", ['{"jsonrpc":"2.0","id":ID,"result":"' + "x" * 300_000 + '"}']), -32008)
        self.assertEqual(connection.result("wire.pid"), pid)

    def test_an_announcement_names_the_methods(self):
        methods = [{"name": "wire.call", "summary": "announced", "params": []}, {"name": "wire.pid", "params": []}, {"name": "rpc.own", "params": []}]
        daemon = self.start(backends=[wire("--first", hello(methods=methods), methods="discover")])
        connection = self.connect(daemon)
        seen = self.seen(connection)
        self.assertIn("timeout_ms", seen)
        document = {method["name"]: method for method in connection.result("rpc.discover")["methods"]}
        self.assertEqual(document["wire.call"]["summary"], "announced")
        self.assertIn("wire.pid", document)
        self.assertNotIn("rpc.own", document)
        self.assert_error(connection.request("wire.text"), -32601, "unknown_method")
        self.assertNotIn("a reply with an unknown id", daemon.log_text())


class Upstreams(WireTest):
    def front(self, scheme, **settings):
        server = SERVERS[scheme]()
        self.addCleanup(server.close)
        daemon = self.start(backends=[{"name": "up", "url": [server.url(scheme)], "methods": ["bad.*"], **settings}])
        return server, daemon, self.connect(daemon)

    def test_an_upstream_is_sent_what_its_dialect_has(self):
        for dialect, members, cancel in (("jsonrpc", set(), None), ("auto", set(), None), ("lsp", set(), "$/cancelRequest"),
                                         ("sluice", {"timeout_ms", "traceparent"}, "rpc.cancel")):
            with self.subTest(dialect=dialect):
                server, daemon, connection = self.front("tcp", dialect=dialect, connections=1)
                connection.request("bad.ok", [1], timeout_ms=5000, traceparent=TRACE)
                [call] = server.calls("bad.ok")
                self.assertEqual(set(call), OWN_MEMBERS | members)
                self.assertEqual(call["id"], 1)
                connection.call("bad.wait", [1], id="long")
                server.wait_seen("bad.wait")
                connection.cancel("long")
                self.assertEqual(connection.result("bad.ok", [2]), [2])
                cancels = [each for each in server.seen if "id" not in each]
                self.assertEqual([each["method"] for each in cancels], [cancel] if cancel else [])
                server.released.set()
                connection.fence()

    def test_an_upstream_may_announce_itself_too(self):
        server = Announcing()
        self.addCleanup(server.close)
        daemon = self.start(backends=[{"name": "up", "url": [server.url()], "methods": ["bad.*"], "connections": 1}])
        connection = self.connect(daemon)

        def has_time_limit():
            connection.request("bad.ok", [1], timeout_ms=ms(5000))
            return "timeout_ms" in server.calls("bad.ok")[-1]
        eventually(10, has_time_limit, "the remaining time is sent along")
        self.assertNotIn("not a reply", daemon.log_text())

    def test_over_http_time_and_trace_are_headers_only(self):
        for dialect in ("auto", "jsonrpc", "sluice", "lsp"):
            with self.subTest(dialect=dialect):
                server, _, connection = self.front("http", dialect=dialect)
                connection.request("bad.ok", [1], timeout_ms=5000, traceparent=TRACE)
                self.assertEqual(set(server.calls("bad.ok")[0]), OWN_MEMBERS)
                self.assertEqual(server.heads[0]["traceparent"], TRACE)
                self.assertTrue(1000 < int(server.heads[0]["sluice-timeout-ms"]) <= 5000)

    def test_a_call_is_one_line_to_an_upstream(self):
        server, _, connection = self.front("tcp")
        for separator in ("\r", "\n", "\r\n"):
            connection.send(f'{{"jsonrpc":"2.0","id":7,"method":"bad.ok","params":[{separator}1{separator}]}}\n')
            self.assertEqual(connection.receive()["result"], [1])

    def test_replies_are_read_as_a_process_is(self):
        good = '{"jsonrpc":"2.0","id":ID,"result":1}'
        unnamed = '{"jsonrpc":"2.0","id":%s,"error":{"code":50,"message":"no"}}'
        for scheme in SERVERS:
            _, _, connection = self.front(scheme, breaker={"failures": 0})
            for text in ("\ufeff" + good, good.replace("ID", "ID.0"), good.replace("ID", '"ID"')):
                with self.subTest(scheme=scheme, text=text):
                    self.assertEqual(connection.request("bad.say", [text]).get("result"), 1)
            for id in ("null", "-1", "0", '"x"', "987654"):
                with self.subTest(scheme=scheme, id=id):
                    self.assertEqual(code(connection.request("bad.say", [unnamed % id])), 50)
            for text in (f"[{good}]", '{"jsonrpc":"2.0","result":1}', '{"jsonrpc":"2.0","id":ID,"result":NaN}', f"\x1b[32m{good}\x1b[0m",
                         f"\x1e{good}", f"\x00{good}"):
                with self.subTest(scheme=scheme, text=text):
                    watch = Stopwatch()
                    self.assert_error(connection.request("bad.say", [text]), -32013)
                    self.assert_below(watch.ms(), ms(5000))

    def test_codes_of_any_size_pass(self):
        for scheme in SERVERS:
            with self.subTest(scheme=scheme):
                _, _, connection = self.front(scheme)
                for number in (10990201005, -10990201005, 1 << 70):
                    self.assertEqual(connection.request("bad.own", {"code": number})["error"]["code"], number)


    def test_a_message_that_is_not_a_reply_fails_every_call_that_it_names(self):
        server = Gathering()
        self.addCleanup(server.close)
        daemon = self.start(backends=[{"name": "up", "url": [server.url()], "methods": ["bad.*"], "connections": 1}])
        with daemon.connect() as connection:
            calls = [connection.call("bad.gather") for _ in range(2)]
            for answer in connection.receive_by_id(len(calls)).values():
                self.assert_error(answer, -32013, "backend_down")


    def test_what_names_no_call_is_not_taken_for_the_next_one_while_a_cancelled_one_may_yet_be_answered(self):
        server = Tardy()
        self.addCleanup(server.close)
        daemon = self.start(backends=[{"name": "up", "url": [server.url()], "methods": ["bad.*"], "connections": 1}])
        with daemon.connect() as connection:
            waiting = connection.call("bad.silent")
            server.wait_seen("bad.silent")
            connection.notify("rpc.cancel", {"id": waiting})
            self.assert_error(connection.receive(), -32800)
            self.assertEqual(connection.request("bad.next", [1]).get("result"), [1])


class Replies(WireTest):
    options = {"backends": [wire()]}

    def say(self, connection, text):
        return connection.request("wire.say", [text])

    def test_an_id_counts_by_its_value(self):
        with self.daemon.connect() as connection:
            for id in ("ID", "ID.0", '"ID"', "ID0e-1", '"ID.0"'):
                with self.subTest(id=id):
                    self.assertEqual(self.say(connection, f'{{"jsonrpc":"2.0","id":{id},"result":"it"}}').get("result"), "it")

    def test_an_error_without_a_usable_id_is_that_of_the_one_call(self):
        error = {"code": -32700, "message": "Parse error", "data": {"reason": "own"}}
        with self.daemon.connect() as connection:
            pid = connection.result("wire.pid")
            for id in ('"id":null,', "", '"id":-1,', '"id":0,', '"id":"x",', '"id":{},', '"id":987654,'):
                with self.subTest(id=id):
                    self.assertEqual(self.say(connection, f'{{"jsonrpc":"2.0",{id}"error":{json.dumps(error)}}}')["error"], error)
            self.assertEqual(connection.result("wire.pid"), pid)

    def test_what_cannot_be_a_reply_fails_the_one_call_at_once_and_costs_no_process(self):
        with self.daemon.connect() as connection:
            pid = connection.result("wire.pid")
            good = '{"jsonrpc":"2.0","id":ID,"result":1}'
            for text in (f"[{good}]", '[{"jsonrpc":"2.0","result":1}]', '{"jsonrpc":"2.0","result":1}', '{"jsonrpc":"2.0","id":null,"result":1}',
                         f"\x1e{good}", f"{good}\x00", f"\x00{good}\x00", f"\x1b[32m{good}\x1b[0m", f"\x07{good}", '{"jsonrpc":"2.0","id":ID,',
                         '{"jsonrpc":"2.0",'):
                with self.subTest(text=text):
                    watch = Stopwatch()
                    self.assert_error(self.say(connection, text), -32603, "internal")
                    self.assert_below(watch.ms(), ms(5000))
            self.assertEqual(connection.result("wire.pid"), pid)

    def test_a_byte_order_mark_is_skipped(self):
        with self.daemon.connect() as connection:
            for text in ('\ufeff{"jsonrpc":"2.0","id":ID,"result":1}', ' \ufeff {"jsonrpc":"2.0","id":ID,"result":1}'):
                self.assertEqual(self.say(connection, text).get("result"), 1)

    def test_a_code_passes_as_written_whatever_its_size(self):
        with self.daemon.connect() as connection:
            for number in ("10990201005", "-10990201005", "9223372036854775808", "1" + "0" * 40, "2147483648"):
                connection.call("wire.say", [f'{{"jsonrpc":"2.0","id":ID,"error":{{"code":{number},"message":"no"}}}}'])
                self.assertIn(f'"code":{number},', connection.receive_text())

    def test_nothing_is_guessed_while_several_calls_are_in_flight(self):
        daemon, connection = self.with_child(concurrency=4)
        connection.call("wire.wait", ["mine"], id="waits")
        text = '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"whose?"}}'
        self.assert_error(connection.request("wire.say", [text], timeout_ms=ms(200)), -32002)
        connection.call("wire.release", id="release")
        self.assertEqual(connection.receive_by_id(2)["waits"]["result"], ["mine"])


class SlowCalls(WireTest):
    def hang(self, connection, count, first=0):
        """Calls that are never answered, past their time limits."""
        for n in range(first, first + count):
            self.assert_error(connection.request("wire.wait", [n], timeout_ms=ms(20)), -32002)

    def serve_for(self, connection, milliseconds):
        watch = Stopwatch()
        while watch.ms() < milliseconds:
            self.assertEqual(code(connection.request("wire.call")), "ok")

    def test_a_process_that_answers_some_calls_is_kept_while_others_hang(self):
        daemon, connection = self.with_child(concurrency=4, server={"call_timeout": duration(500)})
        pid, restarts = connection.result("wire.pid"), daemon.value("sluice_backend_restarts_total")
        self.hang(connection, 2)
        self.serve_for(connection, ms(1500))
        self.assertEqual(connection.result("wire.pid"), pid)
        self.assertEqual(daemon.value("sluice_backend_restarts_total"), restarts)

    def test_a_process_is_replaced_once_more_than_half_of_its_calls_are_abandoned(self):
        daemon, connection = self.with_child(concurrency=4)
        pid = connection.result("wire.pid")
        self.hang(connection, 3)
        # It answers, so that it is not silence that ends it.
        eventually(10, lambda: connection.request("wire.pid").get("result", pid) != pid, "another process")

    def test_a_process_from_which_nothing_comes_is_replaced(self):
        daemon, connection = self.with_child(concurrency=8)
        pid = connection.result("wire.pid")
        self.hang(connection, 1)
        daemon.wait_log(r"process ended: signal 9")
        eventually(10, lambda: connection.request("wire.pid").get("result", pid) != pid, "another process")

    def test_a_call_that_has_waited_leaves_less_time(self):
        daemon, connection = self.with_child(concurrency=1, dialect="sluice")
        limit_ms, held_ms = ms(20000), ms(500)
        with daemon.connect() as other:
            other.call("wire.wait", id="held", timeout_ms=held_ms)
            daemon.wait_in_flight(1)
            watch = Stopwatch()
            connection.call("wire.call", timeout_ms=limit_ms, id="queued")
            daemon.wait_in_flight(2)
            # The process still reads; its permit is free once the call before is killed or answered.
            reply = connection.receive(25)
            waited = watch.ms()
        if "result" in reply:
            self.assertLessEqual(reply["result"]["timeout_ms"], limit_ms - held_ms / 2)
            self.assertGreaterEqual(waited, held_ms / 2)
        else:
            self.fail(reply)


if __name__ == "__main__":
    main()
