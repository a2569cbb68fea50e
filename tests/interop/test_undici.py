"""npm's `undici`, which is also the fetch and the WebSocket that Node comes with."""

from interop_test import NodeClientTest
from support.daemon import main, ms


class Undici(NodeClientTest):
    def test_calls_errors_cancels_pipelining_and_websocket(self):
        self.run_client(self.node("undici_client.mjs"), self.url("http"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()
