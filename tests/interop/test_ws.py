"""npm's `ws`, the WebSocket client of most programs in Node."""

from interop_test import NodeClientTest
from support.daemon import main, ms


class Ws(NodeClientTest):
    options = {"listen": [{"address": "tcp://127.0.0.1:0", "subprotocols": ["acme.v1"]}]}

    def test_calls_errors_cancels_subprotocols_pings_and_fragments(self):
        self.run_client(self.node("ws_client.mjs"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()
