"""Python's websocket-client, which sends an Origin equal to Host."""

from interop_test import HERE, SYSTEM_PYTHON, ClientTest, needs_module
from support.daemon import main, ms


@needs_module("websocket")
class PythonWebsocketClient(ClientTest):
    def test_calls_errors_cancels_and_pings(self):
        self.run_client([SYSTEM_PYTHON, HERE / "python_websocket_client.py"], self.url("ws"), ms(1000))


if __name__ == "__main__":
    main()
