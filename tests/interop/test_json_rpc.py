"""Python's json-rpc as a child process and over HTTP: it refuses every member that JSON-RPC 2.0 does not know."""

import subprocess

from interop_test import HERE, SYSTEM_PYTHON, PeerTest, needs_module
from support.daemon import SLOW, Stopwatch, main, ms

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PEER = [SYSTEM_PYTHON, "-u", str(HERE / "json_rpc_peer.py")]


class Calls:
    """For each way to the peer: `start_peer` starts a daemon in front of the peer."""

    def setUp(self):
        self.server = self.start_peer()
        self.client = self.connect(self.server)
        self.wait_up(self.client)

    def test_calls_are_answered_though_the_client_sends_a_time_limit_and_a_trace(self):
        self.assertEqual(self.client.result("peer.sum", [1, 2, 4], timeout_ms=ms(20000), traceparent=TRACE), 7)
        self.assertEqual(self.client.result("peer.echo", ["é\u2028", {"a": [1.5]}]), ["é\u2028", {"a": [1.5]}])

    def test_errors_pass_as_they_are(self):
        for number in (5, -32001, 10990201005):
            self.assertEqual(self.error_of(self.client, "peer.fail", [number]), {"code": number, "message": "own", "data": {"own": True}})
        self.assertEqual(self.error_of(self.client, "peer.nothing")["code"], -32601)
        self.assertEqual(self.error_of(self.client, "peer.fail", [1, 2, 3])["code"], -32602)
        self.assertEqual(self.error_of(self.client, "peer.throw")["code"], -32000)

    def test_notifications_are_not_answered(self):
        self.client.notify("peer.sum", [1])
        self.assertEqual(self.client.result("peer.sum", [1, 1]), 2)

    def test_a_long_call_ends_at_its_time_limit_and_the_next_is_served(self):
        watch = Stopwatch()
        self.assert_error(self.client.request("peer.sleep", [0.5 * SLOW], timeout_ms=ms(100)), -32002, "timeout")
        self.assert_below(watch.ms(), ms(2000))
        self.assertEqual(self.client.result("peer.sum", [2, 2], within=20), 4)

    def test_a_cancelled_call_is_answered_at_once_and_the_next_is_served(self):
        self.client.call("peer.sleep", [0.5 * SLOW], id="long")
        self.server.wait_in_flight(1)
        self.assert_error(self.client.cancel("long"), -32800, "cancelled")
        self.assertEqual(self.client.result("peer.sum", [2, 3], within=20), 5)


@needs_module("jsonrpc")
class AsAChild(Calls, PeerTest):
    def start_peer(self, **settings):
        return self.start(backends=[self.backend(command=PEER, **settings)])

    def tearDown(self):
        self.assert_same_process(self.server)

    def test_it_refuses_what_the_daemons_own_dialect_adds(self):
        """The peer is strict: without this check the other tests would not show that nothing is added."""
        strict = self.connect(self.start_peer(dialect="sluice"))
        self.assertEqual(self.error_of(strict, "peer.sum", [1, 2])["code"], -32600)


@needs_module("jsonrpc")
class OverHttp(Calls, PeerTest):
    def start_peer(self):
        peer = subprocess.Popen([*PEER, "--http"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(peer.wait)
        self.addCleanup(peer.stdout.close)
        self.addCleanup(peer.kill)
        settings = {"name": "peer", "url": [f"http://127.0.0.1:{int(peer.stdout.readline())}/"], "methods": ["peer.*"]}
        return self.start(backends=[settings])


if __name__ == "__main__":
    main()
