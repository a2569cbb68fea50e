"""Child processes as handlers: contract 10. Their faults cost their own calls and no others."""

import json
import os
import pathlib
import signal
import tempfile
import unittest

from support.children import child, is_alive
from support.daemon import SLOW, DaemonTest, Stopwatch, code, duration, eventually, main, message, ms, run_to_end
from support.json_rpc import call_object

class ChildTest(DaemonTest):
    def with_child(self, server=None, methods=None, clients=None, **more):
        daemon = self.start(server=server, methods=methods, clients=clients, backends=[child(**more)])
        return daemon, self.connect(daemon)

    def assert_serves(self, connection, name="faulty"):
        """A call that succeeds, once what went wrong before is over."""
        eventually(10, lambda: code(connection.request(f"{name}.pid")) == "ok", "a good call")

    def assert_at_rest(self, daemon):
        daemon.wait_in_flight(0)
        daemon.wait_value(0, "sluice_backend_in_flight")


class Calls(ChildTest):
    options = {"backends": [child(instances=2, concurrency=4), child("found", ["unused"])]}

    def test_params_and_results_pass_byte_for_byte(self):
        params = ('{"z":1.0,"a":[1e3,123456789012345678901234567890,-0,0.10],"text":"\\u00e9\\/\\n\\ud83d\\ude00 é",'
                  '"a":{"deep":[[[]]]},"":null}')
        with self.daemon.connect() as connection:
            for id in ('1.0', '1e3', '9007199254740993', '"\\u0041\\/"', '123456789012345678901234567890'):
                connection.send(f'{{"jsonrpc":"2.0","id":{id},"method":"faulty.echo","params":{params}}}\n')
                self.assertEqual(connection.receive_text(), f'{{"jsonrpc":"2.0","id":{id},"result":{params}}}')

    def test_params_over_several_lines_reach_the_child_on_one(self):
        with self.daemon.connect() as connection:
            connection.send('{"jsonrpc":"2.0","id":7,"method":"faulty.echo","params":\n[1,\n {"a" :\t2}]}\n')
            self.assertEqual(connection.receive_text(), '{"jsonrpc":"2.0","id":7,"result":[1,{"a":2}]}')

    def test_an_error_passes_with_its_data(self):
        with self.daemon.connect() as connection:
            error = {"code": 17, "message": "no", "data": {"numbers": [1, 2]}}
            self.assertEqual(connection.request("faulty.fail", error)["error"], error)

    def test_the_child_receives_the_remaining_time_and_the_trace(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with self.daemon.connect() as connection:
            seen = connection.result("faulty.call", [1], timeout_ms=20000, traceparent=trace)
            self.assertEqual((seen["method"], seen["params"], seen["traceparent"]), ("faulty.call", [1], trace))
            self.assertTrue(0 < seen["timeout_ms"] <= 20000, seen)
            self.assertIsInstance(seen["id"], int)
            self.assertNotIn("params", connection.result("faulty.call"))

    def test_calls_of_many_clients_get_their_own_replies(self):
        connections = [self.connect() for _ in range(8)]
        for number, connection in enumerate(connections):
            connection.send("".join(message("faulty.echo", [number, i], i) + "\n" for i in range(200)))
        for number, connection in enumerate(connections):
            replies = connection.receive_by_id(200)
            self.assertEqual([replies[i]["result"] for i in range(200)], [[number, i] for i in range(200)])

    def test_a_batch_is_answered_in_order(self):
        with self.daemon.connect() as connection:
            batch = [json.loads(message("faulty.echo", [i], i)) for i in range(50)]
            connection.send(json.dumps(batch) + "\n")
            self.assertEqual([entry["result"] for entry in connection.receive()], [[i] for i in range(50)])

    def test_a_notification_is_passed_on_and_not_answered(self):
        daemon = self.start(backends=[child()])
        with daemon.connect() as connection:
            connection.notify("faulty.note", {"n": 1})
            seen = eventually(5, lambda: connection.result("faulty.seen"))
            self.assertEqual((seen[0]["method"], seen[0]["params"]), ("faulty.note", {"n": 1}))
            self.assertNotIn("id", seen[0])
            connection.fence()
        self.assert_at_rest(daemon)

    def test_calls_spread_over_the_instances(self):
        with self.daemon.connect() as connection:
            for i in range(4):
                connection.call("faulty.sleep", [0.1 * SLOW])
            self.assertEqual(len({reply["result"] for reply in connection.receive_many(4)}), 2)

    def test_a_method_that_matches_no_backend_is_not_found(self):
        with self.daemon.connect() as connection:
            self.assert_error(connection.request("fault.x"), -32601, "unknown_method")

    def test_methods_of_a_pattern_are_counted_as_one(self):
        daemon = self.start(backends=[child()])
        with daemon.connect() as connection:
            for i in range(20):
                connection.request(f"faulty.unused{i}")
        self.assertEqual(daemon.value("sluice_calls_total", method="faulty.*", code="404"), 20)
        self.assertFalse([name for name in daemon.metrics().label_values("sluice_calls_total", "method") if "unused" in name])

    def test_a_method_with_settings_of_its_own_keeps_them(self):
        daemon, connection = self.with_child(concurrency=8, methods={"faulty.sleep": {"timeout": duration(50)}})
        self.assert_error(connection.request("faulty.sleep", [0.3 * SLOW]), -32002, "timeout")
        self.assertEqual(daemon.value("sluice_calls_total", method="faulty.sleep", code="-32002"), 1)


class Surroundings(ChildTest):
    def test_a_child_has_its_own_surroundings(self):
        directory = os.path.realpath("/tmp")
        daemon, connection = self.with_child(env={"COLOUR": "blue"}, working_directory=directory, memory_limit="1GiB",
                                             cpu_limit="60s")
        found = connection.result("faulty.surroundings")
        self.assertEqual(found["environment"]["COLOUR"], "blue")
        self.assertEqual(found["directory"], directory)
        self.assertEqual(found["descriptors"], [0, 1, 2])
        self.assertEqual((found["memory"], found["cpu"]), (1 << 30, 60))
        self.assertEqual(found["blocked"], [])
        # Python itself ignores these two.
        self.assertLessEqual(set(found["ignored"]), {signal.SIGPIPE, signal.SIGXFSZ})
        self.assertEqual(found["group"], connection.result("faulty.pid"))
        self.assertNotEqual(found["group"], os.getpgid(daemon.process.pid))

    def test_variables_of_the_service_manager_are_not_passed_on(self):
        daemon = self.start(backends=[child()], environment={"WATCHDOG_PID": "1", "KEPT": "yes"})
        found = self.connect(daemon).result("faulty.surroundings")["environment"]
        self.assertEqual(found["KEPT"], "yes")
        self.assertFalse({"WATCHDOG_PID", "NOTIFY_SOCKET", "LISTEN_FDS"} & set(found))

    @unittest.skipIf(os.getuid() != 0, "needs root")
    def test_a_child_runs_as_another_user(self):
        # The system's own Python, which all users may run, with a program that all users can read.
        program = "import json, os, sys\nfor line in sys.stdin: print(json.dumps({'id': json.loads(line)['id'], 'result': os.getresuid()}))"
        _, connection = self.with_child(command=["/usr/bin/python3", "-uc", program], user="nobody")
        self.assertEqual(len(set(connection.result("faulty.user"))), 1)
        self.assertNotEqual(connection.result("faulty.user")[0], 0)

    def test_a_limit_of_memory_costs_the_child_only(self):
        daemon, connection = self.with_child(memory_limit="200MiB")
        connection.request("faulty.fail", {"code": 1, "message": "x" * (1 << 20)})
        self.assert_serves(connection)


class Ends(ChildTest):
    def test_a_call_of_a_child_that_dies_is_answered(self):
        daemon, connection = self.with_child()
        for what in ("die", "half_then_die"):
            error = self.assert_error(connection.request(f"faulty.{what}"), -32013, "backend_down", "Backend unavailable")
            self.assertEqual(error["data"]["backend"], "faulty")
            self.assertGreater(error["data"]["retry_after_ms"], 0)
            self.assert_serves(connection)
        self.assertGreaterEqual(daemon.value("sluice_backend_restarts_total", backend="faulty"), 2)
        self.assert_at_rest(daemon)

    def test_an_answer_before_the_end_counts(self):
        daemon, connection = self.with_child()
        for _ in range(5):
            self.assertEqual(connection.result("faulty.answer_then_die"), "the last answer")
            self.assert_serves(connection)

    def test_a_killed_child_is_started_again(self):
        daemon, connection = self.with_child()
        before = connection.result("faulty.pid")
        os.kill(before, signal.SIGKILL)
        daemon.wait_log(r"process ended: signal 9")
        self.assert_serves(connection)
        self.assertNotEqual(connection.result("faulty.pid"), before)
        daemon.wait_value(1, "sluice_backend_up", backend="faulty", instance=0)

    def test_only_calls_of_the_killed_instance_fail(self):
        daemon = self.start(backends=[child(instances=4)])
        connection = self.connect(daemon)
        kills = 0
        for _ in range(10):
            for _ in range(8):
                connection.call("faulty.sleep", [0.02 * SLOW])
            victim = eventually(5, lambda: next(iter(self.children(daemon)), None))
            os.kill(victim, signal.SIGKILL)
            kills += 1
            failed = [reply for reply in connection.receive_many(8) if "error" in reply]
            self.assertLessEqual(len(failed), 1)
            for reply in failed:
                self.assert_error(reply, -32013, "backend_down")
        self.assert_at_rest(daemon)
        self.assertGreaterEqual(daemon.value("sluice_backend_restarts_total"), kills - 1)

    @staticmethod
    def children(daemon):
        return [int(pid) for pid in pathlib.Path(f"/proc/{daemon.process.pid}/task").glob("*/children")
                for pid in pid.read_text().split()]

    def test_no_zombie_is_left_and_no_descriptor(self):
        daemon, connection = self.with_child(concurrency=1)
        self.assert_serves(connection)
        before = daemon.open_descriptors()
        for _ in range(10):
            connection.request("faulty.die")
            self.assert_serves(connection)
        eventually(5, lambda: daemon.open_descriptors() <= before, "descriptors as before")
        self.assertEqual(len(self.children(daemon)), 1)

    def test_what_a_child_has_started_ends_with_it(self):
        daemon, connection = self.with_child()
        descendant = connection.result("faulty.descendant")
        self.assertTrue(is_alive(descendant))
        connection.request("faulty.die")
        eventually(5, lambda: not is_alive(descendant), "the whole group is gone")

    def test_children_end_with_the_daemon(self):
        daemon, connection = self.with_child(instances=2)
        descendant = connection.result("faulty.descendant")
        pids = self.children(daemon)
        self.assertEqual(daemon.stop(), 0)
        for pid in [*pids, descendant]:
            eventually(5, lambda: not is_alive(pid), "no child is left")

    def test_children_end_with_a_daemon_that_is_killed(self):
        daemon, connection = self.with_child(instances=2)
        self.assert_serves(connection)
        pids = self.children(daemon)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        for pid in pids:
            eventually(5, lambda: not is_alive(pid), "no child is left")
        daemon.process = None

    def test_a_drain_waits_for_the_childrens_calls(self):
        daemon, connection = self.with_child()
        call = connection.call("faulty.sleep", [0.3 * SLOW])
        daemon.wait_in_flight(1)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(connection.receive()["id"], call)
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_child_that_ignores_sigterm_does_not_keep_the_daemon(self):
        daemon, connection = self.with_child(server={"drain_timeout": duration(300)})
        connection.call("faulty.hang")
        daemon.wait_in_flight(1)
        self.assertEqual(daemon.stop(), 0)

    def test_a_child_that_ends_again_and_again_is_left_alone_longer_and_longer(self):
        daemon = self.start(backends=[child(env={"STARTS": "starts", "FAIL_STARTS": "1000"}, working_directory="/tmp/",
                                            instances=1)])
        daemon.wait_log("in a crash loop", 20)
        error = self.assert_error(self.connect(daemon).request("faulty.pid"), -32013, "backend_down")
        self.assertGreater(error["data"]["retry_after_ms"], 0)
        daemon.wait_value(0, "sluice_backend_up", backend="faulty")
        pathlib.Path("/tmp/starts").unlink()


class Threads(ChildTest):
    def thread_names(self, daemon):
        return [(task / "comm").read_text().strip()
                for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()]

    def test_backends_are_on_the_only_io_thread_or_have_one_beside_several(self):
        for io_threads, own in ((1, 0), (2, 1)):
            daemon, connection = self.with_child(server={"io_threads": io_threads})
            self.assert_serves(connection)
            eventually(5, lambda: f"io-{io_threads - 1}" in self.thread_names(daemon))
            self.assertEqual(self.thread_names(daemon).count("backends"), own)
            connection.close()
            self.assertEqual(daemon.stop(), 0)


    def test_a_batch_of_notifications_delays_no_other_client(self):
        daemon, connection = self.with_child(server={"io_threads": 1, "call_timeout": "60s"})
        self.assert_serves(connection)
        with daemon.connect() as other:
            batch = [call_object("faulty.echo")] * 100 + [call_object("demo.echo", id=1)]
            other.call("demo.sleep", {"ms": ms(50)}, id="slept")
            connection.send(json.dumps(batch) + "\n")
            self.assertEqual(other.receive(5)["id"], "slept")
            self.assertEqual(len(json.loads(connection.receive_text(5))), 1)


class Starts(ChildTest):
    def lazy(self, **environment):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        self.starts = pathlib.Path(directory) / "starts"
        return self.with_child(start="lazy", concurrency=100,
                               env={"STARTS": str(self.starts), **environment})

    def test_the_first_calls_of_many_start_a_lazy_child_once(self):
        daemon, connection = self.lazy(SLOW_START=str(0.2 * SLOW))
        self.assertFalse(self.starts.exists())
        self.assertEqual(daemon.value("sluice_backend_up", backend="faulty"), 0)
        for _ in range(100):
            connection.call("faulty.pid")
        self.assertEqual(len({reply["result"] for reply in connection.receive_many(100)}), 1)
        self.assertEqual(self.starts.read_text().count("start"), 1)

    def test_a_failed_start_is_tried_again_by_the_next_call(self):
        daemon, connection = self.lazy(FAIL_STARTS="1")
        self.assert_error(connection.request("faulty.pid"), -32013, "backend_down")
        self.assertEqual(code(connection.request("faulty.pid")), "ok")
        self.assertEqual(self.starts.read_text().count("start"), 2)

    def test_a_program_that_does_not_exist_is_reported(self):
        daemon = self.start(backends=[child(command=["/nowhere/at-all"])])
        daemon.wait_log(r"error .*could not be started: /nowhere/at-all: No such file")
        self.assert_error(self.connect(daemon).request("faulty.x"), -32013, "backend_down")
        self.connect(daemon).fence()

    def test_a_child_names_its_methods(self):
        daemon = self.start(backends=[child("found", "discover")])
        connection = self.connect(daemon)
        self.assertEqual(code(connection.request("found.pid")), "ok")
        self.assert_error(connection.request("found.seen"), -32601)
        document = {method["name"]: method for method in connection.result("rpc.discover")["methods"]}
        self.assertEqual(document["found.pid"]["summary"], "a summary")
        self.assertEqual(document["found.pid"]["params"][0]["schema"], {"type": "integer"})
        self.assertNotIn("rpc.hidden", document)

    def test_a_slow_start_delays_no_other_backend(self):
        daemon = self.start(backends=[child(env={"SLOW_START": "1"})])
        watch = Stopwatch()
        with daemon.connect() as connection:
            connection.call("faulty.pid")
            connection.call("demo.echo", [1], id="quick")
            self.assertEqual(connection.receive()["id"], "quick")
            self.assertEqual(code(connection.receive()), "ok")


class Misbehaviour(ChildTest):
    options = {"backends": [child(), child("other")]}

    def test_a_line_that_is_not_a_reply_is_logged_and_dropped(self):
        daemon = self.start(backends=[child()])
        with daemon.connect() as connection:
            for what, result in (("text", "text"), ("unknown_id", "known"), ("twice", "once")):
                self.assertEqual(connection.result(f"faulty.{what}"), result)
            self.assert_serves(connection)
            connection.fence()
        for line in ("not a message on stdout: a line for the log", "a reply with an unknown id"):
            eventually(5, lambda: line in daemon.log_text(), line)
        log = daemon.log_text()
        self.assertNotIn("\x1b", log)

    def test_a_log_line_with_an_id_is_not_a_reply(self):
        daemon, connection = self.with_child()
        self.assertEqual(connection.result("faulty.logged"), "logged")
        daemon.wait_log("not a reply on stdout")

    def test_an_invalid_reply_fails_its_own_call_only(self):
        daemon, connection = self.with_child(concurrency=8)
        connection.call("faulty.ignore", id="other", timeout_ms=ms(60000))
        self.assert_error(connection.request("faulty.both"), -32603, "internal")
        for text in ('"result":1,"error":{"code":1,"message":"both"}', '"error":"text"', '"error":{"code":1}', '"resul":1',
                     '"result":NaN', '"result":1}}', '"result":1} and more'):
            with self.subTest(text=text):
                self.assert_error(connection.request("faulty.reply_with", [text]), -32603, "internal")
        self.assert_serves(connection)
        connection.call("faulty.die")
        self.assert_error(connection.receive_by_id(2)["other"], -32013, "backend_down")

    def test_a_childs_own_call_is_not_a_reply_whatever_its_id(self):
        daemon, connection = self.with_child()
        reply = connection.request("faulty.reply_with", ['"method":"other"'], timeout_ms=ms(100))
        self.assert_error(reply, -32002, "timeout")

    def test_a_flood_delays_no_other_backend(self):
        with self.daemon.connect() as connection, self.daemon.connect() as bystander:
            for name in ("faulty", "other"):
                self.assert_serves(connection, name)
            connection.call("faulty.flood", [2 * SLOW])
            worst = 0
            for _ in range(50):
                watch = Stopwatch()
                self.assertEqual(code(bystander.request("other.pid")), "ok")
                worst = max(worst, watch.ms())
            self.assert_below(worst, ms(1000), "other calls do not wait for the flood's end")
            self.assertEqual(connection.receive(20)["result"], "flooded")

    def test_stderr_goes_to_the_log_at_a_bounded_rate(self):
        daemon, connection = self.with_child()
        self.assertEqual(connection.result("faulty.errors", [5000]), "said")
        daemon.wait_log(r"backend faulty\[0\]: line 3")
        self.assert_below(sum("]: line " in line for line in daemon.log), 1001)

    def test_a_result_over_the_size_limit_is_replaced(self):
        daemon, connection = self.with_child(server={"max_response": "1MiB"})
        for id_first in (True, False):
            self.assert_error(connection.request("faulty.giant", [3, id_first]), -32008, "response_too_big")
            self.assert_serves(connection)

    def test_a_long_result_is_replaced_for_its_own_call_among_others(self):
        daemon, connection = self.with_child(server={"max_response": "1MiB"}, concurrency=8)
        connection.call("faulty.ignore", id="other", timeout_ms=ms(60000))
        for id_first in (True, False):
            self.assert_error(connection.request("faulty.giant", [3, id_first]), -32008, "response_too_big")
        self.assert_serves(connection)
        connection.call("faulty.die")
        self.assert_error(connection.receive_by_id(2)["other"], -32013, "backend_down")

    def test_an_oversize_reply_to_an_unknown_id_answers_no_call(self):
        daemon, connection = self.with_child(server={"max_response": "100KiB"})
        self.assertEqual(connection.result("faulty.long_foreign"), "mine")

    def test_a_line_without_an_end_ends_the_child(self):
        daemon, connection = self.with_child(server={"max_response": "1MiB"})
        connection.request("faulty.endless", timeout_ms=ms(5000))
        daemon.wait_log("an output line is too long and has no end; killed")
        self.assert_serves(connection)
        self.assert_below(daemon.resident_bytes(), 200 << 20 if SLOW == 1 else 1 << 40)

    def test_a_child_that_never_reads_costs_its_own_calls_only(self):
        daemon = self.start(backends=[child(), child("other")])
        connection = self.connect(daemon)
        self.assertEqual(connection.result("faulty.deaf"), "deaf")
        for _ in range(20):
            connection.call("faulty.echo", ["x" * 100000], timeout_ms=ms(200))
        with daemon.connect() as bystander:
            self.assertEqual(code(bystander.request("other.pid")), "ok")
        for reply in connection.receive_many(20):
            self.assert_error(reply, -32002)
        self.assert_serves(connection)
        self.assert_at_rest(daemon)

    def test_a_child_that_never_reads_notifications_is_replaced(self):
        daemon, connection = self.with_child(server={"call_timeout": duration(2000)})
        self.assert_serves(connection)
        pid = connection.result("faulty.pid")
        self.assertEqual(connection.result("faulty.deaf"), "deaf")
        for _ in range(100):
            connection.notify("faulty.note", ["x" * 10000])
        daemon.wait_log("it does not read its stdin; killed", 20)
        eventually(5, lambda: not is_alive(pid), "it is killed")
        with daemon.connect() as other:
            self.assert_serves(other)

    def test_a_child_without_stdout_is_replaced(self):
        daemon, connection = self.with_child()
        self.assert_error(connection.request("faulty.mute"), -32013, "backend_down")
        self.assert_serves(connection)


class TimeLimits(ChildTest):
    def test_a_child_that_hangs_is_killed_after_its_calls_time(self):
        daemon, connection = self.with_child(concurrency=1, kill_after=duration(2000))
        pid = connection.result("faulty.pid")
        watch = Stopwatch()
        self.assert_error(connection.request("faulty.hang", timeout_ms=ms(100)), -32002, "timeout")
        self.assert_below(watch.ms(), ms(2000), "its caller does not wait until it is killed")
        eventually(20, lambda: not is_alive(pid), "it is killed")
        self.assert_serves(connection)
        self.assert_at_rest(daemon)

    def test_a_child_cannot_hide_in_the_daemons_group(self):
        daemon, connection = self.with_child()
        pid = connection.result("faulty.pid")
        self.assert_error(connection.request("faulty.regroup", timeout_ms=ms(100)), -32002)
        eventually(5, lambda: not is_alive(pid), "it is killed")
        self.assert_serves(connection)
        self.assert_at_rest(daemon)

    def test_a_stopped_child_is_killed_too(self):
        daemon, connection = self.with_child()
        pid = connection.result("faulty.pid")
        self.assert_error(connection.request("faulty.stop", timeout_ms=ms(100)), -32002)
        eventually(5, lambda: not is_alive(pid), "it is killed")
        self.assert_serves(connection)

    def test_other_calls_of_a_child_that_is_killed_are_answered(self):
        daemon, connection = self.with_child(concurrency=4)
        connection.call("faulty.hang", timeout_ms=ms(100), id="hung")
        for i in range(3):
            connection.call("faulty.echo", [i], id=i)
        replies = connection.receive_by_id(4)
        self.assert_error(replies["hung"], -32002)
        for i in range(3):
            self.assert_error(replies[i], -32013, "backend_down")
        self.assert_serves(connection)

    def test_cancelling_reaches_the_child(self):
        daemon, connection = self.with_child(concurrency=2)
        connection.call("faulty.until_cancelled", id="long")
        self.assertEqual(code(connection.request("faulty.pid")), "ok")
        self.assert_error(connection.cancel("long"), -32800, "cancelled")
        self.assert_at_rest(daemon)
        self.assertEqual(connection.result("faulty.seen")[0]["method"], "rpc.cancel")

    def test_a_client_that_leaves_cancels_its_call(self):
        daemon, connection = self.with_child(concurrency=2)
        other = self.connect(daemon)
        connection.call("faulty.until_cancelled")
        daemon.wait_in_flight(1)
        connection.reset()
        self.assert_at_rest(daemon)
        self.assertEqual(other.result("faulty.seen")[0]["method"], "rpc.cancel")

    def test_a_waiting_call_that_is_cancelled_never_reaches_the_child(self):
        daemon, connection = self.with_child(concurrency=1)
        connection.call("faulty.sleep", [0.3 * SLOW], id="first")
        connection.call("faulty.die", id="second")
        daemon.wait_in_flight(2)
        connection.send(message("rpc.cancel", {"id": "second"}, "cancel") + "\n")
        replies = connection.receive_by_id(3)
        self.assert_error(replies["second"], -32800)
        self.assertIn("result", replies["first"])
        self.assertEqual(daemon.value("sluice_backend_restarts_total"), 0)


class Bounds(ChildTest):
    def test_more_calls_than_may_wait_are_refused(self):
        daemon, connection = self.with_child(concurrency=1, queue=4)
        for i in range(10):
            connection.call("faulty.sleep", [0.2 * SLOW])
        replies = connection.receive_many(10, 20)
        refused = [reply for reply in replies if "error" in reply]
        self.assertEqual(len(refused), 5)
        for reply in refused:
            self.assertGreater(self.assert_error(reply, -32009)["data"]["retry_after_ms"], 0)
        self.assert_at_rest(daemon)

    def test_a_refused_call_is_admitted_after_its_retry_after(self):
        daemon, connection = self.with_child(concurrency=1, queue=2)
        seconds = 0.2 * SLOW
        watch = Stopwatch()
        self.assertIn("result", connection.request("faulty.sleep", [seconds]))
        took = watch.ms()
        for _ in range(4):
            connection.call("faulty.sleep", [seconds])
        refusal = self.assert_error(connection.receive(), -32009, "method_busy")["data"]["retry_after_ms"]
        self.assertTrue(seconds * 1000 <= refusal <= 6 * took, (refusal, took))
        watch = Stopwatch()
        replies = connection.receive_many(3, 20)
        self.assertTrue(all("result" in reply for reply in replies), replies)
        # The calls before it have ended by then, and a permit was free.
        self.assert_below(watch.ms(), refusal * 3)

    def test_a_backend_that_hangs_leaves_permits_to_others(self):
        daemon = self.start(server={"max_in_flight": 64, "connection_window": 1000},
                            backends=[child(concurrency=1, queue=16), child("other")])
        connection = self.connect(daemon)
        for _ in range(100):
            connection.call("faulty.hang", timeout_ms=ms(1000))
        with daemon.connect() as bystander:
            self.assertEqual(code(bystander.request("other.pid")), "ok")
            bystander.fence()
        connection.receive_many(100, 20)
        self.assert_at_rest(daemon)


class Breaker(ChildTest):
    def test_calls_that_wait_are_refused_when_it_opens(self):
        daemon, connection = self.with_child(methods={"faulty.sleep": {"timeout": duration(60)}}, kill_after="30s",
                                             breaker={"failures": 1, "window": "60s", "open": "60s"})
        connection.call("faulty.sleep", [5 * SLOW], id="slow")
        daemon.wait_in_flight(1)
        connection.call("faulty.pid", id="waits")
        watch = Stopwatch()
        replies = connection.receive_by_id(2)
        self.assert_error(replies["slow"], -32002)
        self.assert_error(replies["waits"], -32013, "circuit_open")
        self.assert_below(watch.ms(), ms(4000), "it does not wait for the end of what is slow")

    def test_it_opens_after_failures_and_closes_after_a_good_probe(self):
        daemon, connection = self.with_child(breaker={"failures": 3, "window": "60s", "open": duration(300)})
        for _ in range(3):
            self.assert_serves_or_opens(connection)
            connection.request("faulty.die")
        daemon.wait_log(r"breaker open")
        daemon.wait_value(1, "sluice_backend_up", backend="faulty")
        error = self.assert_error(connection.request("faulty.pid"), -32013, "circuit_open")
        daemon.wait_value(2, "sluice_breaker_state", backend="faulty")
        self.assertEqual(error["data"]["backend"], "faulty")
        self.assertTrue(0 < error["data"]["retry_after_ms"] <= ms(300), error)
        watch = Stopwatch()
        daemon.wait_value(1, "sluice_breaker_state", backend="faulty")
        self.assert_below(watch.ms(), error["data"]["retry_after_ms"] + ms(2000), "it promised that a call works then")
        self.assertEqual(code(connection.request("faulty.pid")), "ok")
        daemon.wait_value(0, "sluice_breaker_state", backend="faulty")
        for state in ("open", "half_open", "closed"):
            self.assertEqual(daemon.value("sluice_breaker_changes_total", backend="faulty", state=state), 1, state)

    @staticmethod
    def assert_serves_or_opens(connection):
        eventually(10, lambda: code(connection.request("faulty.pid")) in ("ok",), "it is up")

    def test_a_time_limit_that_the_client_chose_does_not_open_it(self):
        daemon, connection = self.with_child(concurrency=64, breaker={"failures": 2, "window": "60s", "open": "60s"})
        for _ in range(8):
            connection.request("faulty.until_cancelled", timeout_ms=ms(5))
        self.assert_serves(connection)
        self.assertEqual(daemon.value("sluice_breaker_changes_total", state="open"), 0)

    def test_a_probe_that_is_lost_with_its_process_has_failed(self):
        # The process is killed for one call while another is the probe.
        daemon, connection = self.with_child(methods={"faulty.sleep": {"timeout": duration(40)}}, concurrency=8,
                                             breaker={"failures": 1, "window": "60s", "open": duration(100)})
        connection.call("faulty.ignore", id="kills", timeout_ms=ms(400))
        self.assert_error(connection.request("faulty.sleep", [0.08 * SLOW]), -32002)
        daemon.wait_log("breaker open")
        daemon.wait_value(1, "sluice_breaker_state", backend="faulty")
        connection.call("faulty.ignore", id="probe", timeout_ms=ms(60000))
        self.assertEqual({reply["id"] for reply in connection.receive_many(2, 20)}, {"kills", "probe"})
        self.assert_serves(connection)

    def test_the_servers_own_time_limit_opens_it(self):
        daemon, connection = self.with_child(server={"call_timeout": duration(50)}, concurrency=64,
                                             breaker={"failures": 2, "window": "60s", "open": "60s"})
        for _ in range(2):
            self.assert_error(connection.request("faulty.until_cancelled"), -32002)
        self.assert_error(connection.request("faulty.pid"), -32013, "circuit_open")


class Reload(ChildTest):
    def test_calls_in_flight_finish_on_the_backend_that_they_began_with(self):
        daemon, connection = self.with_child()
        old = connection.result("faulty.pid")
        connection.call("faulty.sleep", [0.4 * SLOW], id="old")
        daemon.wait_in_flight(1)
        daemon.reload(backends=[child(env={"NEW": "1"})])
        new = eventually(5, lambda: self.other_than(old, daemon))
        self.assertEqual(connection.receive()["result"], old)
        eventually(5, lambda: not is_alive(old), "the old one has ended")
        self.assertTrue(is_alive(new))

    def other_than(self, old, daemon):
        with daemon.connect() as other:
            reply = other.request("faulty.surroundings", timeout_ms=ms(5000))
            return reply["result"]["group"] if "result" in reply and "NEW" in reply["result"]["environment"] else None

    def test_a_program_that_cannot_be_run_does_not_replace_one_that_can(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "text").write_text("no program")
        daemon, connection = self.with_child()
        pid = connection.result("faulty.pid")
        for settings, key, why in (({"command": ["/nowhere/at-all"]}, "command", "/nowhere/at-all: No such file or directory"),
                                   ({"command": [str(folder / "text")]}, "command", ".*text: Permission denied"),
                                   ({"command": ["sh"], "env": {"PATH": "/nowhere"}}, "command", "sh: No such file"),
                                   ({"working_directory": "/nowhere/"}, "working_directory", "/nowhere/: No such file")):
            with self.subTest(settings=settings):
                begin = len(daemon.log)
                daemon.reload(backends=[child(**settings)])
                daemon.wait_log(rf"sluiced\.toml:\d+:\d+: backend\.{key} can't be used: {why}", begin=begin)
                daemon.wait_log("reload refused, the running configuration stays", begin=begin)
                self.assertEqual(connection.result("faulty.pid"), pid)
                status, _, errors = run_to_end("--check", "--config", daemon.config)
                self.assertRegex(errors, rf"sluiced\.toml:\d+:\d+: backend\.{key} can't be used: {why}")
                self.assertEqual(status, 2)

    def test_an_unchanged_backend_does_not_delay_a_reload(self):
        daemon = self.start(backends=[child(command=["/nowhere/at-all"])])
        daemon.reload(backends=[child(command=["/nowhere/at-all"]), child("second")])
        daemon.wait_log("configuration read again")
        self.assertEqual(code(self.connect(daemon).request("second.pid")), "ok")

    def test_backends_come_and_go(self):
        daemon, connection = self.with_child()
        pid = connection.result("faulty.pid")
        daemon.reload(backends=[child(), child("second")])
        eventually(5, lambda: code(connection.request("second.pid")) == "ok")
        self.assertEqual(connection.result("faulty.pid"), pid, "what has not changed stays")
        daemon.reload(backends=[child("second")])
        eventually(5, lambda: code(connection.request("faulty.pid")) == -32601)
        self.assertEqual(code(connection.request("second.pid")), "ok")
        eventually(5, lambda: not is_alive(pid), "the removed one has ended")
        self.assertEqual(daemon.metrics().label_values("sluice_backend_up", "backend"), {"second"})

    def test_methods_are_served_while_they_are_discovered_again(self):
        daemon = self.start(backends=[child("found", "discover")])
        connection = self.connect(daemon)
        old = connection.result("found.pid")
        daemon.reload(backends=[child("found", "discover", env={"SLOW_START": "0.5"})])
        eventually(20, lambda: connection.result("found.pid") != old, "the new one serves")

    def test_a_notification_that_waited_reaches_a_child_that_is_retired(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        seen = pathlib.Path(directory) / "seen"
        daemon, connection = self.with_child(env={"NOTED": str(seen)})
        connection.call("faulty.sleep", [0.2 * SLOW])
        connection.notify("faulty.note", {"n": 1})
        daemon.wait_in_flight(2)
        daemon.reload(backends=None)
        self.assertIn("result", connection.receive())
        eventually(5, lambda: seen.exists() and "faulty.note" in seen.read_text(), "it was noted")

    def test_a_reload_changes_what_a_reply_may_have(self):
        daemon, connection = self.with_child(server={"max_response": "100KiB"})
        self.assert_error(connection.request("faulty.giant", [1, True]), -32008)
        daemon.reload(server={"max_response": "8MiB"})
        daemon.wait_log("configuration read again")
        self.assertEqual(len(connection.result("faulty.giant", [1, True])), 1 << 20)

    def test_reloads_under_load_drop_nothing(self):
        daemon, connection = self.with_child(concurrency=4)
        for number in range(10):
            for _ in range(50):
                connection.call("faulty.pid")
            daemon.reload(backends=[child(concurrency=4, env={"NUMBER": str(number)})])
            for reply in connection.receive_many(50, 20):
                self.assertIn("result", reply)
        self.assert_at_rest(daemon)


if __name__ == "__main__":
    main()
