"""Handlers made with the Node.js SDK, behind a real server."""

import json
import os
import pathlib
import shutil
import signal
import unittest

from support.daemon import ROOT, DaemonTest, code, duration, eventually, main, ms

SDK = ROOT / "sdk" / "node" / "sluice.mjs"
HANDLER = pathlib.Path(__file__).resolve().parent / "support" / "node_handler.mjs"


def backend(program=HANDLER, **more):
    return {"name": "node", "command": ["node", str(program)], "env": {"SDK": str(SDK)}, "methods": "discover",
            "concurrency": 16, "breaker": {"failures": 0}, **more}


@unittest.skipUnless(shutil.which("node"), "node is not installed")
class NodeSdkTest(DaemonTest):
    def with_handler(self, server=None, **more):
        daemon = self.start(server=server, backends=[backend(**more)])
        return daemon, self.connect(daemon)


class Calls(NodeSdkTest):
    options = {"backends": [backend()]}

    def test_what_a_handler_declares_is_in_the_description(self):
        with self.daemon.connect() as connection:
            methods = {each["name"]: each for each in connection.result("rpc.discover")["methods"]}
        described = methods["node.sleep"]
        self.assertEqual(described["summary"], "Waits")
        for part in ("params", "result"):
            self.assertEqual(described[part], methods["demo.sleep"][part])

    def test_params_come_by_position_and_by_name(self):
        with self.daemon.connect() as connection:
            self.assertEqual(connection.result("node.sleep", [1]), {"slept_ms": 1})
            self.assertEqual(connection.result("node.sleep", {"ms": 1.0}), {"slept_ms": 1})
            self.assertEqual(connection.result("node.echo", {"text": "a\u2028ñ\r\n"}), {"text": "a\u2028ñ\r\n"})

    def test_params_that_do_not_fit_are_answered_as_the_servers_own_methods_do(self):
        wrong = {"sleep": (None, [], ["1"], [None], [1.5], [-1], [1, 2], {"ms": 3600001}, {"ms": {}}, {"ms": 1, "a/b~": 3}, {"x" * 100: 1}),
                 "fail": ([1], [1, 2], {"code": 1}, {"code": 1, "message": []}, [1, "a", 2, 3], {"code": 1, "message": "a", "z": 1})}
        with self.daemon.connect() as connection:
            for name, several in wrong.items():
                for params in several:
                    with self.subTest(name, params=params):
                        error = self.assert_error(connection.request(f"node.{name}", params), -32602, "invalid_params")
                        self.assertEqual(error, connection.request(f"demo.{name}", params)["error"])

    def test_errors_and_exceptions(self):
        with self.daemon.connect() as connection:
            error = {"code": 17, "message": "no", "data": {"why": [1]}}
            self.assertEqual(connection.request("node.fail", error)["error"], error)
            self.assertEqual(connection.request("node.fail", [17, "no"])["error"], {"code": 17, "message": "no"})
            error = self.assert_error(connection.request("node.throw"), -32603, "internal", "Internal error")
            self.assertEqual(error["data"], {"reason": "internal"})
            self.assert_error(connection.request("node.none"), -32601, "unknown_method")
        self.daemon.wait_log(r"node\[0\].*node.throw: Error: the inside")

    def test_calls_overlap(self):
        with self.daemon.connect() as connection:
            connection.call("node.sleep", [ms(60000)], id="long")
            self.assertEqual([connection.result("node.echo", [n]) for n in range(50)], [[n] for n in range(50)])
            self.assert_error(connection.cancel("long"), -32800)

    def test_what_it_prints_goes_to_the_log(self):
        self.daemon.wait_log(r"node\[0\].*a line before the first")
        with self.daemon.connect() as connection:
            for _ in range(3):
                self.assertEqual(connection.result("node.print"), "printed")
        self.daemon.wait_log(r"node\[0\].*a lie")

    def test_notes_reach_a_client_that_asks(self):
        with self.daemon.connect() as connection:
            connection.call("node.say", id="a", notes=True)
            self.assertEqual([json.loads(connection.receive_text()) for _ in range(3)], [
                {"jsonrpc": "2.0", "method": "rpc.progress", "call": "a", "params": {"value": 0.5}},
                {"jsonrpc": "2.0", "method": "work.part", "call": "a", "params": {"n": 1}},
                {"jsonrpc": "2.0", "id": "a", "result": "said"}])

    def test_notes_and_publications_cost_their_call_nothing(self):
        with self.daemon.connect() as connection:
            for _ in range(3):
                self.assertEqual(connection.result("node.say"), "said")


class TimeLimits(NodeSdkTest):
    options = {"backends": [backend()]}

    def test_a_cancel_and_a_disconnect_abort_the_signal(self):
        for leave in ("cancel", "reset"):
            with self.subTest(leave):
                begin = len(self.daemon.log)
                connection = self.connect()
                connection.call("node.sleep", [ms(60000)], id="long")
                self.daemon.wait_value(1, "sluice_backend_in_flight", backend="node")
                if leave == "cancel":
                    self.assert_error(connection.cancel("long"), -32800)
                else:
                    connection.reset()
                self.daemon.wait_log("aborted: Request cancelled", begin=begin)
                self.daemon.wait_value(0, "sluice_backend_in_flight", backend="node")

    def test_the_time_limit_is_known_and_aborts_the_signal(self):
        with self.daemon.connect() as connection:
            left = connection.result("node.left", timeout_ms=20000)
            self.assertTrue(0 < left <= 20000, left)
            begin = len(self.daemon.log)
            self.assert_error(connection.request("node.sleep", [ms(60000)], timeout_ms=ms(100)), -32002, "timeout")
        # The handler's own clock, or the server's cancel, whichever is first.
        self.daemon.wait_log("aborted: Request (timed out|cancelled)", begin=begin)
        self.daemon.wait_value(0, "sluice_backend_in_flight", backend="node")

    def test_a_call_that_blocks_the_event_loop_is_ended_with_its_process(self):
        daemon, connection = self.with_handler(kill_after=duration(300))
        pid = connection.result("node.pid")
        self.assert_error(connection.request("node.spin", timeout_ms=ms(100)), -32002)
        self.assertNotEqual(eventually(10, lambda: connection.result("node.pid")), pid)


class Ends(NodeSdkTest):
    def test_a_crash_costs_its_calls_and_no_other(self):
        daemon, connection = self.with_handler()
        for method, params in (("node.exit", [3]), ("node.kill", None)):
            self.assert_error(connection.request(method, params), -32013, "backend_down")
            eventually(10, lambda: code(connection.request("node.pid")) == "ok", "a good call")

    def test_a_drain_lets_its_calls_end(self):
        daemon, connection = self.with_handler()
        connection.call("node.sleep", [ms(300)], id="long")
        daemon.wait_value(1, "sluice_backend_in_flight", backend="node")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(connection.receive()["result"], {"slept_ms": ms(300)})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_sigterm_to_its_process_loses_no_call(self):
        daemon, connection = self.with_handler()
        pid = connection.result("node.pid")
        connection.call("node.sleep", [ms(300)], id="long")
        daemon.wait_value(1, "sluice_backend_in_flight", backend="node")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(connection.receive()["result"], {"slept_ms": ms(300)})
        self.assertNotEqual(eventually(10, lambda: connection.result("node.pid")), pid)

    def test_a_reload_serves_the_new_program_and_lets_calls_of_the_old_one_end(self):
        daemon = self.start()
        program = daemon.directory / "handler.mjs"
        shutil.copy(HANDLER, program)
        daemon.reload(backends=[backend(program)])
        connection = self.connect(daemon)
        pid = eventually(10, lambda: connection.request("node.pid").get("result"), "the handler is served")
        connection.call("node.sleep", [ms(2000)], id="long")
        daemon.wait_value(1, "sluice_backend_in_flight", backend="node")
        program.write_text(program.read_text().replace("\nserve();", "\nmethod('node.added', () => 'added');\nserve();"))
        daemon.reload(backends=[backend(program)])
        other = self.connect(daemon)
        eventually(10, lambda: other.request("node.added").get("result") == "added", "the new method")
        self.assertNotEqual(other.result("node.pid"), pid)
        self.assertEqual(connection.receive()["result"], {"slept_ms": ms(2000)})


if __name__ == "__main__":
    main()
