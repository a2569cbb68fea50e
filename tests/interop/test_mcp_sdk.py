"""The MCP TypeScript SDK's server as a child process: it drops every message with members that it does not know."""

from interop_test import NodePeerTest
from support.daemon import Stopwatch, main, ms

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
START = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


class AsAChild(NodePeerTest):
    def setUp(self):
        self.server = self.start(backends=[self.backend(command=self.node("mcp_sdk_peer.mjs"), concurrency=8,
                                                        methods=["initialize", "ping", "tools/*", "notifications/*"])])
        self.client = self.connect(self.server)
        self.assertEqual(self.client.result("initialize", START, within=20)["serverInfo"]["name"], "peer")
        self.client.notify("notifications/initialized")

    def tearDown(self):
        self.assert_same_process(self.server)

    def tool(self, name, arguments, **more):
        return self.client.request("tools/call", {"name": name, "arguments": arguments}, **more)

    def text(self, name, arguments, **more):
        return self.tool(name, arguments, **more)["result"]["content"][0]["text"]

    def test_calls_are_answered_though_the_client_sends_a_time_limit_and_a_trace(self):
        self.assertEqual(self.text("sum", {"numbers": [1, 2, 4]}, timeout_ms=ms(20000), traceparent=TRACE), "7")
        self.assertEqual({tool["name"] for tool in self.client.result("tools/list")["tools"]}, {"sum", "echo", "fail", "sleep"})
        self.assertEqual(self.client.result("ping"), {})

    def test_text_with_line_separators_passes(self):
        for separator in ("\u2028", "\u2029", "\x85", "\r", "\n"):
            self.assertEqual(self.text("echo", {"text": f"a{separator}b"}), f"a{separator}b")

    def test_errors_pass_with_their_codes(self):
        for number in (5, -32042, 10990201005):
            error = self.error_of(self.client, "tools/call", {"name": "fail", "arguments": {"code": number}})
            self.assertEqual((error["code"], error["data"]), (number, {"own": True}))

    def test_calls_overlap(self):
        for n in range(4):
            self.client.call("tools/call", {"name": "sleep", "arguments": {"ms": ms(200)}})
        self.client.call("tools/call", {"name": "sum", "arguments": {"numbers": [1]}}, id="quick")
        self.assertEqual(self.client.receive()["id"], "quick")
        for reply in self.client.receive_many(4):
            self.assertEqual(reply["result"]["content"][0]["text"], "slept")

    def test_a_long_call_ends_at_its_time_limit_and_others_go_on(self):
        watch = Stopwatch()
        self.assert_error(self.tool("sleep", {"ms": ms(1000)}, timeout_ms=ms(100)), -32002, "timeout")
        self.assert_below(watch.ms(), ms(900))
        self.assertEqual(self.text("sum", {"numbers": [2, 2]}), "4")

    def test_a_cancelled_call_is_answered_at_once_and_others_go_on(self):
        self.client.call("tools/call", {"name": "sleep", "arguments": {"ms": ms(1000)}}, id="long")
        self.server.wait_in_flight(1)
        self.assert_error(self.client.cancel("long"), -32800, "cancelled")
        self.assertEqual(self.text("sum", {"numbers": [2, 3]}), "5")


if __name__ == "__main__":
    main()
