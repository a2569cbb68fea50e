"""The transports of a listener, for tests of what holds on each of them."""

from . import http_client
from . import websocket_client
from .daemon import DaemonTest

KINDS = ("tcp", "unix")

# How a client is connected: (daemon, kind, **options).
TRANSPORTS = {
    "lines": lambda daemon, kind, **options: daemon.connect(kind, **options),
    "headers": lambda daemon, kind, **options: daemon.connect(kind, headers=True, **options),
    "http": http_client.connect,
    "websocket": websocket_client.connect,
}


class TransportTest(DaemonTest):
    """`self.open()` gives a client that speaks `transport`."""

    transport = "lines"

    def open(self, daemon=None, kind="tcp", transport=None, **options):
        client = TRANSPORTS[transport or self.transport](daemon or self.daemon, kind, **options)
        self.addCleanup(client.disconnect)
        return client

    def unshaken(self, daemon=None, kind="tcp"):
        """A WebSocket's client that has said nothing yet."""
        client = websocket_client.unshaken(daemon or self.daemon, kind)
        self.addCleanup(client.disconnect)
        return client
