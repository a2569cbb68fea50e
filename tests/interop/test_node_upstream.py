"""Node's HTTP server as an upstream: one that keeps connections for a short time, and ones that recycle them."""

import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
from support.daemon import main, ms  # noqa: E402
from support.upstream_test import UpstreamTest  # noqa: E402


class NodeUpstreamTest(UpstreamTest):
    def setUp(self):
        if not shutil.which("node"):
            self.skipTest("node is not installed")

    def node(self, keep_alive=0, per_socket=0, recycle_after=0, **settings):
        """A client of a daemon in front of such a server. One failed call would open its breaker."""
        server = subprocess.Popen(["node", str(HERE / "node_upstream.mjs"), str(keep_alive), str(per_socket), str(recycle_after)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdin.close)
        settings = {"breaker": {"failures": 1, "window": "1h", "open": "1h"}, **settings}
        self.fronting = self.front(f"http://127.0.0.1:{int(server.stdout.readline())}/", methods=("node.*",), **settings)
        self.fronting.wait_value(1, "sluice_backend_up")
        return self.connect(self.fronting)

    def assert_no_call_failed(self):
        self.assertEqual(self.fronting.value("sluice_breaker_changes_total", state="open"), 0)

    def test_calls_results_and_errors(self):
        client = self.node()
        self.assertEqual(client.result("node.echo", ["é", 1.5, None]), ["é", 1.5, None])
        self.assertEqual(client.request("node.fail")["error"], {"code": 5, "message": "five"})
        ids = [client.call("node.echo", [n]) for n in range(50)]
        self.assertEqual({reply["result"][0] for reply in client.receive_by_id(50).values()}, set(range(50)))
        self.assertEqual(len(ids), 50)

    def test_calls_just_past_the_announced_idle_timeout_succeed(self):
        client = self.node(keep_alive=1000)
        for n in range(6):
            self.assertEqual(client.result("node.echo", [n]), [n])
            time.sleep(1.05)  # it is the pace that is tested
        self.assert_no_call_failed()

    def test_calls_at_the_pace_of_an_unannounced_idle_timeout_succeed(self):
        client = self.node(keep_alive=200, connections=1)  # below a second Node announces 0
        for n in range(15):
            self.assertEqual(client.result("node.echo", [n]), [n])
            time.sleep(0.2)
        self.assert_no_call_failed()

    def test_workers_that_recycle_their_connections_cost_no_call(self):
        for limits in ({"per_socket": 3}, {"recycle_after": 3}, {"recycle_after": 1}):
            with self.subTest(**limits):
                client = self.node(**limits)
                for n in range(100):
                    self.assertEqual(client.result("node.echo", [n]), [n])
                ids = [client.call("node.echo", [n]) for n in range(100)]
                self.assertEqual(sum("result" in reply for reply in client.receive_by_id(len(ids)).values()), 100)
                self.assert_no_call_failed()

    def test_long_calls_and_cancels_keep_their_connections(self):
        client = self.node(connections=2)
        for _ in range(20):
            ids = [client.call("node.sleep", [ms(20)]) for _ in range(2)]
            for id in ids:
                client.notify("rpc.cancel", {"id": id})
            client.receive_by_id(2)
        self.assertEqual(client.result("node.sleep", [ms(100)]), [ms(100)])
        self.assertLessEqual(client.result("node.connections"), 4)
        self.assert_no_call_failed()


if __name__ == "__main__":
    main()
