"""Topics: subscribing, publishing, order and resuming."""

import json
import random
import re
import signal
import socket
import threading

from support import http_client
from support.daemon import DaemonTest, eventually, main, message, ms
from support.events import event, events, receive_any, subscribe
from support.json_rpc import batch, parse
from support.transports import TransportTest

ID = re.compile(r"0x[0-9a-f]{32}\Z")
ORDERS = {"orders.*": {"history": 1000}}


class OnEachTransport:
    options = {"topics": ORDERS}

    def test_an_event_reaches_its_subscriber_as_published(self):
        subscriber, publisher = self.open(), self.open()
        id = subscriber.result("rpc.subscribe", {"topic": "orders.*"})
        self.assertRegex(id, ID)
        data = '{"z":1.50,"a":[1e2,"\\u00e9\\/"],"n":12345678901234567890}'
        publisher.send_message('{"jsonrpc":"2.0","id":7,"method":"rpc.publish","params":{"topic":"orders.eu","data":%s}}' % data)
        published = publisher.receive()["result"]
        self.assertEqual(published["subscribers"], 1)
        text = subscriber.receive_text()
        self.assertIn(f'"result":{data}}}}}', text)
        params = parse(text)["params"]
        self.assertEqual(list(params), ["subscription", "n", "topic", "pos", "result"])
        self.assertEqual((params["subscription"], params["n"], params["topic"]), (id, 1, "orders.eu"))
        self.assertEqual(params["pos"], published["pos"])

    def test_after_unsubscribing_no_event_comes(self):
        subscriber, publisher = self.open(), self.open()
        id = subscribe(subscriber, "orders.eu")
        self.assertIs(subscriber.result("rpc.unsubscribe", [id]), True)
        self.assertEqual(publisher.result("rpc.publish", ["orders.eu", 1])["subscribers"], 0)
        self.assertIs(subscriber.result("rpc.unsubscribe", {"subscription": id}), False)

    def test_a_reply_is_read_before_the_first_event_of_its_subscription(self):
        publisher = self.open()
        for i in range(5):
            with self.subTest(i):
                subscriber = self.open()
                subscriber.call("rpc.subscribe", ["orders.*", {"from": "last"}], id=1)
                if i:
                    self.assertEqual(receive_any(subscriber)["id"], 1)
                    self.assertEqual(event(subscriber)["result"], i - 1)
                else:
                    self.assertEqual(receive_any(subscriber)["id"], 1)
                publisher.result("rpc.publish", ["orders.a", i])

    def test_drain_tells_each_subscription_its_position(self):
        daemon = self.start(topics=ORDERS)
        subscriber = self.open(daemon)
        id = subscribe(subscriber, "orders.*")
        pos = self.open(daemon).result("rpc.publish", ["orders.a", 1])["pos"]
        self.assertEqual(event(subscriber)["pos"], pos)
        daemon.signal(signal.SIGTERM)
        end = event(subscriber)
        self.assertEqual(end["subscription"], id)
        self.assertEqual(end["error"]["code"], -32012)
        self.assertEqual(end["error"]["data"]["reason"], "draining")
        self.assertEqual(end["error"]["data"]["pos"], pos)
        self.assertLessEqual(end["error"]["data"]["retry_after_ms"], 5000)
        self.assertEqual(daemon.wait_exit(), 0)


class Lines(OnEachTransport, TransportTest):
    transport = "lines"


class Headers(OnEachTransport, TransportTest):
    transport = "headers"


class WebSocket(OnEachTransport, TransportTest):
    transport = "websocket"


class Subscribing(DaemonTest):
    options = {"topics": ORDERS}

    def test_the_reply_is_a_segment_of_its_own(self):
        client = self.connect()
        subscribe(self.connect(), "orders.*")
        self.connect().result("rpc.publish", ["orders.a", 1])
        client.call("rpc.subscribe", ["orders.*", {"from": "last"}], id=1)
        client.socket.settimeout(10)
        first = client.socket.recv(65536)
        self.assertEqual(json.loads(first)["id"], 1)

    def test_other_names_of_the_methods_give_other_names_of_events(self):
        client = self.connect()
        id = client.result("rpc_subscribe", ["orders.x"])
        self.connect().result("rpc.publish", ["orders.x", "y"])
        self.assertEqual(event(client, method="rpc_subscription")["result"], "y")
        self.assertIs(client.result("rpc_unsubscribe", [id]), True)

    def test_an_event_comes_once_for_overlapping_patterns(self):
        client = self.connect()
        subscribe(client, ["orders.*", "orders.a.*", "orders.a.b", "orders.a.b"])
        self.assertEqual(self.connect().result("rpc.publish", ["orders.a.b", 1])["subscribers"], 1)
        self.connect().result("rpc.publish", ["orders.c", 2])
        self.assertEqual([(each["n"], each["result"]) for each in events(client, 2)], [(1, 1), (2, 2)])

    def test_a_prefix_does_not_match_its_own_beginning(self):
        client = self.connect()
        subscribe(client, "orders.*")
        for topic in ("orders", "ordersx.a", "order"):
            self.assertEqual(client.result("rpc.publish", [topic, 1])["subscribers"], 0)

    def test_a_filter_compares_values(self):
        client = self.connect()
        client.result("rpc.subscribe", {"topic": "orders.*", "filter": {"/status": "paid", "/sum": 1}})
        for data in ({"status": "paid", "sum": 1.0}, {"status": "paid"}, {"status": "open", "sum": 1},
                     {"status": "p\u0061id", "sum": 1, "more": 2}, [], 7):
            self.connect().result("rpc.publish", ["orders.a", data])
        self.assertEqual([(each["n"], each["result"].get("more")) for each in events(client, 2)], [(1, None), (2, 2)])

    def test_invalid_params_name_what_is_wrong(self):
        client = self.connect()
        for params, path in (({}, "/topic"), (["a..b"], "/0"), ({"topic": "a b"}, "/topic"), (["a", {"form": "now"}], "/1/form"),
                             ({"topic": "a", "heartbeat_ms": 999}, "/heartbeat_ms"),
                             ({"topic": "a", "slow": "never"}, "/slow"), ({"topic": "a", "queue": 0}, "/queue"),
                             ({"topic": []}, "/topic"), ({"topic": ["a"] * 17}, "/topic"),
                             ({"topic": "a", "filter": {"x": 1}}, "/filter"), ({"topic": "a", "from": "then"}, "/from")):
            with self.subTest(params):
                reply = client.request("rpc.subscribe", params)
                self.assert_error(reply, -32602)
                self.assertTrue(reply["error"]["data"]["path"].startswith(path), reply)
        for params in ({"topic": "a.*", "data": 1}, {"topic": "a"}, ["a"], {"topic": "x" * 256, "data": 1}):
            with self.subTest(params):
                self.assert_error(client.request("rpc.publish", params), -32602)

    def test_plain_http_can_not_subscribe(self):
        with http_client.connect(self.daemon, "tcp") as client:
            self.assert_error(client.request("rpc.subscribe", ["orders.*"]), -32601, "subscriptions_unsupported")
            self.assertIs(client.result("rpc.unsubscribe", ["0x0"]), False)
            self.assertIn("pos", client.result("rpc.publish", ["orders.h", 1]))

    def test_within_a_batch_the_whole_reply_comes_before_the_first_event(self):
        client = self.connect()
        client.send_message(batch([message("rpc.subscribe", ["orders.b"], 1), message("demo.sleep", {"ms": ms(200)}, 2)]))
        client.call("demo.echo", [1], id=3)
        self.assertEqual(receive_any(client)["id"], 3)
        self.connect().result("rpc.publish", ["orders.b", 1])
        self.assertEqual(len(receive_any(client)), 2)
        self.assertEqual(event(client)["result"], 1)

    def test_a_notification_subscribes_to_nothing(self):
        client = self.connect()
        client.notify("rpc.subscribe", ["orders.n"])
        self.assertEqual(client.result("rpc.publish", ["orders.n", 1])["subscribers"], 0)

    def test_heartbeats_come_while_nothing_happens(self):
        client = self.connect()
        id = client.result("rpc.subscribe", {"topic": "quiet", "heartbeat_ms": 1000})
        params = event(client)
        self.assertEqual((params["subscription"], params["heartbeat"]), (id, True))
        self.assertIn("pos", params)

    def test_a_half_close_ends_subscriptions_once_calls_are_answered(self):
        client = self.connect()
        subscribe(client, "orders.*")
        client.call("demo.sleep", {"ms": 300}, id=9)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_any(client)["id"], 9)
        client.expect_end()
        self.assertEqual(self.connect().result("rpc.publish", ["orders.a", 1])["subscribers"], 0)

    def test_a_disconnect_ends_subscriptions(self):
        client = self.connect()
        subscribe(client, "gone")
        client.disconnect()
        publisher = self.connect()
        eventually(5, lambda: publisher.result("rpc.publish", ["gone", 1])["subscribers"] == 0, "no client is subscribed")


class Resuming(DaemonTest):
    options = {"topics": ORDERS}

    def test_cut_and_resumed_streams_have_no_hole_and_no_duplicate(self):
        publisher = self.connect()
        choose = random.Random(7)
        first = publisher.result("rpc.publish", ["orders.r", 0])["pos"]
        total, position, seen = 300, first, []
        done = threading.Event()

        def publish():
            for i in range(1, total + 1):
                publisher.result("rpc.publish", ["orders.r", i])
            done.set()

        thread = threading.Thread(target=publish)
        thread.start()
        self.addCleanup(thread.join)
        while len(seen) < total:
            client = self.connect()
            client.result("rpc.subscribe", {"topic": "orders.r", "from": position})
            for _ in range(min(choose.randint(1, 20), total - len(seen))):
                params = event(client)
                seen.append(params["result"])
                position = params["pos"]
            client.disconnect()
        self.assertEqual(seen, list(range(1, total + 1)))

    def test_what_is_out_of_history_is_refused_with_what_is_left(self):
        daemon = self.start(topics={"short": {"history": 3}})
        client = self.connect(daemon)
        positions = [client.result("rpc.publish", ["short", i])["pos"] for i in range(6)]
        reply = client.request("rpc.subscribe", {"topic": "short", "from": positions[0]})
        self.assert_error(reply, -32015, "gone")
        self.assertEqual(set(reply["error"]["data"]), {"reason", "oldest", "epoch"})
        client.result("rpc.subscribe", {"topic": "short", "from": positions[2]})
        self.assertEqual([each["result"] for each in events(client, 3)], [3, 4, 5])

    def test_a_topic_without_history_can_not_be_resumed(self):
        client = self.connect()
        pos = client.result("rpc.publish", ["plain", 1])["pos"]
        self.assert_error(client.request("rpc.subscribe", {"topic": "plain", "from": pos}), -32015, "gone")

    def test_last_begins_with_the_newest_event_of_each_topic(self):
        client = self.connect()
        for topic, data in (("orders.l1", 1), ("orders.l2", 2), ("orders.l1", 3)):
            client.result("rpc.publish", [topic, data])
        client.result("rpc.subscribe", {"topic": ["orders.l1", "orders.l2"], "from": "last"})
        self.assertEqual([each["result"] for each in events(client, 2)], [2, 3])


if __name__ == "__main__":
    main()
