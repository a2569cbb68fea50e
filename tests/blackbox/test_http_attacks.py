"""HTTP/1.1 from clients that mean harm: smuggled requests, endless ones, slow ones, in pieces of every size."""

import select

from support.daemon import SLOW, Stopwatch, duration, eventually, main, message, ms
from support.http_client import chunked, head, request
from support.transports import TransportTest

CALL = message("demo.sum", [1, 2], 1)
SMUGGLED = request(message("demo.subtract", [2, 1], 1))
START = b"POST / HTTP/1.1\r\n"
HOST = b"Host: localhost\r\nContent-Type: application/json\r\n"


class AttackTest(TransportTest):
    transport = "http"

    def smuggled(self):
        return self.daemon.value("sluice_calls_total", method="demo.subtract")


def lines(*fields, body=b"", start=START):
    return start + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def in_chunks(text):
    return lines(b"Transfer-Encoding: chunked", body=text)


# Each is refused with its status, the connection ends, and what stands behind it is not run.
REFUSED = [
    ("a length beside an encoding", lines(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    ("an encoding beside a length", lines(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    ("an encoding beside a length of other case", lines(b"content-length: 5", b"TRANSFER-ENCODING: chunked", body=b"0\r\n\r\n"), 400),
    ("two lengths", lines(b"Content-Length: 2", b"Content-Length: 300", body=b"{}"), 400),
    ("a length twice", lines(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"), 400),
    ("a list of lengths", lines(b"Content-Length: 2, 2", body=b"{}"), 400),
    ("a length with a sign", lines(b"Content-Length: +2", body=b"{}"), 400),
    ("a negative length", lines(b"Content-Length: -1"), 400),
    ("no length's digits", lines(b"Content-Length:"), 400),
    ("a hexadecimal length", lines(b"Content-Length: 0x2", body=b"{}"), 400),
    ("a length with a fraction", lines(b"Content-Length: 2.0", body=b"{}"), 400),
    ("a length in two parts", lines(b"Content-Length: 2 0", body=b"{}"), 400),
    ("a length that overflows", lines(b"Content-Length: 18446744073709551618", body=b"{}"), 400),
    ("the longest length", lines(b"Content-Length: 18446744073709551615", body=b"{}"), 413),
    ("an encoding twice", lines(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    ("an encoding that is not chunked", lines(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"), 501),
    ("an encoding under the chunks", lines(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    ("an encoding over the chunks", lines(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 501),
    ("an encoding that is nearly chunked", lines(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 501),
    ("chunks in chunks", lines(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 501),
    ("an encoding behind a control character", lines(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), 400),
    ("an encoding in HTTP/1.0", lines(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", start=b"POST / HTTP/1.0\r\n"), 400),
    ("an encoding on the line below", lines(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"), 400),
    ("a length on the line below", lines(b"Content-Length:", b"\t2", body=b"{}"), 400),
    ("a space before the colon", lines(b"Content-Length : 2", body=b"{}"), 400),
    ("a tab before the colon", lines(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"), 400),
    ("a space before the first name", START + b" " + HOST + b"Content-Length: 0\r\n\r\n", 400),
    ("a folded line", lines(b"X: a", b" b", b"Content-Length: 2", body=b"{}"), 400),
    ("a folded line of nothing", lines(b"X:", b" ", b"Content-Length: 2", body=b"{}"), 400),
    ("a line without a colon", lines(b"X", b"Content-Length: 2", body=b"{}"), 400),
    ("a line without a name", lines(b": x", b"Content-Length: 2", body=b"{}"), 400),
    ("lines that end with LF", (START + HOST + b"Content-Length: 2\r\n\r\n").replace(b"\r\n", b"\n") + b"{}", 400),
    ("one line that ends with LF", lines(b"X: a\nContent-Length: 2", body=b"{}"), 400),
    ("a first line that ends with LF", START.replace(b"\r\n", b"\n") + HOST + b"\r\n", 400),
    ("a head that ends with LF", START + HOST + b"\nContent-Length: 2\r\n\r\n{}", 400),
    ("a line with a CR in it", lines(b"X: a\rContent-Length: 2", body=b"{}"), 400),
    ("a line that ends with two CRs", lines(b"X: a\r", b"Content-Length: 2", body=b"{}"), 400),
    ("a NUL in a value", lines(b"X: a\0b", b"Content-Length: 2", body=b"{}"), 400),
    ("a NUL in a name", lines(b"X\0: a", b"Content-Length: 2", body=b"{}"), 400),
    ("a NUL in the target", lines(b"Content-Length: 0", start=b"POST /\0 HTTP/1.1\r\n"), 400),
    ("a DEL in a value", lines(b"X: \x7f", b"Content-Length: 2", body=b"{}"), 400),
    ("no Host", START + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 400),
    ("two Hosts", lines(b"Host: localhost", b"Content-Length: 2", body=b"{}"), 400),
    ("two types", lines(b"Content-Type: text/plain", b"Content-Length: 2", body=b"{}"), 400),
    ("two origins", lines(b"Origin: a", b"Origin: b", b"Content-Length: 2", body=b"{}"), 400),
    ("a connection header that is not a list", lines(b"Connection: keep alive", b"Content-Length: 2", body=b"{}"), 400),
    ("version 2", lines(b"Content-Length: 2", body=b"{}", start=b"POST / HTTP/2.0\r\n"), 400),
    ("version 0.9", lines(b"Content-Length: 2", body=b"{}", start=b"POST / HTTP/0.9\r\n"), 400),
    ("version 1.2", lines(b"Content-Length: 2", body=b"{}", start=b"POST / HTTP/1.2\r\n"), 400),
    ("the version in lower case", lines(b"Content-Length: 2", body=b"{}", start=b"POST / http/1.1\r\n"), 400),
    ("no version", lines(b"Content-Length: 2", body=b"{}", start=b"POST /\r\n"), 400),
    ("no target", lines(b"Content-Length: 2", body=b"{}", start=b"POST  HTTP/1.1\r\n"), 400),
    ("two spaces before the target", lines(b"Content-Length: 2", body=b"{}", start=b"POST  / HTTP/1.1\r\n"), 400),
    ("two targets", lines(b"Content-Length: 2", body=b"{}", start=b"POST / / HTTP/1.1\r\n"), 400),
    ("a tab before the version", lines(b"Content-Length: 2", body=b"{}", start=b"POST /\tHTTP/1.1\r\n"), 400),
    ("a space behind the version", lines(b"Content-Length: 2", body=b"{}", start=b"POST / HTTP/1.1 \r\n"), 400),
    ("HTTP/2's greeting", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("a chunk's size that overflows", in_chunks(b"10000000000000002\r\n{}\r\n0\r\n\r\n"), 400),
    ("the largest chunk's size", in_chunks(b"FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"), 413),
    ("sizes that overflow together", in_chunks(b"2\r\n{}\r\nFFFFFFFFFFFFFFFE\r\n0\r\n\r\n"), 413),
    ("a chunk's size with a sign", in_chunks(b"+2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a negative chunk's size", in_chunks(b"-2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk's size with its base", in_chunks(b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a space before a chunk's size", in_chunks(b" 2\r\n{}\r\n0\r\n\r\n"), 400),
    ("a space behind a chunk's size", in_chunks(b"2 \r\n{}\r\n0\r\n\r\n"), 400),
    ("no chunk's size", in_chunks(b"\r\n{}\r\n0\r\n\r\n"), 400),
    ("an invalid chunk size", in_chunks(b"g\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk that is longer than it says", in_chunks(b"1\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk's size that ends with LF", in_chunks(b"2\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk that ends with LF", in_chunks(b"2\r\n{}\n0\r\n\r\n"), 400),
    ("a chunk's extension with LF", in_chunks(b"2;a\nb\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk's extension with CR", in_chunks(b"2;a\rb\r\n{}\r\n0\r\n\r\n"), 400),
    ("a chunk's quoted extension with LF", in_chunks(b'2;a="\n"\r\n{}\r\n0\r\n\r\n'), 400),
    ("a chunk's quoted extension with a NUL", in_chunks(b'2;a="\0"\r\n{}\r\n0\r\n\r\n'), 400),
    ("a chunk's quoted extension over two lines", in_chunks(b'2;a="\r\n{}\r\n0\r\n"\r\n\r\n'), 400),
    ("a chunk's quoted extension without an end", in_chunks(b'2;a="\r\n{}\r\n0\r\n\r\n'), 400),
    ("the last chunk's quoted extension without an end", in_chunks(b'2\r\n{}\r\n0;a="\r\n\r\n'), 400),
    ("the last chunk's quoted extension with LF", in_chunks(b'2\r\n{}\r\n0;a="\n"\r\n\r\n'), 400),
    ("a trailer that ends with LF", in_chunks(b"2\r\n{}\r\n0\r\nX: a\nY: b\r\n\r\n"), 400),
    ("a trailer without a colon", in_chunks(b"2\r\n{}\r\n0\r\nX\r\n\r\n"), 400),
    ("a length as a trailer", in_chunks(b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n"), 400),
]


class Smuggling(AttackTest):
    def attack(self, kind, data, status, size=None):
        with self.open(kind=kind) as client:
            if size is None:
                client.send(data + SMUGGLED)
            else:
                client.send_pieces(data + SMUGGLED, size)
            response = client.receive_response()
            self.assertEqual((response.status, response.code), (status, -32007 if status == 413 else -32600), response)
            self.assertTrue(response.closes, response)
            client.expect_end()

    def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_run(self):
        for kind in ("tcp", "unix"):
            for name, data, status in REFUSED:
                with self.subTest(name, kind=kind):
                    self.attack(kind, data, status)
        self.assertEqual(self.smuggled(), 0)

    def test_in_pieces_it_is_refused_as_well(self):
        for name, data, status in REFUSED:
            for size in (1, 2, 3, 7, 50):
                with self.subTest(name, size=size):
                    self.attack("unix", data, status, size)
        self.assertEqual(self.smuggled(), 0)

    def test_calls_before_it_are_answered_first(self):
        before = self.daemon.value("sluice_calls_total", method="demo.sleep", code="ok")
        with self.open() as client:
            client.send(request(message("demo.sleep", {"ms": ms(200)}, "before")) + REFUSED[0][1] + SMUGGLED)
            self.assertEqual(client.receive_response().reply["id"], "before")
            self.assertEqual(client.receive_response().status, 400)
            client.expect_end()
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.sleep", code="ok"), before + 1)
        self.assertEqual(self.smuggled(), 0)

    def test_what_a_refused_body_holds_is_not_run(self):
        with self.open() as client:
            for options in ({"target": "/other"}, {"method": "GET"}, {"Content_Type": "text/plain"}, {"Host": "evil.example"}):
                for chunks in (None, 10):
                    self.assertIn(client.exchange(SMUGGLED, chunks=chunks, **options).status, (403, 404, 405, 415))
            self.assertEqual(client.exchange(CALL).result, 3)
        self.assertEqual(self.smuggled(), 0)

    def test_a_form_that_a_page_can_send_unasked_runs_nothing(self):
        # A form with enctype=text/plain: its body is the call, with a "=" somewhere.
        body = message("demo.subtract", ["=\r\n"], 1)
        with self.open() as client:
            for more in ({"Content_Type": "text/plain"}, {"Content_Type": "text/plain", "Origin": "https://evil.example"},
                         {"Content_Type": "application/json", "Origin": "https://evil.example"}):
                self.assertIn(client.exchange(body, **more).status, (403, 415))
        self.assertEqual(self.smuggled(), 0)


# The bytes to send, and of each response the status and the result or the error's code.
SERVED = [
    ("a call", request(CALL), [(200, 3)]),
    ("a call in chunks", head(Transfer_Encoding="chunked") + chunked(CALL, 30, ";a=b", "A: b\r\n"), [(200, 3)]),
    ("a body of no chunks", head(Transfer_Encoding="chunked") + b"0\r\n\r\n", [(200, -32700)]),
    ("no body", head(), [(200, -32700)]),
    ("calls and a notification", request(CALL) + request(message("demo.sum", [1])) + b"\r\n" + request(CALL), [(200, 3), (204, None), (200, 3)]),
    ("refusals that leave the connection open", request(CALL, target="/x") + request("", method="GET") + request(CALL, Content_Type="x/y"),
     [(404, -32600), (405, -32600), (415, -32600)]),
    ("old and plain", b"POST / HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]", [(200, None)]),
]


class Pieces(AttackTest):
    def test_requests_in_pieces_of_every_size_are_answered_as_whole_ones(self):
        for name, data, expected in SERVED:
            for size in range(1, len(data) + 1):
                with self.subTest(name, size=size), self.open(kind="unix") as client:
                    client.send_pieces(data, size)
                    got = []
                    for response in client.receive_responses(len(expected)):
                        single = response.body and isinstance(response.reply, dict)
                        got.append((response.status, response.reply.get("result", response.code) if single else None))
                    self.assertEqual(got, expected)
                    client.fence()


class Endless(AttackTest):
    """An endless request is refused after a bounded number of bytes, whichever part is endless."""

    def endure(self, start, more, statuses, bytes_max=40_000):
        for kind in ("tcp", "unix"):
            with self.subTest(start=start[-40:], more=more[:20], kind=kind), self.open(kind=kind) as client:
                client.send(start)
                sent = 0
                more = more * (2000 // len(more) + 1)
                while not select.select([client.socket], [], [], 0.001)[0]:
                    client.send(more)
                    sent += len(more)
                    self.assert_below(sent, 32 << 20, "bytes taken without an answer")
                    if kind == "unix":
                        client.wait_until_read()
                if kind == "unix":
                    self.assert_below(sent, bytes_max, "bytes taken")
                response = client.receive_response()
                self.assertIn(response.status, statuses)
                self.assertTrue(response.closes)
                client.expect_end()

    def test_first_lines_and_headers(self):
        for start, more in ((b"POST /", b"a"), (b"POST / HTTP/1.1", b"1"), (START, b"a"), (START, b"A: "), (START, b"A: b\r\n"),
                            (START + b"A: ", b"b"), (START + b"A: ", b" "), (START + b"A: b\r\n", b" c\r\n"),
                            (START + b"Cookie: ", b"x" * 1999)):
            self.endure(start, more, (400, 431))

    def test_chunks_sizes_extensions_and_trailers(self):
        for start, more in ((b"", b"0"), (b"2;", b"a"), (b"2;a=", b"b"), (b'2;a="', b"b"), (b"2", b";a=b"), (b"2;", b" "),
                            (b"2\r\n{}\r\n", b"0"), (b"0\r\n", b"A: b\r\n"), (b"2\r\n{}\r\n0\r\nA: ", b"b"), (b"0\r\n", b"a")):
            self.endure(in_chunks(start), more, (400, 431), 10_000)

    def test_a_head_may_be_as_long_as_the_bound_in_one_piece_or_in_many(self):
        bound = 16 * 1024
        for length, status in ((bound, 200), (bound + 1, 431), (2 * bound - 300, 431)):
            plain = head(Content_Length=2, Cookie="")
            data = head(Content_Length=2, Cookie="x" * (length - len(plain))) + b"{}"
            self.assertEqual(len(data), length + 2)
            for size in (length + 2, 1, 1000):
                with self.subTest(length=length, size=size), self.open(kind="unix") as client:
                    try:
                        client.send_pieces(data, size)
                    except BrokenPipeError:
                        self.assertEqual(status, 431)  # and the connection was closed before the rest was sent
                    self.assertEqual(client.receive_response().status, status)

    def test_many_small_requests_in_a_long_body_are_one_body(self):
        with self.open() as client:
            self.assertEqual(client.exchange(SMUGGLED * 1000).code, -32700)
            client.fence()
        self.assertEqual(self.smuggled(), 0)


class Slow(AttackTest):
    def trickle(self, daemon, start, piece, limit_ms):
        """Sends `piece` again and again, each well within the time limit; how long that went on."""
        with self.open(daemon) as client:
            watch = Stopwatch()
            client.send(start)
            while watch.ms() < limit_ms and not select.select([client.socket], [], [], ms(40) / 1000)[0]:
                try:
                    client.send(piece)
                except (ConnectionResetError, BrokenPipeError):
                    break
            self.assert_timed_out(client)
            return watch.ms()

    def assert_timed_out(self, client):
        response = client.receive_response()
        self.assertEqual((response.status, response.code, response.closes), (408, -32600, True))
        client.expect_closed()

    def test_a_request_has_one_time_limit_from_its_first_byte_to_its_last(self):
        daemon = self.start(server={"message_timeout": duration(400)})
        waiting = request(CALL) * 3  # answered: the limit is the request's, not the connection's
        for start, piece in ((b"POST / HT", b""), (START, b"A: b\r\n"), (START + b"A: ", b"b"), (head(Content_Length=5000), b" "),
                             (head(Content_Length=5000, target="/other"), b" "), (head(Transfer_Encoding="chunked"), b"1\r\n \r\n"),
                             (in_chunks(b"0\r\n"), b"A: b\r\n"), (head(Content_Length=5000, Expect="100-continue"), b"")):
            with self.subTest(start[-30:]):
                if b"Expect" in start:
                    with self.open(daemon) as client:
                        client.send(start)
                        client.receive_continue()
                        self.assert_timed_out(client)
                    continue
                took = self.trickle(daemon, start, piece, ms(4000))
                self.assertGreaterEqual(took, ms(350))
                self.assert_below(took, ms(3000))
        with self.open(daemon) as client:
            client.send(waiting + b"POST")
            self.assertEqual([response.result for response in client.receive_responses(3)], [3, 3, 3])
            self.assert_timed_out(client)
        daemon.wait_connections(0)
        self.assertEqual(daemon.value("sluice_connections_closed_total", reason="message_timeout"), 9)

    def test_the_refusal_of_a_slow_request_comes_behind_the_responses_due_before(self):
        daemon = self.start(server={"message_timeout": duration(200)})
        with self.open(daemon) as client:
            client.send(request(message("demo.sleep", {"ms": ms(600)}, 1)) + START)
            self.assertEqual(client.receive_response().result, {"slept_ms": ms(600)})
            self.assert_timed_out(client)

    def test_each_request_of_a_connection_has_its_own_time(self):
        daemon = self.start(server={"message_timeout": duration(500)})
        with self.open(daemon) as client:
            watch = Stopwatch()
            while watch.ms() < ms(1500):
                data = request(CALL)
                client.send(data[:50])
                select.select([client.socket], [], [], ms(100) / 1000)  # the pace
                client.send(data[50:])
                self.assertEqual(client.receive_response().result, 3)

    def test_a_client_that_does_not_end_after_a_refusal_is_not_waited_for_long(self):
        client = self.open()
        client.send(REFUSED[0][1])
        self.assertEqual(client.receive_response().status, 400)
        watch = Stopwatch()
        eventually(10, lambda: self.daemon.value("sluice_connections", protocol="http") == 0, "it is closed")
        self.assert_below(watch.ms(), ms(5000))


class Memory(AttackTest):
    def test_a_length_that_is_only_announced_takes_no_memory(self):
        daemon = self.start(server={"max_message": "1GiB"})
        with self.open(daemon) as client:
            client.fence()
            before = daemon.resident_bytes()
            for number in range(40):
                other = self.open(daemon)
                other.send(head(Content_Length=1 << 30) + b"[" if number % 2 else head(Transfer_Encoding="chunked") + b"40000000\r\n[")
            client.fence()
            daemon.wait_value(41, "sluice_connections", protocol="http")
            self.assert_below(daemon.resident_bytes() - before, SLOW * 16 << 20, "bytes kept")

    def test_a_refused_body_is_not_kept(self):
        daemon = self.start(server={"max_message": "256MiB"})
        with self.open(daemon) as client:
            client.fence()
            before = daemon.resident_bytes()
            client.send(head(Content_Length=100 << 20, target="/other"))
            for _ in range(100):
                client.send(b"x" * (1 << 20))
            self.assertEqual(client.receive_response().status, 404)
            self.assert_below(daemon.resident_bytes() - before, SLOW * 16 << 20, "bytes kept")
            client.fence()


if __name__ == "__main__":
    main()
