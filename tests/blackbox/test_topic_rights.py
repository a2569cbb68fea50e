"""Rights to topics, and what a reload takes away."""

from support.configuration import digest
from support.daemon import DaemonTest, main
from support.events import event, receive_any, subscribe

ORDERS = {"orders.*": {"history": 1000}}


class Rights(DaemonTest):
    def clients(self, **rights):
        return [{"name": "reader", "token_sha256": digest("reader"), "methods": ["*"], **rights}]

    def reader(self, daemon):
        client = self.connect(daemon)
        client.result("rpc.authenticate", {"token": "reader"})
        return client

    def test_without_a_right_nothing_may_be_subscribed_to_or_published(self):
        client = self.reader(self.start(clients=self.clients()))
        self.assert_error(client.request("rpc.subscribe", ["a"]), -32016)
        self.assert_error(client.request("rpc.publish", ["a", 1]), -32016)

    def test_a_pattern_wider_than_the_right_is_refused(self):
        client = self.reader(self.start(clients=self.clients(subscribe=["a.*", "c"], publish=["a.b"])))
        for topic in ("*", "b", "a", "c.*", ["a.b", "d"]):
            self.assert_error(client.request("rpc.subscribe", [topic]), -32016)
        for topic in ("a.*", "a.b", "c", ["a.x.*", "c"]):
            self.assertTrue(subscribe(client, topic).startswith("0x"))
        self.assert_error(client.request("rpc.publish", ["a.c", 1]), -32016)
        client.call("rpc.publish", ["a.b", 1], id="p")
        self.assertEqual(receive_any(client)["result"]["subscribers"], 2)

    def test_a_client_that_loses_a_right_at_a_reload_is_notified_and_gets_no_more_events(self):
        daemon = self.start(clients=self.clients(subscribe=["a.*", "b"], publish=["*"]))
        client = self.reader(daemon)
        lost, kept = subscribe(client, "a.x"), subscribe(client, "b")
        publisher = self.reader(daemon)
        daemon.reload(clients=self.clients(subscribe=["b"], publish=["*"]))
        revoked = event(client)
        self.assertEqual((revoked["subscription"], revoked["error"]["code"], revoked["error"]["data"]["reason"]),
                         (lost, -32016, "revoked"))
        publisher.result("rpc.publish", ["a.x", "secret"])
        publisher.result("rpc.publish", ["b", "open"])
        other = event(client)
        self.assertEqual((other["subscription"], other["result"]), (kept, "open"))


class Reload(DaemonTest):
    def test_a_history_that_is_taken_away_ends_its_subscriptions(self):
        daemon = self.start(topics=ORDERS)
        client = self.connect(daemon)
        relied, other = subscribe(client, "orders.*"), subscribe(client, "else")
        daemon.reload(topics={})
        end = event(client)
        self.assertEqual((end["subscription"], end["error"]["data"]["reason"]), (relied, "topic_gone"))
        self.assertIs(client.result("rpc.unsubscribe", [other]), True)


if __name__ == "__main__":
    main()
