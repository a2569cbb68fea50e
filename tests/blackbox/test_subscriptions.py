"""Topics: subscribing, publishing, order, resuming, limits, slow readers, rights and ends."""

import json
import random
import re
import signal
import socket
import threading

from support import http_client
from support.configuration import digest
from support.daemon import DaemonTest, code, eventually, main, message, ms
from support.json_rpc import batch, parse
from support.timing import deadline, within_until
from support.transports import TransportTest

ID = re.compile(r"0x[0-9a-f]{32}\Z")
ORDERS = {"orders.*": {"history": 1000}}


def receive_any(client, within=10):
    """The next message, a reply or a notification."""
    text = client.receive_text(within)
    assert text is not None, "the connection was closed"
    return parse(text)


def event(client, within=10, method="rpc.subscription"):
    """The params of the next message, which must be an event."""
    got = receive_any(client, within)
    assert set(got) == {"jsonrpc", "method", "params"} and got["jsonrpc"] == "2.0", got
    assert got["method"] == method, got
    return got["params"]


def events(client, count, within=20):
    end = deadline(within)
    return [event(client, within_until(end)) for _ in range(count)]


def subscribe(client, *params):
    return client.result("rpc.subscribe", list(params))


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

    def test_plain_http_is_told_that_it_can_not_subscribe(self):
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
        client.call("demo.sleep", {"ms": ms(300)}, id=9)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_any(client)["id"], 9)
        client.expect_end()
        self.assertEqual(self.connect().result("rpc.publish", ["orders.a", 1])["subscribers"], 0)

    def test_a_disconnect_ends_subscriptions(self):
        client = self.connect()
        subscribe(client, "gone")
        client.disconnect()
        publisher = self.connect()
        eventually(5, lambda: publisher.result("rpc.publish", ["gone", 1])["subscribers"] == 0, "nobody is subscribed")


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
        self.assertRegex(client.result("rpc.subscribe", {"topic": "a", "slow": "close"}), ID)


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
            self.assertRegex(subscribe(client, topic), ID)
        self.assert_error(client.request("rpc.publish", ["a.c", 1]), -32016)
        client.call("rpc.publish", ["a.b", 1], id="p")
        self.assertEqual(receive_any(client)["result"]["subscribers"], 2)

    def test_a_client_that_loses_a_right_at_a_reload_is_told_and_gets_no_more_events(self):
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
