"""Clients that ask for much and read nothing of it."""

from daemon import DaemonTest, framed, limit, main, message, ms
from http_client import request as http_request
from websocket_client import frame


class UnreadReplies(DaemonTest):
    """More than `max_output_buffer` of them close the connection, whatever it speaks."""

    # They are let in together, and their replies come together: reading no more does not help.
    CALLS = 8
    SIZE = 900_000

    def batches(self):
        for number in range(self.CALLS):
            yield ("[" + message("demo.sleep", {"ms": ms(700)}, 2 * number) + "," +
                   message("demo.echo", ["x" * self.SIZE], 2 * number + 1) + "]")

    def check(self, encode, begin=lambda connection: None):
        daemon = self.start(server={"max_output_buffer": "1MiB", "write_timeout": "120s", "workers": 16})
        for kind in ("tcp", "unix"):
            with self.subTest(kind):
                before = daemon.value("sluice_connections_closed_total", reason="output_full")
                connection = self.connect(daemon, kind, receive_buffer=4096)
                begin(connection)
                try:
                    for batch in self.batches():
                        connection.send(encode(batch))
                except (ConnectionResetError, BrokenPipeError):
                    pass  # closed already
                daemon.wait_value(before + 1, "sluice_connections_closed_total", seconds=20, reason="output_full")
                with daemon.connect() as other:
                    other.fence()

    def test_a_stream_is_closed(self):
        self.check(lambda text: text + "\n")

    def test_a_header_framed_stream_is_closed(self):
        self.check(framed)

    def test_an_http_connection_is_closed(self):
        self.check(http_request)

    def test_a_websocket_is_closed(self):
        def begin(connection):
            connection.send("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            received = b""
            while b"\r\n\r\n" not in received:
                connection.socket.settimeout(limit(10))
                received += connection.socket.recv(1)
        self.check(frame, begin)


if __name__ == "__main__":
    main()
