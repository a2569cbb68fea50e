"""Notes: notifications of a call, which reach its client before the reply."""

import json
import pathlib
import sys

from support import http_client
from support.daemon import DaemonTest, duration, eventually, main, message
from support.program import has_sanitizer
from support.transports import TransportTest

PROGRAM = str(pathlib.Path(__file__).resolve().parent / "support" / "note_backend.py")


def child(name="note", dialect="sluice", **more):
    return {"name": name, "command": [sys.executable, PROGRAM], "methods": [name + ".*"], "dialect": dialect,
            "concurrency": 8, "breaker": {"failures": 0}, **more}


def note(method="x.y", params=None, **more):
    return json.dumps({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params}), **more})


def of_call(method, params=None, id="$ID"):
    return note(method, params)[:-1] + f',"call":{id}}}'


def got(client, within=10):
    """The next message; notes have no id, which receive() insists on."""
    return json.loads(client.receive_text(within))


class NotesTest(TransportTest):
    options = {"backends": [child(), child("plain", "jsonrpc")]}

    def say(self, client, *lines, id=1, method="note.say", meta=None, **more):
        params = {"lines": list(lines), **({} if meta is None else {"_meta": meta})}
        client.send_message(message(method, params, id, **more))

    def assert_answered(self, client, id=1):
        self.assertEqual(got(client), {"jsonrpc": "2.0", "id": id, "result": "done"})


class Lines(NotesTest):
    def test_a_note_comes_before_the_reply_and_names_the_call_as_its_client_does(self):
        with self.open() as client:
            self.say(client, of_call("work.part", {"n": 1.0}), of_call("work.end"), id="a/b", notes=True)
            self.assertEqual(client.receive_text(),
                             '{"jsonrpc":"2.0","method":"work.part","call":"a/b","params":{"n": 1.0}}')
            self.assertEqual(client.receive_text(), '{"jsonrpc":"2.0","method":"work.end","call":"a/b"}')
            self.assert_answered(client, "a/b")

    def test_a_call_with_a_progress_token_gets_notes_that_do_not_name_it(self):
        with self.open() as client:
            self.say(client, of_call("notifications/progress", {"progressToken": 7, "progress": 1}),
                     meta={"progressToken": 7})
            self.assertEqual(got(client), {"jsonrpc": "2.0", "method": "notifications/progress",
                                                "params": {"progressToken": 7, "progress": 1}})
            self.assert_answered(client)

    def test_a_work_done_token_asks_too(self):
        with self.open() as client:
            client.send_message(message("note.say", {"lines": [of_call("$/progress", {"token": "t"})],
                                                     "workDoneToken": "t"}, 1))
            self.assertEqual(got(client)["params"], {"token": "t"})
            self.assert_answered(client)

    def test_a_call_that_did_not_ask_gets_none(self):
        with self.open() as client:
            for more in ({}, {"notes": False}, {"notes": 1}, {"notes": "true"}):
                self.say(client, of_call("work.part", {"n": 1}), **more)
                self.assert_answered(client)

    def test_what_its_client_does_not_get_is_not_logged_as_invalid(self):
        daemon = self.start(**self.options)
        with daemon.connect() as client:
            self.say(client, of_call("work.part", {"n": 1}))
            self.assert_answered(client)
            self.assertNotIn("not a reply", "".join(daemon.log))

    def test_one_that_names_no_call_is_of_the_one_in_flight(self):
        daemon = self.start(**self.options)  # nothing else may be in flight
        with self.open(daemon) as client:
            for method in ("note.say", "plain.say"):
                self.say(client, note("work.part", [1]), method=method, notes=True)
                self.assertEqual(got(client), {"jsonrpc": "2.0", "method": "work.part", "call": 1, "params": [1]})
                self.assert_answered(client)

    def test_two_calls_in_flight_get_their_own(self):
        with self.open() as first, self.open() as second:
            first.send_message(message("note.hold", {"name": "FIRST", "lines": [of_call("began")]}, "f", notes=True))
            self.assertEqual(got(first)["method"], "began")
            second.send_message(message("note.release", {"name": "FIRST", "lines": [
                of_call("one", id="$FIRST"), of_call("two"), of_call("three", id="$FIRST")]}, "s", notes=True))
            self.assertEqual([got(first)["method"] for _ in range(2)], ["one", "three"])
            self.assert_answered(first, "f")
            self.assertEqual(got(second)["method"], "two")
            self.assert_answered(second, "s")

    def test_with_two_in_flight_a_token_tells_which(self):
        with self.open() as first, self.open() as second:
            first.send_message(message("plain.hold", {"name": "FIRST", "lines": [note("began")],
                                                      "_meta": {"progressToken": "f"}}, 1))
            self.assertEqual(got(first)["method"], "began")
            second.send_message(message("plain.release", {"name": "FIRST", "_meta": {"progressToken": "s"}, "lines": [
                note("for.first", {"progressToken": "f"}), note("for.none", {}),
                note("for.second", {"progressToken": "s"})]}, 2))
            self.assertEqual(got(first)["method"], "for.first")
            self.assert_answered(first)
            self.assertEqual(got(second)["method"], "for.second")
            self.assert_answered(second, 2)

    def test_a_note_of_no_call_is_logged(self):
        daemon = self.start(**self.options)
        with daemon.connect() as client:
            self.say(client, of_call("work.part", id=4711), notes=True)
            self.assert_answered(client)
            daemon.wait_log(r"note\[0\].*work.part")

    def test_what_a_child_tells_the_server_is_not_passed_on(self):
        with self.open() as client:
            self.say(client, note("rpc.publish", {"topic": "t", "data": 1}), note("rpc.subscription", {}), notes=True)
            self.assert_answered(client)

    def test_nothing_comes_after_a_cancel(self):
        with self.open() as client:
            client.send_message(message("note.hold", {"name": "KEPT", "lines": [of_call("began")]}, 1, notes=True))
            self.assertEqual(got(client)["method"], "began")
            self.assert_error(client.cancel(1), -32800)
            client.send_message(message("note.release", {"name": "KEPT", "lines": [of_call("late", id="$KEPT")]}, 2))
            self.assert_answered(client, 2)

    def test_entries_of_a_batch_get_theirs_before_its_replies(self):
        with self.open() as client:
            entries = [json.loads(message("note.say", {"lines": [of_call("part", [n])]}, n, notes=True)) for n in (1, 2)]
            client.send_message(json.dumps(entries))
            notes = sorted((got(client) for _ in range(2)), key=lambda each: each["call"])
            self.assertEqual([each["params"] for each in notes], [[1], [2]])
            self.assertEqual([each["id"] for each in got(client)], [1, 2])

    def test_a_newer_note_replaces_one_with_its_key_and_the_last_one_comes(self):
        with self.open() as client:
            lines = [of_call("part", [n])[:-1] + ',"key":"bar"}' for n in range(2000)]
            self.say(client, *lines, notes=True)
            seen = []
            while "id" not in (each := got(client)):
                seen.append(each["params"][0])
            self.assertEqual(seen, sorted(seen))
            self.assertEqual(seen[-1], 1999)

    def test_a_child_that_floods_costs_other_clients_nothing(self):
        daemon = self.start(**self.options)
        with daemon.connect() as client, daemon.connect() as other:
            client.call("note.flood", {"count": 100_000, "line": of_call("part", {"text": "x" * 50})}, 1, notes=True)
            for _ in range(20):
                self.say(other, method="plain.say")
                self.assert_answered(other)
            while "id" not in (last := got(client, 30)):
                pass
            self.assertEqual(last.get("result"), "done", last)
        sent = daemon.value("sluice_notes_total", fate="sent")
        self.assertGreater(sent, 0)
        self.assertEqual(sent + daemon.value("sluice_notes_total", fate="dropped"), 100_000)

    def test_a_client_that_does_not_read_holds_little_memory(self):
        daemon = self.start(server={"write_timeout": duration(60000)}, **self.options)
        with daemon.connect(receive_buffer=4096) as client, daemon.connect() as other:
            before = daemon.resident_bytes()
            client.call("note.flood", {"count": 50_000, "line": of_call("part", {"text": "x" * 200})}, 1, notes=True)
            eventually(30, lambda: daemon.value("sluice_notes_total", fate="dropped") > 20_000)
            if not has_sanitizer():  # which keeps what is freed
                self.assert_below(daemon.resident_bytes() - before, 16 << 20, "bytes kept")
            other.fence()
            while "id" not in got(client):
                pass


class Headers(Lines):
    transport = "headers"


class WebSocket(Lines):
    transport = "websocket"


class Http(DaemonTest):
    options = {"backends": [child()]}

    def test_a_call_over_http_is_answered_without_its_notes(self):
        body = message("note.say", {"lines": [of_call("part")]}, 1, notes=True)
        with http_client.connect(self.daemon, "tcp") as client:
            self.assertEqual(client.request_text(body)["result"], "done")


if __name__ == "__main__":
    main()
