"""How bytes become messages: contract 2."""

import json

from support.daemon import DaemonTest, Stopwatch, code, framed, limit, main, members, message, SLOW

FRAGMENTS = [*range(1, 32), 1 << 20]


def echo(params, id):
    return message("demo.echo", params, id)


def pretty(params, id, method="demo.echo"):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id}, indent=2)


def result(value, id):
    return (json.dumps(id), "result", json.dumps(value, sort_keys=True))


def error(number, id=None):
    return (json.dumps(id), number)


def summary(reply):
    """A reply as a row of the tables below, in an order that can be compared."""
    if isinstance(reply, list):
        return ("batch", *map(summary, reply))
    if "result" in reply:
        return (json.dumps(reply["id"]), "result", json.dumps(reply["result"], sort_keys=True))
    return (json.dumps(reply["id"]), reply["error"]["code"])


def in_any_order(summaries):
    return sorted(summaries, key=repr)


TRICKY = {"brace": "}{][", "quote": "\"\\", "newline": "a\nb", "unicode": "é€\U0001f600", "nul": "\0", "deep": [[[{}]]]}

# name, bytes, replies (in any order), whether the connection speaks in headers
CONVERSATIONS = [
    ("one call a line", echo([1], 1) + "\n" + echo([2], 2) + "\n", [result([1], 1), result([2], 2)], False),
    ("no newline at the end", echo([1], 1), [result([1], 1)], False),
    ("values without anything between", echo([1], 1) + echo({"a": 2}, 2) + echo([3], 3),
     [result([1], 1), result({"a": 2}, 2), result([3], 3)], False),
    ("pretty-printed over several lines", pretty([1, {"x": [2]}], 1) + pretty([2], 2) + "\n\n" + pretty([3], 3),
     [(json.dumps(1), "result", json.dumps([1, {"x": [2]}])), result([2], 2), result([3], 3)], False),
    ("white space before the first value", " \r\n\t \n" + echo([1], 1) + "\r\n\r\n" + echo([2], 2) + "\r\n",
     [result([1], 1), result([2], 2)], False),
    ("two newlines after each message", echo([1], 1) + "\n\n" + echo([2], 2) + "\n\n", [result([1], 1), result([2], 2)], False),
    ("strings that look like structure", echo([TRICKY], "}\"{") + echo([TRICKY], 2),
     [result([TRICKY], "}\"{"), result([TRICKY], 2)], False),
    ("characters of two, three and four bytes", '{"jsonrpc":"2.0","method":"demo.echo","params":["é€\U0001f600߿\U0010ffff"],"id":"é"}',
     [result(["é€\U0001f600߿\U0010ffff"], "é")], False),
    ("a notification between calls", echo([1], 1) + message("demo.echo", [0]) + echo([2], 2),
     [result([1], 1), result([2], 2)], False),
    ("a batch", "[" + echo([1], 1) + "," + message("demo.echo", [0]) + "," + echo([2], 2) + "]" + echo([3], 3),
     [("batch", result([1], 1), result([2], 2)), result([3], 3)], False),
    ("an empty batch", "[]" + echo([1], 1), [error(-32600), result([1], 1)], False),
    ("scalars at the top level", "1 2.5e3\n\"x\" true null" + echo([1], 1), [error(-32600)] * 5 + [result([1], 1)], False),
    ("a number that the end of the stream ends", echo([1], 1) + "12", [result([1], 1), error(-32600)], False),
    ("escapes of every kind", '{"jsonrpc":"2.0","method":"demo.echo","params":["\\u0000\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\""],"id":1}',
     [result(["\0\U0001f600/\b\f\n\r\t\\\""], 1)], False),
    ("a broken line among good ones", echo([1], 1) + "\n{\"id\":2,oops}\n" + echo([3], 3) + "\n",
     [result([1], 1), error(-32700), result([3], 3)], False),
    ("a line that stops in the middle of an object", '{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":[1]\n' + echo([2], 2) + "\n",
     [error(-32700), result([2], 2)], False),
    ("a line that stops in the middle of a string", '{"jsonrpc":"2.0","id":1,"method":"demo.ec\n' + echo([2], 2) + "\n",
     [error(-32700), result([2], 2)], False),
    ("invalid text to the end of the line is one error", '}}}} [1,2] {"a":1}\n' + echo([2], 2) + "\n", [error(-32700), result([2], 2)], False),
    ("a pretty-printed message broken on its second line", '{"a": 1,\n "b": oops, "c": [\n' + echo([2], 2) + "\n",
     # resumed behind the first newline: "b" is a value and no call, `:` is broken, and so is the line
     [error(-32700), error(-32600), error(-32700), result([2], 2)], False),
    ("each broken line is answered", "nonsense\n\x01\n{\n}\n" + echo([1], 1) + "\n", [error(-32700)] * 2 + [error(-32600), result([1], 1)], False),
    ("a truncated message at the end of the stream", echo([1], 1) + '{"jsonrpc":"2.0","id":2,"method":"demo.echo","params":[',
     [result([1], 1), error(-32700)], False),
    ("headers", framed(echo([1], 1)) + framed(echo({"b": 2}, 2)), [result([1], 1), result({"b": 2}, 2)], True),
    ("headers in any case", framed(echo([1], 1), "content-length: {}\r\n\r\n") + framed(echo([2], 2), "CONTENT-LENGTH:{}\r\n\r\n")
     + framed(echo([3], 3), "Content-length:   {}\r\n\r\n"), [result([1], 1), result([2], 2), result([3], 3)], True),
    ("a content type before the length", framed(echo([1], 1), "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: {}\r\n\r\n"),
     [result([1], 1)], True),
    ("a content type after the length", framed(echo([1], 1), "Content-Length: {}\r\nContent-Type: application/json\r\n\r\n"),
     [result([1], 1)], True),
    ("headers around characters of several bytes", framed(echo(["é€\U0001f600"], 1)) + framed(json.dumps(
        {"jsonrpc": "2.0", "method": "demo.echo", "params": ["é€\U0001f600"], "id": 2}, ensure_ascii=False)),
     [result(["é€\U0001f600"], 1), result(["é€\U0001f600"], 2)], True),
    ("headers around a pretty-printed body", framed(pretty([1], 1)) + framed(echo([2], 2) + "\n"), [result([1], 1), result([2], 2)], True),
    ("headers around a broken body", framed("{\"id\":1,oops}\n") + framed(echo([2], 2)), [error(-32700), result([2], 2)], True),
    ("headers around a body that ends too early", framed(echo([1], 1)[:-1]) + framed(echo([2], 2)), [error(-32700), result([2], 2)], True),
    ("headers around two values", framed(echo([1], 1) + echo([1], 1)) + framed(echo([2], 2)), [error(-32700), result([2], 2)], True),
    ("headers around a batch", framed("[" + echo([1], 1) + "," + echo([2], 2) + "]"), [("batch", result([1], 1), result([2], 2))], True),
    ("headers around a notification", framed(message("demo.echo", [1])) + framed(echo([2], 2)), [result([2], 2)], True),
]


class Fragments(DaemonTest):
    def converse(self, kind, size, conversation):
        name, data, expected, headers = conversation
        data = data if isinstance(data, bytes) else data.encode()
        with self.daemon.connect(kind) as connection:
            connection.headers = headers
            connection.send_pieces(data, size)
            connection.half_close()
            replies = connection.read_to_end()
        self.assertEqual(in_any_order(map(summary, replies)), in_any_order(expected), f"{name} in pieces of {size}")

    def test_every_conversation_is_the_same_at_every_fragment_size(self):
        for conversation in CONVERSATIONS:
            for size in FRAGMENTS:
                self.converse("unix", size, conversation)

    def test_every_conversation_works_over_tcp(self):
        for conversation in CONVERSATIONS:
            for size in (1, 7, 1 << 20):
                with self.subTest(conversation[0], size=size):
                    self.converse("tcp", size, conversation)

    def test_each_fragment_size_on_one_long_connection(self):
        with self.daemon.connect("unix") as connection:
            for size in FRAGMENTS:
                connection.send_pieces((echo([size, "é"], size) + ("\n" if size % 2 else "")).encode(), size)
                self.assertEqual(connection.receive()["result"], [size, "é"])


class Detection(DaemonTest):
    def test_each_json_beginning_is_a_stream(self):
        for begin, answer in [(echo([1], 1), "ok"), ("[" + echo([1], 1) + "]", "batch"), ("\n" + echo([1], 1), "ok"),
                              ("\t" + echo([1], 1), "ok"), ("17 ", -32600), ('"C"', -32600), ("true", -32600), ("-1 ", -32600),
                              ("Xyz\n", -32700), ("\x02\n", -32700), ("\xff\n", -32700), ("Content\n", -32700)]:
            with self.subTest(begin), self.daemon.connect() as connection:
                connection.send(begin.encode("latin-1"))
                reply = connection.receive()
                self.assertEqual("batch" if isinstance(reply, list) else code(reply), answer)
                connection.fence()

    def test_no_newline_is_waited_for(self):
        with self.daemon.connect() as connection:
            for id in range(5):
                connection.send(echo([id], id))
                self.assertEqual(connection.receive()["result"], [id])

    def test_a_connection_that_says_nothing_costs_nothing(self):
        connections = [self.connect() for _ in range(20)]
        self.connect().fence()
        for connection in connections:
            connection.fence()

    def test_a_header_name_in_pieces_is_recognised(self):
        with self.daemon.connect("unix") as connection:
            connection.headers = True
            connection.send_pieces(framed(echo([1], 1), "cOnTeNt-TyPe: x\r\ncOnTeNt-LeNgTh: {}\r\n\r\n"), 1)
            self.assertEqual(connection.receive()["result"], [1])


class Replies(DaemonTest):
    def test_a_stream_reply_is_compact_and_ends_with_exactly_one_newline(self):
        with self.daemon.connect() as connection:
            connection.send(pretty({"a": 1}, 1, "demo.sum"))
            data = connection.receive_bytes_through(b"\n")
            self.assertEqual(data.count(b"\n"), 1)
            self.assertNotIn(b" ", data.replace(b"Invalid params", b"").split(b'"data"')[0])
            connection.fence()

    def test_no_line_end_of_any_kind_between_the_tokens_of_params_is_left_in_a_reply(self):
        for method in ("demo.echo", "demo.echo_inline"):
            for line_end in ("\r", "\n", "\r\n"):
                with self.subTest(method, line_end=line_end), self.daemon.connect() as connection:
                    connection.send(f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[1,{line_end}"a\\r"]}}\n')
                    text = connection.receive_text()
                    self.assertNotIn("\r", text.rstrip("\n"))
                    self.assertNotIn("\n", text.rstrip("\n"))
                    self.assertEqual(json.loads(text)["result"], [1, "a\r"])

    def test_a_framed_reply_has_no_newline_and_an_exact_length(self):
        with self.daemon.connect() as connection:
            connection.send(framed(echo(["é"], 1)))
            data = connection.receive_bytes_through(b"}")
            head, body = data.split(b"\r\n\r\n", 1)
            self.assertIn(b"Content-Length: %d" % len(body), head.split(b"\r\n"))
            json.loads(body)

    def test_errors_go_out_in_the_framing_of_their_request(self):
        with self.daemon.connect() as connection:
            connection.headers = True
            connection.send(framed("nonsense"))
            self.assert_error(connection.receive(), -32700, "parse", "Parse error")
            connection.send(framed(message("no.such", None, 1)))
            self.assert_error(connection.receive(), -32601)

    def test_a_reply_arrives_whole_when_the_socket_takes_it(self):
        with self.daemon.connect() as connection:  # early web3.js parses each chunk on its own
            for id in range(50):
                connection.send(echo(["x" * 200], id))
                connection.socket.settimeout(limit(5))
                self.assertEqual(json.loads(connection.socket.recv(65536))["id"], id)


class Resynchronisation(DaemonTest):
    def test_a_parse_error_names_its_offset_and_has_no_id(self):
        with self.daemon.connect() as connection:
            reply = connection.request_text('{"jsonrpc":"2.0","id":7,"method":x}')
            self.assertIsNone(reply["id"])
            found = self.assert_error(reply, -32700, "parse", "Parse error")
            self.assertEqual(found["data"]["offset"], 33)

    def test_only_the_broken_line_is_lost_out_of_many(self):
        with self.daemon.connect() as connection:
            lines = [echo([n], n) if n % 3 else '{"broken": %d,,}' % n for n in range(1, 301)]
            connection.send("\n".join(lines) + "\n")
            replies = connection.receive_many(300)
            self.assertEqual(sum(code(reply) == -32700 for reply in replies), 100)
            self.assertEqual({reply["id"] for reply in replies if code(reply) == "ok"}, {n for n in range(1, 301) if n % 3})
            connection.fence()

    def test_a_call_on_the_same_line_as_invalid_text_is_not_run(self):
        with self.daemon.connect() as connection:
            connection.send("oops " + echo([1], 1) + "\n")
            self.assert_error(connection.receive(), -32700)
            connection.fence()

    def test_invalid_input_without_a_newline_is_answered_once_and_at_once(self):
        with self.daemon.connect("unix") as connection:
            connection.send("oops")
            self.assert_error(connection.receive(), -32700)
            connection.send_pieces(b"more of the same " * 10, 5)
            connection.send("\n")
            connection.fence()

    def test_a_newline_before_the_offending_byte_is_where_reading_resumes(self):
        with self.daemon.connect() as connection:
            # The object of line 1 is never closed: the brace of line 2 is the offending byte, and line 2 is served.
            connection.send('{"jsonrpc":"2.0","id":1,"method":"demo.echo"\n' + echo([2], 2))
            replies = connection.receive_many(2)
            self.assertEqual([code(reply) for reply in replies], [-32700, "ok"])
            self.assertEqual(replies[1]["id"], 2)

    def test_the_last_newline_counts_where_there_are_several(self):
        with self.daemon.connect() as connection:
            connection.send('[\n1,\n2,\n3,\n' + "oops " + '\n' + echo([2], 2) + "\n")
            replies = connection.receive_many(3)  # `[1,2,3,oops`, then the line `oops` itself
            self.assertEqual(sorted(str(code(reply)) for reply in replies), ["-32700", "-32700", "ok"])
            connection.fence()

    def test_invalid_bytes_are_parse_errors(self):
        cases = {"bad utf-8": b'["\xff"]', "overlong utf-8": b'["\xc0\x80"]', "surrogate in utf-8": b'["\xed\xa0\x80"]',
                 "beyond unicode": b'["\xf4\x90\x80\x80"]', "cut utf-8": b'["\xe2\x82"]', "control byte": b'["\x01"]', "nul": b'\0',
                 "nul in a string": b'["\0"]', "NaN": b'[NaN]', "infinity": b'[-Infinity]', "comment": b'[1 /* */]', "single quotes": b"['a']",
                 "trailing comma": b'[1,]', "leading zero": b'[01]', "plus": b'[+1]', "point": b'[1.]', "hex": b'[0x1]',
                 "bare word": b'[tru]', "bad escape": b'["\\x"]', "bad unicode escape": b'["\\u12g4"]', "tab in a string": b'["\t"]'}
        with self.daemon.connect() as connection:
            for name, body in cases.items():
                with self.subTest(name):
                    connection.send(b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":' + body + b"}\n")
                    reply = connection.receive()
                    self.assert_error(reply, -32700, "parse", "Parse error")
                    self.assertIsNone(reply["id"])
            connection.fence()

    def test_a_byte_order_mark_or_lone_surrogate_is_refused_or_kept_but_never_breaks_a_reply(self):
        for text in (b'\xef\xbb\xbf' + echo([1], 1).encode(), b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["\\ud800"]}',
                     b'{"jsonrpc":"2.0","id":"\\udc00","method":"demo.echo"}'):
            with self.subTest(text), self.daemon.connect() as connection:
                connection.send(text + b"\n")
                self.assertIn(code(connection.receive()), (-32700, "ok"))
                connection.fence()

    def test_random_bytes_never_break_the_daemon(self):
        import random
        for seed in range(30):
            generator = random.Random(seed)
            with self.subTest(seed=seed), self.daemon.connect() as connection:
                connection.send(generator.randbytes(generator.randrange(1, 3000)) + b"\n")
                connection.half_close()
                try:
                    connection.read_to_end()
                except ConnectionResetError:
                    pass
        self.connect().fence()


class Sizes(DaemonTest):
    def big_call(self, size, id=1):
        text = echo(["x" * size], id)
        return echo(["x" * (size - (len(text) - size))], id).encode()

    def test_a_message_of_exactly_the_limit_is_served(self):
        daemon = self.start(server={"max_message": "64KiB"})
        with daemon.connect() as connection:
            data = self.big_call(64 * 1024)
            self.assertEqual(len(data), 64 * 1024)
            for _ in range(2):
                connection.send(data)
                self.assertEqual(code(connection.receive()), "ok")

    def test_a_message_a_byte_over_the_limit_is_too_big_and_the_next_is_served(self):
        daemon = self.start(server={"max_message": "64KiB"})
        for headers in (False, True):
            with self.subTest(headers=headers), daemon.connect() as connection:
                connection.headers = headers
                wrap = framed if headers else (lambda text: text + (b"\n" if isinstance(text, bytes) else "\n"))
                connection.send(wrap(self.big_call(64 * 1024 + 1)))
                found = self.assert_error(connection.receive(), -32007, "request_too_big", "Request is too big")
                self.assertEqual(found["data"]["limit"], 64 * 1024)
                connection.send(wrap(echo([2], 2)))
                self.assertEqual(connection.receive()["result"], [2])

    def test_a_message_far_over_the_limit_is_refused_once_and_ends_or_leaves_the_connection_usable(self):
        daemon = self.start(server={"max_message": "64KiB"})
        for headers in (False, True):
            with self.subTest(headers=headers), daemon.connect() as connection:
                connection.headers = headers
                body = self.big_call(8 << 20)
                try:
                    connection.send(framed(body) if headers else body)
                    connection.send(framed(echo([2], 2)) if headers else echo([2], 2))
                except (ConnectionResetError, BrokenPipeError):
                    pass
                self.assert_error(connection.receive(), -32007, "request_too_big")
                try:
                    text = connection.receive_text()  # the next call's answer, or the end
                except ConnectionResetError:
                    text = None
                self.assertTrue(text is None or json.loads(text)["id"] == 2, text)

    def test_a_message_that_never_ends_is_refused_without_keeping_it(self):
        daemon = self.start(server={"max_message": "256KiB"})
        before = daemon.resident_bytes()
        with daemon.connect() as connection:
            connection.send('{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["')
            chunk, sent = b"y" * (1 << 20), 0
            try:
                while sent < 64 << 20:
                    connection.send(chunk)
                    sent += len(chunk)
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assert_below(daemon.resident_bytes() - before, SLOW * 16 << 20)
            try:
                self.assert_error(connection.receive(), -32007)
            except ConnectionResetError:
                pass
        daemon.connect().fence()

    def test_the_refusal_of_a_big_message_can_be_read_while_it_is_still_being_sent(self):
        daemon = self.start(server={"max_message": "64KiB"})
        with daemon.connect() as connection:
            connection.send(b'{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["' + b"y" * 70000)
            self.assert_error(connection.receive(), -32007)

    def test_each_big_message_has_its_own_five_seconds_to_end(self):
        daemon = self.start(server={"max_message": "2KiB"})
        big = self.big_call(4000)
        begin, end = big[:3000], big[3000:]
        behind = {"stream": (begin, end + begin, end + echo([2], 2).encode()),
                  "broken line": (b'{"a":!', b"\n" + begin, end + echo([2], 2).encode()),
                  "headers": (framed(big)[:-1000], big[-1000:] + framed(big)[:-1000], big[-1000:] + framed(echo([2], 2)))}
        clock = daemon.connect()
        connections = {name: daemon.connect() for name in behind}
        for part in range(3):
            for name, connection in connections.items():
                connection.send(behind[name][part])
            # The second ends three seconds after it began, and six after the first did.
            if part < 2:
                clock.request("demo.sleep", {"ms": 3000})
        for name, connection in connections.items():
            with self.subTest(name):
                connection.headers = name == "headers"
                self.assertEqual(code(connection.receive()), -32700 if name == "broken line" else -32007)
                self.assertEqual(code(connection.receive()), -32007)
                self.assertEqual(connection.receive()["result"], [2])

    def test_four_mebibytes_are_echoed_unchanged(self):
        with self.daemon.connect() as connection:
            data = self.big_call(4 << 20)
            connection.send(data)
            text = connection.receive_text(20)
            self.assertEqual(len(json.loads(text)["result"][0]), len(json.loads(data)["params"][0]))

    def test_four_mebibytes_in_small_writes_take_linear_time(self):
        def cpu_and_time(size):
            before, watch = self.daemon.cpu_seconds(), Stopwatch()
            with self.daemon.connect("unix") as connection:
                connection.send_pieces(self.big_call(size), 256)
                self.assertEqual(code(connection.receive(20)), "ok")
            return self.daemon.cpu_seconds() - before, watch.ms()

        cpu_and_time(1 << 16)
        cpu, took = cpu_and_time((4 << 20) // SLOW)  # 16384 reads; a rescan at each would look at 34 GB
        self.assert_below(cpu, 4 * SLOW, "CPU seconds")
        self.assert_below(took, 15000 * SLOW)

    def test_much_white_space_takes_linear_time_and_no_memory(self):
        for before_it in ("", echo([1], 1)):  # as a connection's first bytes, and between messages
            with self.subTest(before_it), self.daemon.connect("unix") as connection:
                if before_it:
                    connection.send(before_it)
                    connection.receive()
                cpu, resident = self.daemon.cpu_seconds(), self.daemon.resident_bytes()
                connection.send_pieces(b" \n" * (1 << 19), 2048)
                self.assert_below(self.daemon.cpu_seconds() - cpu, 0.3 * SLOW, "CPU seconds")
                self.assert_below(self.daemon.resident_bytes() - resident, SLOW * 600_000)
                connection.fence()

    def test_a_long_array_takes_linear_time(self):
        before = self.daemon.cpu_seconds()
        with self.daemon.connect("unix") as connection:
            connection.send_pieces(b"[" + b"1, " * (1 << 19) + b"1]", 2048)
            self.assert_error(connection.receive(20), -32010, "batch_too_big")
            connection.fence()
        self.assert_below(self.daemon.cpu_seconds() - before, 2 * SLOW)

    def test_bad_or_huge_lengths_are_refused(self):
        for head in (b"Content-Length: -5\r\n\r\n", b"Content-Length: abc\r\n\r\n", b"Content-Length: 99999999999999999999999\r\n\r\n",
                     b"Content-Length: 18446744073709551615\r\n\r\n", b"Content-Length: 0x10\r\n\r\n", b"Content-Type: x\r\n\r\n",
                     b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"Content-Length: 2\r\ninvalid\r\n\r\n"):
            with self.subTest(head), self.daemon.connect() as connection:
                connection.headers = True
                connection.send(head)
                connection.half_close()
                try:
                    replies = connection.read_to_end()
                except ConnectionResetError:
                    continue
                self.assertTrue(all(code(reply) in (-32700, -32600, -32007) for reply in replies), replies)
                self.assert_below(len(replies), 2)
        self.connect().fence()

    def test_headers_without_an_end_are_cut_off(self):
        with self.daemon.connect() as connection:
            connection.headers = True
            try:
                for _ in range(100):
                    connection.send("Content-Length: 5\r\n" + "X-Padding: " + "y" * 10000 + "\r\n")
            except (ConnectionResetError, BrokenPipeError):
                return
            try:
                replies = connection.read_to_end()
                self.assertTrue(all(code(reply) in (-32700, -32600, -32007) for reply in replies), replies)
            except ConnectionResetError:
                pass


class Depth(DaemonTest):
    def nested(self, levels, open="[", close="]"):
        """A call whose own brace is the first of `levels` levels."""
        return '{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":' + open * (levels - 1) + close * (levels - 1) + "}"

    def test_128_levels_are_served(self):
        with self.daemon.connect() as connection:
            connection.send(self.nested(128))
            text = connection.receive_text()
            self.assertEqual(members(text)["result"], "[" * 127 + "]" * 127)

    def test_129_levels_are_a_parse_error(self):
        with self.daemon.connect() as connection:
            self.assert_error(connection.request_text(self.nested(129)), -32700, "parse")
            connection.fence()

    def test_depth_of_objects_counts_like_depth_of_arrays(self):
        with self.daemon.connect() as connection:
            deep = '{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":' + '{"a":' * 126 + "{}" + "}" * 126 + "}"
            self.assertEqual(code(connection.request_text(deep)), "ok")
            deeper = '{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":' + '{"a":' * 127 + "{}" + "}" * 127 + "}"
            self.assert_error(connection.request_text(deeper), -32700, "parse")

    def test_a_hundred_thousand_levels_are_one_parse_error(self):
        for open in ("[", '{"a":', '[{"a":'):
            with self.subTest(open), self.daemon.connect() as connection:
                watch = Stopwatch()
                connection.send(open * 100_000 + "\n")
                self.assert_error(connection.receive(), -32700, "parse")
                self.assert_below(watch.ms(), limit(5) * 1000)
                connection.fence()


class NotJson(DaemonTest):
    def test_an_http_request_never_runs_a_body_that_a_foreign_page_sends(self):
        before = self.daemon.metrics()
        body = echo([1], 1) + "\n" + message("demo.sum", [1, 2]) + "\n"
        request = ("POST / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}")
        # A page whose own name leads here may choose its method without the browser's asking first.
        unknown = [request.replace("POST", method) for method in ("LOOT", "x", "1", "null", "GETX", "~" * 3000)]
        for text in (request, request.replace("POST", "GET"), request.replace("POST", "PUT"), "OPTIONS * HTTP/1.1\r\n\r\n" + body, *unknown):
            for size in (1 << 20, 1):
                with self.subTest(text[:8], size=size), self.daemon.connect("tcp") as connection:
                    try:
                        connection.send_pieces(text.encode(), size)
                        connection.half_close()
                        data = connection.receive_bytes_to_end()
                        self.assertTrue(not data or data.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or b"-32700" in data, data)
                        self.assertNotIn(b'"result"', data)
                    except (ConnectionResetError, BrokenPipeError):
                        pass
        after = self.daemon.metrics()
        for method in ("demo.echo", "demo.sum"):
            self.assertEqual(after.value("sluice_calls_total", method=method), before.value("sluice_calls_total", method=method))

    def test_a_line_within_a_tls_hello_is_not_run(self):
        # The server that made a session ticket has chosen these bytes, and its client shows the ticket again.
        hello = bytes.fromhex("16030100c8010000c40303") + b"\n" + message("demo.echo", [1], 1).encode() + b"\n" + bytes(100)
        before = self.daemon.value("sluice_calls_total", method="demo.echo")
        closed = {"reason": "framing_lost"}
        for size in (1 << 20, 1):
            with self.subTest(size=size), self.daemon.connect() as connection:
                ended = self.daemon.value("sluice_connections_closed_total", **closed)
                try:
                    connection.send_pieces(hello, size)
                except (ConnectionResetError, BrokenPipeError):
                    pass
                connection.half_close()
                self.assertEqual([code(reply) for reply in connection.read_to_end()], [-32700])
                self.daemon.wait_value(ended + 1, "sluice_connections_closed_total", **closed)
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.echo"), before)

    def test_the_first_byte_of_tls_within_headers_is_a_message_like_any_other(self):
        with self.daemon.connect() as connection:
            connection.headers = True
            connection.send(framed("\x16\n" + echo([1], 1)) + framed(echo([2], 2)))
            self.assertEqual([code(reply) for reply in connection.receive_many(2)], [-32700, "ok"])

    def test_a_tls_hello_to_a_plain_listener_is_refused_without_harm(self):
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(200))
        with self.daemon.connect() as connection:
            connection.send(hello)
            connection.half_close()
            connection.receive_bytes_until_closed()
        self.connect().fence()


if __name__ == "__main__":
    main()
