"""Invalid JSON on a stream: lines of other protocols end it, PROXY headers are named, a broken line costs only itself."""

from support.daemon import DaemonTest, code, main, message

HTTP = "POST / HTTP/1.1\r\nHost: evil.example\r\nOrigin: https://evil.example\r\nContent-Type: text/plain\r\n\r\n"
PROXY_V1 = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 7070\r\n"
PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x1b\x9e"


class Foreign(DaemonTest):
    def received(self, data, size=1 << 20):
        """All that comes back of `data`, whose end is half-closed."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        with self.daemon.connect() as connection:
            try:
                connection.send_pieces(data, size)
                connection.half_close()
            except (ConnectionResetError, BrokenPipeError):
                pass
            return connection.receive_bytes_until_closed()

    def assert_not_run(self, data):
        before = self.daemon.value("sluice_calls_total", method="demo.sum")
        for size in (1 << 20, 1):
            with self.subTest(data[:60], size=size):
                self.assertNotIn(b'"result"', self.received(data, size))
        self.assertEqual(self.daemon.value("sluice_calls_total", method="demo.sum"), before)

    def test_a_body_behind_a_foreign_line_is_never_run(self):
        call = message("demo.sum", [1, 2], 1) + "\n"
        for before in ("hello\n", "\n\n \n", "{]\n", "[\n", '"', "x y z ", "1\n", "hello\r", "\x16\x03\n", PROXY_V1, "Content\n"):
            self.assert_not_run(before + HTTP + call)
        for line in ("LOOT / HTTP/1.1", "get /a?b http/1.0", "OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "x http://a/ HTTP/1.1",
                     "HTTP/1.1 200 OK", "Host: evil.example", "User-Agent: x", "EHLO evil.example", "MAIL FROM:<a@b>", "USER x", "*3",
                     "$11", "SET a b", "PROXY UNKNOWN", "SSH-2.0-x", "INVITE sip:a SIP/2.0"):
            self.assert_not_run("hello\n" + line + "\r\n" + call)

    def test_a_first_line_with_a_target_behind_a_method_ends_the_stream_before_anything_behind_it_is_run(self):
        """Also where the request line is incomplete: any method counts, and the version may be missing."""
        call = message("demo.sum", [1, 2], 1) + "\n"
        for line in ("BREW /pot", "M-SEARCH /", "get /x", "X /a b c", "LOOT //evil.example/ spam"):
            self.assert_not_run(line + "\n" + call)
            self.assert_not_run(line + " " + call)

    def test_a_request_line_behind_headers_of_this_protocol_is_never_run(self):
        body = message("demo.sum", [1, 2], 1)
        self.assert_not_run(f"Content-Length: 2\r\n\r\n[]POST http://a/ HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    def test_answers_that_were_due_before_the_foreign_line_are_given(self):
        got = self.received(message("demo.sum", [20, 22], 1) + "\n" + HTTP + message("demo.sum", [1, 2], 2))
        self.assertIn(b'"result":42', got)
        self.assertNotIn(b'"result":3', got)

    def test_a_broken_line_costs_that_line_only(self):
        lines = ["hello", "{", "not json", '["GET / HTTP/1.1" 200]', '{"log":"Host: evil.example" x}', "Warning: something",
                 "\x00\x01\x02", "}", '"unclosed', "quit", "data", "nothing at /a/path", "*", "$"]
        for line in lines:
            with self.subTest(line), self.daemon.connect() as connection:
                connection.send("[]\n" + line + "\n" + message("demo.sum", [1, 2], 1) + "\n")
                connection.half_close()
                replies = connection.read_to_end()
                self.assertEqual([reply["result"] for reply in replies if "result" in reply], [3], replies)

    def test_a_proxy_header_is_refused_by_name(self):
        call = message("demo.sum", [1, 2], 1)
        for header in (PROXY_V1.encode(), b"PROXY UNKNOWN\r\n", PROXY_V2):
            for size in (1 << 20, 1):
                with self.subTest(header[:8], size=size):
                    got = self.received(header + call.encode() + b"\n", size)
                    self.assertIn(b"PROXY", got)
                    self.assertNotIn(b'"result"', got)
                    self.assertEqual(got.count(b"\n"), 1, got)
        self.daemon.wait_log("PROXY header came to a listener without proxy_protocol")

    def test_what_speaks_something_else_is_logged_rarely(self):
        daemon = self.start()
        for _ in range(20):
            with daemon.connect() as connection:
                connection.send("hello\n" + HTTP)
                self.assertEqual([code(reply) for reply in connection.read_to_end()][0], -32700)
        daemon.wait_log("another protocol came on a JSON stream: HTTP")
        self.assertLess(sum("another protocol" in line for line in daemon.log), 5)


class ByteOrderMarks(DaemonTest):
    def test_a_byte_order_mark_before_a_message_is_skipped_on_streams(self):
        call = message("demo.sum", [1, 2], 1).encode()
        for data in (b"\xef\xbb\xbf" + call, b"\xef\xbb\xbf\n" + call, b"\n\xef\xbb\xbf" + call + b"\n\xef\xbb\xbf" + call):
            for size in (1 << 20, 1):
                with self.subTest(data, size=size), self.daemon.connect() as connection:
                    connection.send_pieces(data, size)
                    connection.half_close()
                    self.assertEqual([reply["result"] for reply in connection.read_to_end()], [3] * data.count(b"jsonrpc"))

    def test_a_byte_order_mark_before_headers_and_bodies_is_skipped(self):
        call = message("demo.sum", [1, 2], 1).encode()
        marked = b"\xef\xbb\xbf" + call
        for data in (b"\xef\xbb\xbfContent-Length: %d\r\n\r\n%s" % (len(call), call), b"Content-Length: %d\r\n\r\n%s" % (len(marked), marked)):
            for size in (1 << 20, 1):
                with self.subTest(data, size=size), self.daemon.connect() as connection:
                    connection.headers = True
                    connection.send_pieces(data, size)
                    self.assertEqual(connection.receive()["result"], 3)


if __name__ == "__main__":
    main()
