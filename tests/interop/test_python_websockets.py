"""Python's websockets, whose keepalive ends a connection that does not answer its pings."""

from interop_test import HERE, SYSTEM_PYTHON, ClientTest, needs_module
from support.daemon import main, ms


@needs_module("websockets")
class Keepalive(ClientTest):
    options = {"server": {"connection_window": 2, "workers": 2}}

    def test_pongs_come_while_the_window_is_full(self):
        self.run_client([SYSTEM_PYTHON, HERE / "python_websockets_keepalive.py"], self.url("ws"), ms(4000))


if __name__ == "__main__":
    main()
