"""Server-Sent Events over HTTP/1.1: contract 13."""

import hashlib
import json
import signal
import socket

from support.daemon import DaemonTest, duration, eventually, main, message
from support.event_stream import EventStream, accepting, get, listen, subscribe
from support.http_client import connect, request

TOKENS = {"reader": "r" * 40, "other": "o" * 40}


class EventStreamTest(DaemonTest):
    options = {"events": {"heartbeat": "60s"}, "topics": {"kept.*": {"history": 10}}}

    def publish(self, topic, *data, daemon=None):
        with (daemon or self.daemon).connect() as publisher:
            for each in data:
                position = publisher.result("rpc.publish", {"topic": topic, "data": each})["pos"]
        return position

    def subscribe(self, params, daemon=None, **options):
        stream = subscribe(daemon or self.daemon, params, **options)
        self.addCleanup(stream.close)
        return stream

    def listen(self, target, daemon=None, **headers):
        stream = listen(daemon or self.daemon, target, **headers)
        self.addCleanup(stream.close)
        return stream

    def open(self, daemon=None, kind="tcp"):
        client = connect(daemon or self.daemon, kind)
        self.addCleanup(client.close)
        return client

    def reload(self, daemon, **parts):
        begin = len(daemon.log)
        daemon.reload(**parts)
        daemon.wait_log("configuration read again", begin=begin)

    def stream(self, data, daemon=None, kind="tcp"):
        stream = EventStream((daemon or self.daemon).open_socket(kind))
        self.addCleanup(stream.close)
        stream.ask(data)
        return stream

    def subscribers(self, topic, daemon=None):
        with (daemon or self.daemon).connect() as publisher:
            return publisher.result("rpc.publish", {"topic": topic, "data": None})["subscribers"]

    def wait_subscribers(self, count, topic, within=1, daemon=None):
        eventually(within, lambda: self.subscribers(topic, daemon) == count, f"{count} subscribers of {topic}")


class ByPost(EventStreamTest):
    def test_the_reply_comes_first_and_then_each_event_with_its_position(self):
        for kind in ("tcp", "unix"):
            with self.subTest(kind):
                stream = self.subscribe({"topic": f"post.{kind}.*"}, kind=kind, id="s")
                self.assertEqual(stream.headers["cache-control"], "no-store")
                self.assertEqual(stream.headers["x-accel-buffering"], "no")
                self.assertEqual(stream.headers["transfer-encoding"], "chunked")
                self.assertEqual((stream.reply["jsonrpc"], stream.reply["id"]), ("2.0", "s"))
                for n, data in enumerate(({"a": 1}, "é\n", [2, {}]), 1):
                    position = self.publish(f"post.{kind}.x", data)
                    event = stream.event()
                    self.assertEqual(event["method"], "rpc.subscription")
                    self.assertEqual(event["params"], {
                        "subscription": stream.reply["result"], "n": n, "topic": f"post.{kind}.x", "pos": position,
                        "result": data})
                    self.assertEqual(stream.last_id, position)

    def test_the_other_name_gets_events_of_that_name(self):
        stream = self.subscribe(["post.other"], method="rpc_subscribe")
        self.publish("post.other", 1)
        self.assertEqual(stream.event()["method"], "rpc_subscription")

    def test_a_burst_comes_whole_and_in_order(self):
        stream = self.subscribe({"topic": "burst"})
        self.publish("burst", *range(1000))
        self.assertEqual(stream.results(1000), list(range(1000)))

    def test_closing_the_connection_unsubscribes(self):
        for end in ("close", "reset", "half_close"):
            with self.subTest(end):
                stream = self.subscribe({"topic": f"left.{end}"})
                self.assertEqual(self.subscribers(f"left.{end}"), 1)
                getattr(stream, end)()
                self.wait_subscribers(0, f"left.{end}")

    def test_closing_is_seen_behind_input_that_waits(self):
        stream = self.subscribe({"topic": "left.behind"})
        stream.send(request(message("demo.echo", [1], 2)))
        self.assertEqual(self.subscribers("left.behind"), 1)
        stream.close()
        self.wait_subscribers(0, "left.behind")

    def test_requests_behind_a_stream_wait_for_its_end(self):
        daemon = self.start(topics={"going": {"history": 5}})
        stream = self.stream(accepting({"topic": "going"}) + request(message("demo.echo", ["behind"], 2)), daemon)
        stream.reply = stream.event()
        self.publish("going", 1, daemon=daemon)
        self.assertEqual(stream.event()["params"]["result"], 1)
        daemon.reload(topics={})
        end = stream.event()["params"]
        self.assertEqual(end["error"]["data"]["reason"], "topic_gone")
        self.assertIsNone(stream.event())
        self.assertEqual(stream.receive_response().result, ["behind"])
        self.assertEqual(stream.exchange_call("demo.echo", [3], 3).result, [3])

    def test_a_stream_waits_for_earlier_answers(self):
        client = EventStream(self.daemon.open_socket())
        self.addCleanup(client.close)
        client.send(request(message("demo.sleep", {"ms": 200}, 1)) + accepting({"topic": "later"}, id=2))
        self.assertEqual(client.receive_response().reply["id"], 1)
        client.begin()
        self.assertEqual(client.event()["id"], 2)

    def test_refusals_are_ordinary_responses_and_the_connection_goes_on(self):
        client = self.open()
        cases = [({"topic": "a..b"}, -32602), ({"topic": "kept.a", "from": "0" * 16 + "-" + "0" * 16}, None),
                 ({"topic": "a", "unknown": 1}, -32602)]
        for params, code in cases:
            with self.subTest(params):
                client.send(accepting(params))
                response = client.receive_response()
                self.assertEqual(response.status, 200)
                self.assertIn(response.code, (code,) if code else (-32602, -32015))
        client.fence()

    def test_without_the_type_and_in_batches_there_are_no_subscriptions(self):
        client = self.open()
        for accept in ("application/json", "*/*", "text/*", None):
            client.send(accepting({"topic": "a"}, Accept=accept))
            self.assert_error(client.receive_response().reply, -32601, "subscriptions_unsupported")
        headers = {"Accept": "text/event-stream"}
        reply = json.loads(client.exchange(f"[{message('rpc.subscribe', ['a'], 1)}]", **headers).body)
        self.assert_error(reply[0], -32601, "subscriptions_unsupported")

    def test_other_calls_are_answered_as_ever_for_clients_that_accept_streams(self):
        client = self.open()
        for call in ([1], 2), ([2], 3):
            client.send(request(message("demo.echo", *call), Accept="text/event-stream;q=0.5, application/json"))
            self.assertEqual(client.receive_response().result, call[0])
        client.send(request(message("demo.echo", [1]), Accept="text/event-stream"))
        self.assertEqual(client.receive_response().status, 204)
        client.send(request(message("demo.echo", [1], 5), Accept="text/event-stream", Connection="close"))
        self.assertTrue(client.receive_response().closes)
        client.expect_end()

    def test_a_connection_that_is_to_be_closed_carries_the_stream_first(self):
        stream = self.stream(accepting({"topic": "closing"}, Connection="close"))
        self.assertEqual(stream.headers["connection"], "close")
        stream.event()
        self.publish("closing", 1)
        self.assertEqual(stream.results(1), [1])

    def test_http_1_0_gets_the_stream_without_chunks(self):
        with socket.create_connection(self.daemon.tcp(), 10) as raw:
            raw.sendall(request(message("rpc.subscribe", ["old"], 1), version="HTTP/1.0", Accept="text/event-stream"))
            text = b""
            while text.count(b"\n\n") < 1:
                text += raw.recv(4096)
            self.publish("old", "x")
            while text.count(b"\n\n") < 2:
                text += raw.recv(4096)
        first, _, body = text.partition(b"\r\n\r\n")
        self.assertIn(b"Connection: close", first)
        self.assertNotIn(b"Transfer-Encoding", first)
        self.assertTrue(body.startswith(b'data: {"jsonrpc":"2.0"'), body)
        self.assertRegex(body, rb'\n\nid: [0-9a-f-]+\ndata: \{.*"result":"x"\}\}\n\n$')

    def test_a_silent_stream_has_heartbeats_and_no_idle_timeout(self):
        daemon = self.start(events={"heartbeat": duration(300)}, server={"idle_timeout": duration(1000)})
        stream = self.subscribe({"topic": "silent"}, daemon)
        for _ in range(6):
            self.assertEqual(stream.block(), [": heartbeat"])
        self.publish("silent", 1, daemon=daemon)
        self.assertEqual(stream.results(1), [1])

    def test_a_drain_ends_the_stream_with_its_reason(self):
        daemon = self.start()
        stream = self.subscribe({"topic": "drained"}, daemon)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(stream.event()["params"]["error"]["data"]["reason"], "draining")
        self.assertIsNone(stream.event())
        stream.expect_end()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_pages_of_allowed_origins_may_read_the_stream(self):
        daemon = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_origins": ["https://app.example"]}])
        stream = self.stream(accepting({"topic": "page"}, Origin="https://app.example"), daemon)
        self.assertEqual(stream.headers["access-control-allow-origin"], "https://app.example")
        response = self.open(daemon).exchange(message("rpc.subscribe", ["page"], 1), Accept="text/event-stream",
                                              Origin="https://other.example")
        self.assertEqual(response.status, 403)


class ByGet(EventStreamTest):
    def test_events_of_all_topics_come_with_their_positions(self):
        stream = self.listen("/events?topic=get.a.*&topic=get.b")
        self.publish("get.a.x", 1)
        position = self.publish("get.b", 2)
        self.assertEqual(stream.results(2), [1, 2])
        self.assertEqual(stream.last_id, position)
        self.assertEqual(stream.headers["cache-control"], "no-store")

    def test_a_stream_resumes_behind_the_last_event(self):
        first = self.publish("kept.r", 1)
        self.publish("kept.r", 2, 3)
        self.assertEqual(self.listen("/events?topic=kept.r", Last_Event_ID=first).results(2), [2, 3])
        self.assertEqual(self.listen(f"/events?topic=kept.r&last_event_id={first}").results(2), [2, 3])
        stream = self.listen("/events?topic=kept.r&last_event_id=x", Last_Event_ID=first)
        self.assertEqual(stream.results(2), [2, 3], "the header counts more")

    def test_a_position_out_of_history_is_reported_by_an_event(self):
        first = self.publish("kept.gone", 1)
        self.publish("kept.gone", *range(20))
        stream = self.listen("/events?topic=kept.gone", Last_Event_ID=first)
        self.assertEqual(stream.event()["error"]["code"], -32015)
        self.assertEqual(stream.last_id, "", "a browser asks for it no more")
        self.assertIsNone(stream.event())
        stream.fence()

    def test_bad_parameters_are_refused(self):
        client = self.open()
        for query in ("", "?", "?topic=", "?topic=a..b", "?topic=a&last_event_id=x", "?topics=a", "?topic=%4",
                      "?topic=%0a", "?topic=a%22", "?topic=\\u0061", "?" + "&".join(f"topic=t{i}" for i in range(17))):
            with self.subTest(query):
                client.send(get("/events" + query))
                response = client.receive_response()
                self.assertEqual((response.status, response.code), (400, -32602))
        client.fence()

    def test_other_methods_and_paths_are_refused(self):
        client = self.open()
        for method in ("POST", "PUT"):
            response = client.exchange("", method=method, target="/events?topic=a")
            self.assertEqual((response.status, response.headers["allow"]), (405, "GET"))
        client.send(get("/event?topic=a"))
        self.assertEqual(client.receive_response().status, 404)

    def test_foreign_pages_are_refused(self):
        client = self.open()
        client.send(get("/events?topic=a", Origin="https://evil.example"))
        self.assertEqual(client.receive_response().status, 403)
        client.send(get("/events?topic=a", Host="evil.example"))
        self.assertEqual(client.receive_response().status, 403)

    def test_the_path_is_configured_and_changed_by_a_reload(self):
        daemon = self.start(events={"http_path": "/stream"})
        self.listen("/stream?topic=a", daemon)
        client = self.open(daemon)
        client.send(get("/events?topic=a"))
        self.assertEqual(client.receive_response().status, 404)
        self.reload(daemon, events={"http_path": ""})
        client.send(get("/stream?topic=a"))
        self.assertEqual(client.receive_response().status, 404)


class Rights(EventStreamTest):
    def clients(self, topics):
        rights = {"reader": {"subscribe": topics}, "other": {"publish": ["*"]}}
        return [{"name": name, "token_sha256": hashlib.sha256(token.encode()).hexdigest(), "methods": ["*"],
                 **rights[name]} for name, token in TOKENS.items()]

    def bearer(self, name):
        return f"Bearer {TOKENS[name]}"

    def test_topics_are_for_those_who_may_read_them(self):
        daemon = self.start(clients=self.clients(["a.*"]))
        self.listen("/events?topic=a.x", daemon, Authorization=self.bearer("reader"))
        for status, headers in ((401, {}), (401, {"Authorization": "Bearer x"}),
                                (403, {"Authorization": self.bearer("other")})):
            with self.subTest(headers), connect(daemon) as client:
                client.send(get("/events?topic=a.x", **headers))
                self.assertEqual(client.receive_response().status, status)
                client.send(accepting(["a.x"], **headers))
                self.assertEqual(client.receive_response().status, status)

    def test_a_reader_that_loses_a_right_is_notified(self):
        daemon = self.start(clients=self.clients(["a.*"]))
        stream = self.subscribe(["a.x"], daemon, Authorization=self.bearer("reader"))
        self.reload(daemon, clients=self.clients(["b.*"]))
        self.assertEqual(stream.event()["params"]["error"]["data"]["reason"], "revoked")
        self.assertIsNone(stream.event())
        self.assertEqual(stream.exchange_call("demo.echo", [1], Authorization=self.bearer("reader")).result, [1])


if __name__ == "__main__":
    main()
