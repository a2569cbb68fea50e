"""`sluice subscribe` and `publish` against the daemon, over every transport."""

import json
import signal
import subprocess
import unittest
import urllib.request

from support.command_line import CommandTest, run, sluice
from support.configuration import config_text
from support.daemon import Daemon, main
from support.timing import eventually, limit
from support.tls import authority
from support.upstream_servers import Gate

UNKNOWN_METHOD = -32601
TOPICS = '\n[topic."kept.*"]\nhistory = 100\n'


class SubscribeTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        plain = Daemon().start()
        try:
            connection = plain.connect()
            reply = connection.request("rpc.subscribe", {"topic": "a"})
            connection.close()
        finally:
            plain.close()
        if reply.get("error", {}).get("code") == UNKNOWN_METHOD:
            raise unittest.SkipTest("this daemon has no topics: it answers rpc.subscribe with -32601")
        cls.options = {"text": config_text(listen=["tcp://127.0.0.1:0"]) + TOPICS}

    def skip_without_event_streams(self):
        body = b'{"jsonrpc":"2.0","id":1,"method":"rpc.subscribe","params":{"topic":"a"}}'
        request = urllib.request.Request(self.daemon.url("http"), body, {
            "Content-Type": "application/json", "Accept": "text/event-stream"})
        with urllib.request.urlopen(request, timeout=limit(10)) as response:
            if response.headers.get_content_type() != "text/event-stream":
                self.skipTest(f"this daemon has no event streams: {response.read().decode()}")

    def publish(self, topic, data, daemon=None):
        """The number of its subscribers."""
        connection = self.connect(daemon)
        try:
            return connection.result("rpc.publish", {"topic": topic, "data": data})["subscribers"]
        finally:
            connection.close()

    def publish_heard(self, topic, data, daemon=None):
        """Publishes until there is a subscriber, who gets the last of them only."""
        eventually(10, lambda: self.publish(topic, data, daemon) == 1, f"{topic} has a subscriber")

    def begin(self, *words):
        process = subprocess.Popen([sluice(), "subscribe", *map(str, words)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def check_end(self, process, code=0, stdout="", stderr=""):
        out, err = process.communicate(timeout=limit(20))
        self.assertEqual((code, stdout), (process.returncode, out), err)
        self.assertRegex(err, stderr or "^$")


class Subscribing:
    """Over one transport."""

    scheme = ""

    def address(self, daemon=None):
        return (daemon or self.daemon).url(self.scheme)

    def test_events_are_printed_as_they_were_published(self):
        topic = f"plain.{self.scheme}"
        process = self.begin(self.address(), topic, "--count", 2)
        self.publish_heard(topic, "first")
        done = run("publish", self.address(), topic, '{"z": 1.0, "a": [1e3]}')
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual(1, json.loads(done.stdout)["subscribers"])
        self.check_end(process, stdout='"first"\n{"z": 1.0, "a": [1e3]}\n')

    def test_a_prefix_takes_its_topics_and_full_names_them(self):
        process = self.begin(self.address(), f"many.{self.scheme}.*", "--count", 1, "--full")
        self.publish_heard(f"many.{self.scheme}.b", 7)
        out, err = process.communicate(timeout=limit(20))
        self.assertEqual((0, ""), (process.returncode, err))
        params = json.loads(out)["params"]
        self.assertEqual((f"many.{self.scheme}.b", 7), (params["topic"], params["result"]))

    def test_a_filter_takes_the_events_with_its_values(self):
        topic = f"filtered.{self.scheme}"
        process = self.begin(self.address(), topic, "--count", 1, "--filter", '{"/status": "paid"}')
        self.publish_heard(topic, {"status": "paid", "n": 1})
        self.check_end(process, stdout='{"status":"paid","n":1}\n')

    def test_last_begins_with_the_last_event(self):
        topic = f"kept.last.{self.scheme}"
        for number in (1, 2):
            self.publish(topic, number)
        self.check(run("subscribe", self.address(), topic, "--from", "last", "--count", 1), 0, "2\n")

    def test_a_position_begins_behind_its_event(self):
        topic = f"kept.position.{self.scheme}"
        connection = self.connect()
        position = connection.result("rpc.publish", {"topic": topic, "data": 1})["pos"]
        for number in (2, 3):
            self.publish(topic, number)
        self.check(run("subscribe", self.address(), topic, "--from", position, "--count", 2), 0, "2\n3\n")

    def test_a_lost_connection_leaves_no_hole(self):
        topic = f"kept.cut.{self.scheme}"
        gate = self.close_later(Gate(self.daemon.tcp()))
        process = self.begin(gate.url(self.scheme), topic, "--count", 40)
        self.publish_heard(topic, 0)
        # It can go on only behind an event that it has.
        self.assertEqual("0\n", process.stdout.readline())
        for number in range(1, 40):
            if number % 10 == 0:
                gate.cut()
            self.publish(topic, number)
        self.check_end(process, stdout="".join(f"{number}\n" for number in range(1, 40)), stderr="connecting again")

    def test_a_restart_of_the_daemon_is_reported_as_missing_events(self):
        topic = f"kept.restart.{self.scheme}"
        daemon = self.start(text=self.options["text"])
        gate = self.close_later(Gate(daemon.tcp()))
        process = self.begin(gate.url(self.scheme), topic, "--count", 2)
        self.publish_heard(topic, 1, daemon)
        daemon.stop()
        other = self.start(text=self.options["text"])
        gate.target = other.tcp()
        self.publish_heard(topic, 2, other)
        self.check_end(process, stdout="1\n2\n", stderr="events are missing: error -32015")

    def test_ctrl_c_exits_with_0(self):
        topic = f"plain.stop.{self.scheme}"
        process = self.begin(self.address(), topic)
        self.publish_heard(topic, 1)
        self.assertEqual("1\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.check_end(process)
        eventually(5, lambda: self.publish(topic, 2) == 0, "the subscription is over")

    def test_a_topic_that_cannot_be_is_refused(self):
        self.check_failure(run("subscribe", self.address(), "a..b"), 1, "error -32602")


class Tcp(Subscribing, SubscribeTest):
    scheme = "tcp"


class Http(Subscribing, SubscribeTest):
    scheme = "http"

    def setUp(self):
        self.skip_without_event_streams()


class WebSocket(Subscribing, SubscribeTest):
    scheme = "ws"


class Tls(SubscribeTest):
    def test_events_come_over_tls(self):
        daemon = self.start(listen=["tcp://127.0.0.1:0",
                                    {"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")}])
        for scheme in ("tls", "wss", "https"):
            with self.subTest(scheme):
                if scheme == "https":
                    self.skip_without_event_streams()
                address = f"{scheme}://localhost:{daemon.tcp(1)[1]}"
                process = self.begin(address, scheme, "--count", 1, "--ca", authority().certificate())
                self.publish_heard(scheme, 1, daemon)
                self.check_end(process, stdout="1\n")


if __name__ == "__main__":
    main()
