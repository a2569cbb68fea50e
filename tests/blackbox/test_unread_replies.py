"""Clients that request much and read no reply."""

from support.daemon import main, message, ms
from support.transports import KINDS, TransportTest


class UnreadReplies(TransportTest):
    """More than `max_output_buffer` of them close the connection, whatever it speaks."""

    # They are admitted together, and their replies come together: not reading more does not help.
    CALLS = 8
    SIZE = 900_000

    def batches(self):
        for number in range(self.CALLS):
            yield ("[" + message("demo.sleep", {"ms": ms(700)}, 2 * number) + "," +
                   message("demo.echo", ["x" * self.SIZE], 2 * number + 1) + "]")

    def check(self, transport):
        daemon = self.start(server={"max_output_buffer": "1MiB", "write_timeout": "120s", "workers": 16})
        for kind in KINDS:
            with self.subTest(kind):
                before = daemon.value("sluice_connections_closed_total", reason="output_full")
                client = self.open(daemon, kind, transport, receive_buffer=4096)
                try:
                    for batch in self.batches():
                        client.send_message(batch)
                except (ConnectionResetError, BrokenPipeError):
                    pass  # closed already
                daemon.wait_value(before + 1, "sluice_connections_closed_total", seconds=20, reason="output_full")
                with daemon.connect() as other:
                    other.fence()

    def test_a_stream_is_closed(self):
        self.check("lines")

    def test_a_header_framed_stream_is_closed(self):
        self.check("headers")

    def test_an_http_connection_is_closed(self):
        self.check("http")

    def test_a_websocket_is_closed(self):
        self.check("websocket")


if __name__ == "__main__":
    main()
