"""Limits of subscriptions and events, and subscribers that do not read."""

import threading

from support.daemon import DaemonTest, code, main, message
from support.events import event, events, receive_any, subscribe


class Limits(DaemonTest):
    def test_subscriptions_of_a_connection_are_limited(self):
        daemon = self.start(events={"max_subscriptions": 2, "max_subscriptions_total": 3})
        client = self.connect(daemon)
        first = subscribe(client, "a")
        subscribe(client, "b")
        reply = client.request("rpc.subscribe", ["c"])
        self.assert_error(reply, -32006, "too_many_subscriptions")
        self.assertEqual(reply["error"]["data"]["limit"], 2)
        other = self.connect(daemon)
        subscribe(other, "a")
        self.assertEqual(other.request("rpc.subscribe", ["b"])["error"]["data"]["limit"], 3)
        self.assertIs(client.result("rpc.unsubscribe", [first]), True)
        subscribe(client, "c")

    def test_an_event_over_the_limit_is_refused(self):
        client = self.connect(self.start(events={"max_event": 1024}))
        self.assertEqual(code(client.request("rpc.publish", ["a", "x" * 900])), "ok")
        self.assert_error(client.request("rpc.publish", ["a", "x" * 1100]), -32007)

    def test_a_burst_to_a_reader_that_reads_loses_nothing(self):
        client, publisher = self.connect(), self.connect()
        subscribe(client, "burst")
        lines = "".join(message("rpc.publish", ["burst", "x" * 180 + str(i)], i) + "\n" for i in range(1000))
        sender = threading.Thread(target=publisher.send, args=(lines,))
        sender.start()
        self.addCleanup(sender.join)
        got = events(client, 1000, 60)
        self.assertEqual([each["n"] for each in got], list(range(1, 1001)))
        self.assertEqual([each["result"][180:] for each in got], [str(i) for i in range(1000)])

    def test_replies_overtake_events_that_wait(self):
        daemon = self.start(events={"slow": "drop_oldest"})
        client = daemon.connect(receive_buffer=4096)
        self.addCleanup(client.disconnect)
        subscribe(client, "much")
        publisher = self.connect(daemon)
        # More than buffers of the two ends of the connection hold: the rest waits, as far as it is not dropped.
        for _ in range(40):
            publisher.send((message("rpc.publish", ["much", "y" * 4000], 1) + "\n") * 100)
            publisher.receive_many(100)
        client.call("demo.echo", ["mine"], id="mine")
        while "id" not in receive_any(client):
            pass
        self.assertIn("result", event(client))


class Slow(DaemonTest):
    def stuck(self, slow, **events):
        daemon = self.start(events={"slow": slow, "queue": 16, "slow_grace": "200ms", **events})
        client = daemon.connect(receive_buffer=4096)
        self.addCleanup(client.disconnect)
        return daemon, client, subscribe(client, "flood")

    def flood(self, daemon, count=3000):
        publisher = self.connect(daemon)
        for begin in range(0, count, 100):
            publisher.send("".join(message("rpc.publish", ["flood", [i, "z" * 4000]], i) + "\n" for i in range(begin, begin + 100)))
            publisher.receive_many(100)

    def test_a_subscriber_that_does_not_read_is_ended_and_its_connection_goes_on(self):
        daemon, client, id = self.stuck("close")
        self.flood(daemon)
        numbers = []
        while "error" not in (params := event(client)):
            numbers.append(params["n"])
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual((params["subscription"], params["error"]["code"], params["error"]["data"]["reason"]), (id, -32000, "slow"))
        self.assertEqual(client.result("demo.echo", [1]), [1])
        self.assertIs(client.result("rpc.unsubscribe", [id]), False)

    def test_dropped_events_are_counted_in_the_next_one(self):
        daemon, client, _ = self.stuck("drop_oldest")
        self.flood(daemon)
        expected, dropped, last = 1, 0, -1
        while last < 2999:
            params = event(client, 30)
            self.assertEqual(params["n"], expected)
            expected += 1
            dropped += params.get("dropped", 0)
            self.assertEqual(params["result"][0], last + 1 + params.get("dropped", 0))
            last = params["result"][0]
        self.assertEqual(expected - 1 + dropped, 3000)
        self.assertGreater(dropped, 0)

    def test_conflated_events_leave_the_newest(self):
        daemon, client, _ = self.stuck("conflate")
        self.flood(daemon)
        last = -1
        while last < 2999:
            params = event(client, 30)
            self.assertGreater(params["result"][0], last)
            last = params["result"][0]

    def test_others_get_their_events_beside_one_that_is_stuck(self):
        daemon, _, _ = self.stuck("close", queue=1024)
        quick = self.connect(daemon)
        subscribe(quick, "flood")
        sender = threading.Thread(target=self.flood, args=(daemon, 500))
        sender.start()
        self.addCleanup(sender.join)
        self.assertEqual([each["result"][0] for each in events(quick, 500, 60)], list(range(500)))

    def test_a_subscriber_may_only_tighten_the_policy(self):
        daemon = self.start(events={"slow": "close"})
        client = self.connect(daemon)
        self.assert_error(client.request("rpc.subscribe", {"topic": "a", "slow": "drop_oldest"}), -32602)
        self.assertTrue(client.result("rpc.subscribe", {"topic": "a", "slow": "close"}).startswith("0x"))


class Metrics(DaemonTest):
    def test_what_is_published_is_delivered_or_counted_as_dropped(self):
        daemon = self.start(events={"slow": "drop_oldest", "queue": 8}, topics={"flood": {}})
        stuck = daemon.connect(receive_buffer=4096)
        self.addCleanup(stuck.disconnect)
        quick, publisher = self.connect(daemon), self.connect(daemon)
        subscribe(stuck, "flood")
        subscribe(quick, "*")
        for i in range(2000):
            publisher.call("rpc.publish", ["flood", "z" * 4000], id=i)
            publisher.receive()
            if i % 8 == 7:
                events(quick, 8)
        publisher.result("rpc.publish", ["else", 1])
        events(quick, 1)
        self.assertEqual(daemon.value("sluice_events_published_total", topic="flood"), 2000)
        self.assertEqual(daemon.value("sluice_events_published_total", topic="other"), 1)
        self.assertEqual(daemon.value("sluice_subscriptions", kind="topic"), 2)
        waiting = daemon.value("sluice_event_queue_bytes")
        self.assertGreater(waiting, 0)
        dropped = daemon.value("sluice_events_dropped_total", topic="flood", reason="slow")
        self.assertGreater(dropped, 0)
        got = 0
        while got < 2000:
            got += 1 + event(stuck).get("dropped", 0)
        stuck.disconnect()
        quick.disconnect()
        daemon.wait_value(0, "sluice_subscriptions", kind="topic")
        daemon.wait_value(0, "sluice_event_queue_bytes")
        delivered = daemon.value("sluice_events_delivered_total", topic="flood")
        dropped = daemon.value("sluice_events_dropped_total", topic="flood", reason="slow")
        self.assertEqual(delivered + dropped, 2 * 2000)
        self.assertEqual(daemon.value("sluice_subscriptions_ended_total", reason="disconnected"), 2)


if __name__ == "__main__":
    main()
