"""vscode-jsonrpc, which language servers are made with, as a child process in the dialect `lsp`."""

from interop_test import NodePeerTest
from support.daemon import Stopwatch, eventually, main, ms


class AsALanguageServer(NodePeerTest):
    def setUp(self):
        self.server = self.start(backends=[self.backend(command=self.node("vscode_jsonrpc_peer.mjs"), concurrency=8, dialect="lsp")])
        self.client = self.connect(self.server)
        self.wait_up(self.client)

    def tearDown(self):
        self.assert_same_process(self.server)

    def test_calls_and_notifications_reach_it(self):
        self.assertEqual(self.client.result("peer.sum", [1, 2, 4], timeout_ms=ms(20000)), 7)
        text = "é\u2028\r\n" + "x" * 300_000
        self.assertEqual(self.client.result("peer.echo", {"text": text}), {"text": text})
        self.client.notify("peer.note", {"n": 1})
        self.assertEqual(self.client.result("peer.notes"), [{"n": 1}])

    def test_errors_pass_with_their_codes(self):
        for number in (5, -32042, 10990201005):
            self.assertEqual(self.error_of(self.client, "peer.fail", {"code": number}), {"code": number, "message": "own", "data": {"own": True}})
        self.assertEqual(self.error_of(self.client, "peer.nothing")["code"], -32601)

    def test_a_cancelled_call_is_cancelled_there_too(self):
        self.client.call("peer.until_cancelled", {"name": "cancelled"}, id="long")
        self.assertEqual(self.client.result("peer.sum", [1]), 1)  # it has begun with the one before
        self.assert_error(self.client.cancel("long"), -32800, "cancelled")
        self.assertEqual(eventually(5, lambda: self.client.result("peer.cancelled")), ["cancelled"])

    def test_a_long_call_is_cancelled_there_at_its_time_limit(self):
        watch = Stopwatch()
        self.assert_error(self.client.request("peer.until_cancelled", {"name": "late"}, timeout_ms=ms(100)), -32002, "timeout")
        self.assert_below(watch.ms(), ms(5000))
        self.assertEqual(eventually(5, lambda: self.client.result("peer.cancelled")), ["late"])


if __name__ == "__main__":
    main()
