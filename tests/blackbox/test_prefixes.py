"""Methods under a backend's prefix: which names are listed and counted on their own, and to which clients."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

from support.daemon import DaemonTest, code, duration, main, sluiced

KNOWN_MAX = 200  # names of a backend
TOKEN = "correct-horse-battery-staple"

# Has the methods that the file in $METHODS names, one a line; `*` is any.
HANDLER = """
import json, os, sys, time
for line in sys.stdin:
    call = json.loads(line)
    if "id" not in call:
        continue
    name = call["method"].split(".", 1)[-1]
    served = open(os.environ["METHODS"]).read().split()
    if name == "fail":
        outcome = {"error": {"code": 404, "message": "no such thing"}}
    elif name not in served and "*" not in served:
        outcome = {"error": {"code": -32601, "message": "Method not found", "data": {"reason": "own"}}}
    else:
        if name == "sleep":
            time.sleep(call["params"][0])
        outcome = {"result": os.getpid()}
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], **outcome}), flush=True)
"""


class PrefixTest(DaemonTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.handler = self.folder / "handler.py"
        self.handler.write_text(HANDLER)
        self.served = self.folder / "methods"
        self.served.write_text("*")

    def backend(self, name="calc", methods=None, **more):
        return {"name": name, "command": [sys.executable, str(self.handler)], "methods": methods or [name + ".*"],
                "env": {"METHODS": str(self.served), **more.pop("env", {})}, **more}

    def document(self, connection):
        return connection.result("rpc.discover")

    def names(self, connection, of="calc"):
        """Listed names of a backend."""
        return [method["name"] for method in self.document(connection)["methods"] if method.get("x-backend") == of]

    def prefixes(self, connection):
        return [(each["name"], each["backend"]) for each in self.document(connection).get("x-prefixes", [])]

    def counted(self, daemon, method, code="ok"):
        return daemon.value("sluice_calls_total", method=method, code=code)

    def labels(self, daemon):
        return {name for name in daemon.metrics().label_values("sluice_calls_total", "method")
                if name.startswith("calc.")}


class Listing(PrefixTest):
    def test_a_prefix_is_listed_before_the_first_call(self):
        daemon = self.start(backends=[self.backend(), self.backend("other", ["other_*", "one.name"], start="lazy")])
        with daemon.connect() as connection:
            self.assertEqual(self.prefixes(connection), [("calc.*", "calc"), ("other_*", "other")])
            self.assertEqual(self.names(connection), [])
            self.assertEqual(self.names(connection, "other"), ["one.name"])

    def test_without_prefixes_the_document_has_no_list_of_them(self):
        daemon = self.start(backends=[self.backend(methods=["calc.add"])])
        with daemon.connect() as connection:
            self.assertNotIn("x-prefixes", self.document(connection))

    def test_settings_of_a_longer_prefix_list_no_prefix_of_their_own(self):
        daemon = self.start(backends=[self.backend()], methods={"calc.a*": {"timeout": duration(5000)}})
        with daemon.connect() as connection:
            self.assertEqual(self.prefixes(connection), [("calc.*", "calc")])

    def test_a_name_is_listed_from_its_first_result_on(self):
        daemon = self.start(backends=[self.backend()])
        with daemon.connect() as connection:
            for name in ("calc.sub", "calc.add", "calc.add"):
                connection.result(name)
            self.assertEqual(self.names(connection), ["calc.add", "calc.sub"])
            self.assertEqual(self.prefixes(connection), [("calc.*", "calc")])

    def test_a_name_that_has_no_result_is_not_listed(self):
        self.served.write_text("sleep add")
        daemon = self.start(backends=[self.backend(kill_after=duration(5000))])
        with daemon.connect() as connection:
            self.assert_error(connection.request("calc.missing"), -32601)
            self.assertEqual(code(connection.request("calc.fail")), 404)
            connection.notify("calc.note")
            self.assert_error(connection.request("calc.sleep", [0.3], timeout_ms=20), -32002)
            connection.result("calc.add")
            self.assertEqual(self.names(connection), ["calc.add"])
        self.assertEqual(self.labels(daemon), {"calc.*", "calc.add"})

    def test_a_name_that_its_backend_no_longer_has_is_no_longer_listed(self):
        daemon = self.start(backends=[self.backend()])
        with daemon.connect() as connection:
            connection.result("calc.add")
            connection.result("calc.sub")
            self.served.write_text("sub")
            self.assert_error(connection.request("calc.add"), -32601)
            self.assertEqual(self.names(connection), ["calc.sub"])
            self.served.write_text("*")
            connection.result("calc.add")
            self.assertEqual(self.names(connection), ["calc.add", "calc.sub"])

    def test_the_command_line_lists_prefixes_too(self):
        program = os.environ.get("SLUICE") or pathlib.Path(sluiced()).parent / "sluice"
        daemon = self.start(backends=[self.backend()])
        with daemon.connect() as connection:
            connection.result("calc.add")
        listed = subprocess.run([program, "methods", daemon.url()], capture_output=True, text=True, check=True).stdout
        lines = [line.split(maxsplit=1) for line in listed.splitlines()]
        self.assertIn(["calc.*", "served by backend calc"], lines)
        self.assertIn(["calc.add"], lines)


class Counting(PrefixTest):
    def test_known_names_are_counted_and_timed_on_their_own_and_others_under_the_prefix(self):
        self.served.write_text("add")
        daemon = self.start(backends=[self.backend()])
        with daemon.connect() as connection:
            for _ in range(3):
                connection.result("calc.add")
            for number in range(5):
                connection.request(f"calc.missing{number}")
        self.assertEqual(self.counted(daemon, "calc.add"), 3)
        self.assertEqual(self.counted(daemon, "calc.*", "-32601"), 5)
        self.assertEqual(self.counted(daemon, "calc.*"), 0)
        self.assertEqual(daemon.value("sluice_call_run_seconds_count", method="calc.add"), 3)
        self.assertEqual(self.labels(daemon), {"calc.*", "calc.add"})

    def test_a_backend_has_200_known_names_at_most_and_the_rest_counts_under_the_prefix(self):
        daemon = self.start(backends=[self.backend(methods=["calc.*", "calc2.*"]), self.backend("other")])
        total = KNOWN_MAX + 20
        with daemon.connect() as connection:
            for number in range(total):
                connection.result(f"calc{'2' if number % 2 else ''}.name{number}")
            self.assertEqual(len(self.names(connection)), KNOWN_MAX)
            connection.result("other.name")
            self.assertEqual(self.names(connection, "other"), ["other.name"])
            connection.result("calc.name0")
            connection.result(f"calc.name{total - 2}")
        self.assertEqual(self.counted(daemon, "calc.name0"), 2)
        self.assertEqual(self.counted(daemon, "calc.*"), 11)
        self.assertEqual(self.counted(daemon, "calc2.*"), 10)

    def test_a_long_name_is_never_known(self):
        daemon = self.start(backends=[self.backend()])
        with daemon.connect() as connection:
            connection.result("calc." + "n" * 200)
            self.assertEqual(self.names(connection), [])
        self.assertEqual(self.counted(daemon, "calc.*"), 1)


class Limits(PrefixTest):
    def test_limits_of_a_prefix_hold_over_all_its_names(self):
        daemon = self.start(backends=[self.backend(instances=2)], methods={"calc.*": {"max_concurrent": 1}})
        with daemon.connect() as connection:
            connection.result("calc.sleep", [0])
            connection.result("calc.add")
            connection.call("calc.sleep", [0.5], id="slow")
            daemon.wait_in_flight(1, method="calc.*")
            self.assert_error(connection.request("calc.add"), -32009, "method_busy")
            self.assert_error(connection.request("calc.unknown"), -32009, "method_busy")
            self.assertEqual(code(connection.receive()), "ok")
            self.assertEqual(code(connection.request("calc.add")), "ok")
        self.assertFalse([name for name in daemon.metrics().label_values("sluice_calls_in_flight", "method")
                          if name in ("calc.add", "calc.sleep")])

    def test_time_limits_of_a_prefix_hold_for_known_names_also_when_a_reload_changes_them(self):
        daemon = self.start(backends=[self.backend(kill_after=duration(5000))])
        with daemon.connect() as connection:
            connection.result("calc.sleep", [0])
            begin = len(daemon.log)
            daemon.reload(methods={"calc.*": {"timeout": duration(50)}})
            daemon.wait_log("configuration read again", begin=begin)
            self.assert_error(connection.request("calc.sleep", [0.3]), -32002, "timeout")


class Rights(PrefixTest):
    def listed_to(self, *methods):
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        daemon = self.start(backends=[self.backend(), self.backend("other")],
                            clients=[{"name": "all", "token_sha256": digest, "methods": ["*"]},
                                     {"name": "anonymous", "methods": list(methods)}])
        connection = self.connect(daemon)
        known = self.connect(daemon)
        self.assertIs(known.result("rpc.authenticate", {"token": TOKEN}), True)
        for name in ("calc.add", "calc.secret", "other.thing"):
            known.result(name)
        self.assertEqual(self.names(known), ["calc.add", "calc.secret"])
        self.assertEqual(self.prefixes(known), [("calc.*", "calc"), ("other.*", "other")])
        return self.names(connection), [name for name, _ in self.prefixes(connection)]

    def test_a_client_sees_the_names_and_prefixes_that_it_may_call(self):
        self.assertEqual(self.listed_to("calc.*"), (["calc.add", "calc.secret"], ["calc.*"]))

    def test_a_client_sees_no_name_that_is_excluded(self):
        self.assertEqual(self.listed_to("calc.*", "!calc.secret"), (["calc.add"], ["calc.*"]))

    def test_a_client_that_may_call_one_name_sees_that_name_only(self):
        self.assertEqual(self.listed_to("calc.add"), (["calc.add"], []))

    def test_a_client_that_may_call_something_else_sees_none(self):
        self.assertEqual(self.listed_to("demo.*"), ([], []))

    def test_a_client_may_call_a_known_name_no_more_than_before(self):
        daemon = self.start(backends=[self.backend()], clients=[{"name": "anonymous", "methods": ["calc.add"]}])
        with daemon.connect() as connection:
            connection.result("calc.add")
            self.assert_error(connection.request("calc.secret"), -32016)


class Reload(PrefixTest):
    def reload(self, daemon, **parts):
        begin = len(daemon.log)
        daemon.reload(**parts)
        daemon.wait_log("configuration read again", 15, begin=begin)

    def start_with_names(self, **more):
        daemon = self.start(backends=[self.backend(**more)])
        connection = self.connect(daemon)
        for name in ("calc.add", "calc.sub"):
            connection.result(name)
        return daemon, connection

    def test_an_unchanged_backend_keeps_its_names(self):
        daemon, connection = self.start_with_names()
        self.reload(daemon, backends=[self.backend(), self.backend("new")])
        self.assertEqual(self.names(connection), ["calc.add", "calc.sub"])
        self.assertEqual(self.prefixes(connection), [("calc.*", "calc"), ("new.*", "new")])

    def test_a_changed_backend_keeps_its_names_and_serves_them(self):
        daemon, connection = self.start_with_names()
        pid = connection.result("calc.add")
        self.reload(daemon, backends=[self.backend(env={"NEW": "1"})])
        self.assertEqual(self.names(connection), ["calc.add", "calc.sub"])
        self.assertNotEqual(connection.result("calc.add"), pid)
        self.assertEqual(self.counted(daemon, "calc.add"), 3)

    def test_a_changed_backend_keeps_no_names_that_it_no_longer_serves(self):
        daemon, connection = self.start_with_names(methods=["calc.*", "math.*"])
        connection.result("math.sin")
        self.reload(daemon, backends=[self.backend(methods=["math.*"])])
        self.assertEqual(self.names(connection), ["math.sin"])
        self.assertEqual(self.prefixes(connection), [("math.*", "calc")])
        self.assert_error(connection.request("calc.add"), -32601)

    def test_a_removed_backend_takes_its_names_along(self):
        daemon, connection = self.start_with_names()
        self.reload(daemon, backends=[self.backend("new")])
        self.assertEqual(self.names(connection), [])
        self.assertEqual(self.prefixes(connection), [("new.*", "new")])
        self.assert_error(connection.request("calc.add"), -32601)

    def test_another_backend_that_takes_the_prefix_over_begins_without_names(self):
        daemon, connection = self.start_with_names()
        pid = connection.result("calc.add")
        self.reload(daemon, backends=[self.backend("new", ["calc.*"])])
        self.assertEqual(self.names(connection) + self.names(connection, "new"), [])
        self.assertNotEqual(connection.result("calc.add"), pid)
        self.assertEqual(self.names(connection, "new"), ["calc.add"])

    def test_a_known_name_that_gets_settings_of_its_own_has_them(self):
        daemon, connection = self.start_with_names()
        connection.result("calc.sleep", [0])
        self.reload(daemon, methods={"calc.sleep": {"timeout": duration(50)}, "calc.s*": {"max_concurrent": 5}})
        self.assertEqual(self.names(connection), ["calc.add", "calc.sleep", "calc.sub"])
        self.assert_error(connection.request("calc.sleep", [0.3]), -32002, "timeout")


if __name__ == "__main__":
    main()
