"""The WebSocket client of the MCP TypeScript SDK, with the SDK's server as the backend."""

import subprocess

from interop_test import NodeClientTest
from support.daemon import duration, limit, main, ms


class Client(NodeClientTest):
    def test_calls_errors_and_cancels(self):
        daemon = self.start(backends=[{"name": "peer", "command": self.node("mcp_sdk_peer.mjs"), "concurrency": 8, "kill_after": duration(1000),
                                       "methods": ["initialize", "ping", "tools/*", "notifications/*"]}])
        client = subprocess.Popen([*self.node("mcp_websocket_client.mjs"), self.url("ws", daemon), str(ms(500))], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        first = client.stdout.readline()
        if first == "all given up\n":
            daemon.wait_value(2, "sluice_calls_total", code=-32800)  # what the client gave up
        rest, _ = client.communicate(timeout=limit(20))
        self.assertEqual((first, rest.strip(), client.returncode), ("all given up\n", "ok", 0), first + rest)
        daemon.wait_connections(0)


if __name__ == "__main__":
    main()
