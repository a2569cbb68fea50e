"""`sluice subscribe`, `publish` and `call --progress` against servers that do what a test says."""

import json
import signal
import subprocess
import unittest

from support.command_line import run, sluice
from support.event_servers import EventServer, HttpEventServer, WebSocketEventServer
from support.timing import limit

GONE, FORBIDDEN, DRAINING = -32015, -32016, -32012


class CommandTest(unittest.TestCase):
    server_class = EventServer

    def serve(self, *scripts):
        server = self.server_class(*scripts)
        self.addCleanup(server.close)
        return server

    def check(self, done, code, stdout, *remarks):
        """`remarks`: a pattern for each line on stderr."""
        self.assertEqual((code, stdout), (done.returncode, done.stdout), done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(remarks), len(lines), done.stderr)
        for pattern, line in zip(remarks, lines):
            self.assertRegex(line, "^sluice: .*" + pattern)


class Subscribing:
    """Over one transport."""

    def subscribe(self, server, *words, count=1):
        return run("subscribe", server.address, "t", "--count", count, *words)

    def begin(self, server, *words):
        """A subscriber without end, with its pipes."""
        process = subprocess.Popen([sluice(), "subscribe", server.address, "t", *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_each_event_is_a_line_with_its_value_as_it_was_sent(self):
        def script(subscriber):
            subscriber.accept()
            for result in (1, {"a": "\u00e9"}, None):
                subscriber.event(result)

        server = self.serve(script)
        self.check(self.subscribe(server, count=3), 0, '1\n{"a":"\\u00e9"}\nnull\n')
        self.assertEqual([{"topic": "t"}], server.params)

    def test_full_prints_whole_notifications(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1, pos="e:1")

        done = self.subscribe(self.serve(script), "--full")
        params = json.loads(done.stdout)["params"]
        self.assertEqual((1, "t", "e:1", 1), (params["n"], params["topic"], params["pos"], params["result"]))

    def test_a_lost_connection_goes_on_behind_the_last_event(self):
        def first(subscriber):
            subscriber.accept()
            subscriber.event(1, pos="e:1")
            subscriber.event(2, pos="e:2")
            subscriber.cut()

        def second(subscriber):
            subscriber.accept()
            subscriber.event(3, pos="e:3")

        server = self.serve(first, second)
        self.check(self.subscribe(server, count=3), 0, "1\n2\n3\n", "; connecting again$", "connected again to ")
        self.assertEqual([{"topic": "t"}, {"topic": "t", "from": "e:2"}], server.params)

    def test_a_position_out_of_history_goes_on_from_now_and_says_so(self):
        def first(subscriber):
            subscriber.accept()
            subscriber.event(1, pos="e:1")
            subscriber.cut()

        def third(subscriber):
            subscriber.accept()
            subscriber.event(9, pos="f:1")

        server = self.serve(first, lambda subscriber: subscriber.refuse(GONE, reason="gone"), third)
        self.check(self.subscribe(server, count=2), 0, "1\n9\n", "; connecting again$",
                   "events are missing: error -32015: .* going on from now", "connected again to ")
        self.assertEqual([{"topic": "t"}, {"topic": "t", "from": "e:1"}, {"topic": "t"}], server.params)

    def test_a_server_that_drains_is_asked_again(self):
        def first(subscriber):
            subscriber.accept()
            subscriber.event(1, pos="e:1")
            subscriber.end(DRAINING, reason="draining", pos="e:1", retry_after_ms=1)

        def second(subscriber):
            subscriber.accept()
            subscriber.event(2, pos="e:2")

        server = self.serve(first, second)
        self.check(self.subscribe(server, count=2), 0, "1\n2\n", "the subscription has ended: error -32012.*again$")
        self.assertEqual("e:1", server.params[1]["from"])

    def test_dropped_events_are_reported(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1, dropped=5)

        self.check(self.subscribe(self.serve(script)), 0, "1\n", "5 events of t were dropped")

    def test_a_right_that_is_lost_exits_with_1(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1)
            subscriber.end(FORBIDDEN, reason="revoked")

        self.check(self.subscribe(self.serve(script), count=2), 1, "1\n", "error -32016")

    def test_a_refusal_at_first_exits_with_1(self):
        self.check(self.subscribe(self.serve(lambda subscriber: subscriber.refuse(FORBIDDEN))), 1, "", "error -32016")

    def test_ctrl_c_exits_with_0_after_the_events_that_have_come(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1)

        process = self.begin(self.serve(script))
        self.assertEqual("1\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual(0, process.wait(limit(10)))
        self.assertEqual(("", ""), (process.stdout.read(), process.stderr.read()))

    def test_a_closed_stdout_ends_it_while_it_waits(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1)

        process = self.begin(self.serve(script))
        self.assertEqual("1\n", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(1, process.wait(limit(10)))
        self.assertEqual("", process.stderr.read())
        process.stdout = None

    def test_a_closed_stdout_ends_it_at_the_next_event(self):
        def script(subscriber):
            subscriber.accept()
            while True:
                subscriber.event(1)

        process = self.begin(self.serve(script))
        self.assertEqual("1\n", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(1, process.wait(limit(10)))
        self.assertEqual("", process.stderr.read())
        process.stdout = None

    def test_ctrl_c_ends_it_also_while_events_come_without_end(self):
        def script(subscriber):
            subscriber.accept()
            while True:
                subscriber.event(1)

        with subprocess.Popen([sluice(), "subscribe", self.serve(script).address, "t"], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            self.assertEqual(0, process.wait(limit(10)))

    def test_ctrl_c_ends_it_while_the_server_is_away(self):
        def script(subscriber):
            subscriber.accept()
            server.refuse()
            subscriber.cut()

        server = self.serve(script)
        process = self.begin(server)
        self.assertRegex(process.stderr.readline(), "connecting again")
        process.send_signal(signal.SIGINT)
        self.assertEqual(0, process.wait(limit(10)))

    def test_a_server_without_a_reply_is_a_timeout(self):
        server = self.serve(lambda subscriber: None)
        self.check(self.subscribe(server, "--timeout", "100ms"), 3, "", "timed out waiting for")

    def test_progress_is_shown_while_a_call_waits(self):
        def script(subscriber):
            subscriber.send(method="rpc.progress", params={"value": 50}, call=1)
            subscriber.send(method="log", params=["a\nb"], call=1)
            subscriber.send(id=1, result="done")

        server = self.serve(script)
        done = run("call", server.address, "slow", "--progress")
        self.check(done, 0, '"done"\n', r'note: rpc\.progress {"value":50}', r'note: log \["a\\nb"\]')
        self.assertIs(True, server.requests[0]["notes"])

    def test_notes_that_were_not_asked_for_are_not_shown(self):
        def script(subscriber):
            subscriber.send(method="rpc.progress", params={"value": 50}, call=1)
            subscriber.send(id=1, result="done")

        server = self.serve(script)
        self.check(run("call", server.address, "slow"), 0, '"done"\n')
        self.assertNotIn("notes", server.requests[0])

    def test_publish_prints_the_position_and_the_subscribers(self):
        server = self.serve(lambda subscriber: subscriber.send(id=1, result={"pos": "e:1", "subscribers": 2}))
        self.check(run("publish", server.address, "t.x", '{"a": 1.0}'), 0, '{"pos":"e:1","subscribers":2}\n')
        self.assertEqual(("rpc.publish", {"topic": "t.x", "data": {"a": 1.0}}),
                         (server.requests[0]["method"], server.requests[0]["params"]))


class Streams(Subscribing, CommandTest):
    def test_several_topics_a_filter_and_a_beginning_are_asked_for(self):
        def script(subscriber):
            subscriber.accept()
            subscriber.event(1)

        server = self.serve(script)
        run("subscribe", server.address, "a", "b.*", "--count", "1", "--from", "last", "--filter", '{"/x": 1}')
        self.assertEqual([{"topic": ["a", "b.*"], "filter": {"/x": 1}, "from": "last"}], server.params)

    def test_without_a_server_at_first_it_cannot_connect(self):
        server = self.serve(lambda subscriber: None)
        server.close()
        self.check(run("subscribe", server.address, "t"), 3, "", "cannot connect to ")

    def test_an_event_that_is_not_json_is_not_published(self):
        self.check(run("publish", "tcp://127.0.0.1:1", "t", "{a}"), 2, "", "the event is not valid JSON: at byte 1")


class Http(Subscribing, CommandTest):
    server_class = HttpEventServer

    def test_an_event_stream_is_asked_for_only_where_it_is_wanted(self):
        server = self.serve(lambda subscriber: subscriber.send(id=1, result=1))
        run("call", server.address, "m")
        run("call", server.address, "m", "--progress")
        self.assertEqual(["application/json", "text/event-stream, application/json"],
                         [head["accept"] for head in server.heads])


class WebSocket(Subscribing, CommandTest):
    server_class = WebSocketEventServer


if __name__ == "__main__":
    unittest.main(verbosity=2)
