"""Pages in a real browser: those of an allowed origin can call, others can't, nor can those that were loaded by a rebound name."""

import unittest
import urllib.parse

from browser import PageServer, REBOUND, Rebinding, why_not  # first: it finds the module below
from support.daemon import DaemonTest, code, main

NETWORK_ERROR = {"failed": "TypeError"}  # all that a page learns about a response that it may not read
CLOSED = {"failed": "Error"}


def setUpModule():
    reason = why_not()
    if reason:
        print(f"skipped: browser: {reason}")
        raise unittest.SkipTest(reason)


class BrowserTest(DaemonTest):
    listener = {}

    @classmethod
    def setUpClass(cls):
        cls.pages = PageServer()
        cls.addClassCleanup(cls.pages.close)
        cls.options = {"listen": [{"address": "tcp://127.0.0.1:0", "allowed_origins": cls.allowed_origins(), **cls.listener}],
                       "methods": {"demo.sleep": {"max_concurrent": 1, "timeout": "10m"}}}

    @classmethod
    def allowed_origins(cls):
        return [cls.pages.origin]

    def setUp(self):
        # Calls that `busy` refuses.
        holder = self.daemon.connect()
        self.addCleanup(holder.reset)
        self.daemon.wait_in_flight(0)
        holder.call("demo.sleep", {"ms": 600_000})
        self.daemon.wait_in_flight(1, method="demo.sleep")
        self.before = self.ran()

    def ran(self):
        """The number of calls of the methods that the page tries, whatever their results."""
        metrics = self.daemon.metrics()
        return {method: metrics.value("sluice_calls_total", method=method) for method in
                ("demo.sum", "demo.echo", "demo.subtract", "demo.sleep", "demo.hang", "_unknown")}

    def page(self, origin, path="/page", host=None, port=None):
        host, port = host or "127.0.0.1", port or self.daemon.tcp()[1]
        fragment = urllib.parse.urlencode({"http": f"http://{host}:{port}/", "ws": f"ws://{host}:{port}/", "home": self.pages.origin})
        return f"{origin}{path}#{fragment}"

    def assert_called(self, outcome):
        self.assertEqual(outcome["call"], {"status": 200, "retryAfter": None, "body": {"jsonrpc": "2.0", "result": 7, "id": 1}})
        self.assert_batch(outcome["batch"]["body"])
        self.assertEqual(outcome["notification"], {"status": 204, "retryAfter": None, "body": ""})
        self.assertEqual((outcome["headers"]["status"], code(outcome["headers"]["body"])), (200, -32002))
        self.assertEqual(outcome["headers"]["body"]["error"]["data"]["timeout_ms"], 20)
        talk = outcome["webSocket"]
        self.assertEqual((talk["answers"][0]["result"], talk["length"], talk["code"], talk["wasClean"]), (7, 1_000_000, 1000, True))
        self.assert_batch(talk["answers"][1])
        event = outcome["events"]
        self.assertEqual((event["params"]["result"], event["params"]["pos"]), (7, event["lastEventId"]))

    def assert_batch(self, replies):
        self.assertEqual([(reply["id"], code(reply)) for reply in replies], [(1, "ok"), (2, -32601)])
        self.assertEqual(replies[0]["result"], ["é\U0001F600"])

    def assert_refused(self, outcome, fetched=NETWORK_ERROR):
        for attempt in ("call", "batch", "notification", "headers", "busy"):
            with self.subTest(attempt):
                self.assertEqual(outcome[attempt] if fetched is NETWORK_ERROR else outcome[attempt]["status"], fetched)
        self.assertEqual((outcome["webSocket"], outcome["events"]), (CLOSED, CLOSED))
        self.assertEqual(self.ran(), self.before)


class Origins(BrowserTest):
    def test_a_page_of_an_allowed_origin_calls_by_fetch_and_by_websocket(self):
        outcome = self.pages.visit(self.page(self.pages.origin))
        self.assertEqual(outcome["origin"], self.pages.origin)
        self.assert_called(outcome)
        # Two in batches and two alone; what was sent without asking first did not run.
        self.daemon.wait_value(self.before["demo.subtract"] + 4, "sluice_calls_total", method="demo.subtract")
        # It can also see when to come back.
        self.assertEqual(outcome["busy"]["status"], 503)
        self.assertRegex(outcome["busy"]["retryAfter"], r"^[1-9]\d*$")

    def test_a_page_from_another_port_can_neither_call_nor_connect(self):
        foreign = PageServer()
        self.addCleanup(foreign.close)
        outcome = self.pages.visit(self.page(foreign.origin))
        self.assertEqual(outcome["origin"], foreign.origin)
        self.assert_refused(outcome)

    def test_the_same_machine_by_another_name_is_another_origin(self):
        outcome = self.pages.visit(self.page(f"http://localhost:{self.pages.port}"))
        self.assertEqual(outcome["origin"], f"http://localhost:{self.pages.port}")
        self.assert_refused(outcome)

    def test_a_page_without_an_origin_can_neither_call_nor_connect(self):
        outcome = self.pages.visit(self.page(self.pages.origin, "/sandboxed"))
        self.assertEqual(outcome["origin"], "null")
        self.assert_refused(outcome)

    def test_an_allowed_page_can_not_call_by_a_name_that_leads_here(self):
        self.assert_refused(self.pages.visit(self.page(self.pages.origin, host=REBOUND)))


class AnyOrigin(BrowserTest):
    """Only the name keeps a page out: for the browser a rebound page has the daemon's origin."""

    @classmethod
    def allowed_origins(cls):
        return ["*"]

    def visit_rebound(self):
        rebinding = Rebinding(("127.0.0.1", self.pages.port), self.daemon.tcp())
        self.addCleanup(rebinding.close)
        self.pages.when_ready = rebinding.rebind
        self.addCleanup(setattr, self.pages, "when_ready", None)
        origin = f"http://{REBOUND}:{rebinding.port}"
        outcome = self.pages.visit(self.page(origin, host=REBOUND, port=rebinding.port))
        self.assertEqual(outcome["origin"], origin)
        return outcome


class ReboundNames(AnyOrigin):
    def test_a_page_by_a_rebound_name_can_neither_call_nor_connect(self):
        outcome = self.visit_rebound()
        self.assert_refused(outcome, fetched=403)
        self.assertEqual(outcome["call"]["body"]["error"]["code"], -32016)


class AllowedHosts(AnyOrigin):
    """Without the check of names the attack works."""

    listener = {"allowed_hosts": [REBOUND]}

    def test_a_page_by_an_allowed_name_calls(self):
        self.assert_called(self.visit_rebound())


if __name__ == "__main__":
    main()
