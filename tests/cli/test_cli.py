"""The client against a running daemon: exit codes, what goes to stdout and what to
stderr. $SLUICED and $SLUICE name the two programs."""

import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from support.daemon import DaemonTest  # noqa: E402

SLUICE = os.environ["SLUICE"]
RUN_LIMIT_S = 30


def run(*words, text_in="", environment=None):
    return subprocess.run(
        [SLUICE, *words], input=text_in, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False,
        env={**os.environ, **(environment or {})})


class CommandTest(DaemonTest):
    def check(self, done, code, stdout, stderr=""):
        self.assertEqual((code, stdout, stderr), (done.returncode, done.stdout, done.stderr))

    def check_failure(self, done, code, pattern):
        """One line on stderr that matches, nothing on stdout."""
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)


    def serve_once(self, serve_one):
        """Accepts one connection and hands it to `serve_one`: the address, and the thread that does so."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run_server():
            connection, _ = listener.accept()
            with connection:
                serve_one(connection)

        thread = threading.Thread(target=run_server, daemon=True)
        thread.start()
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}", thread


class ClientTest(CommandTest):
    @property
    def address(self):
        return self.daemon.url()

    # call

    def test_call_prints_the_result_as_the_server_wrote_it(self):
        params = '{"z":1.0,"a":[1e3,9007199254740993,123456789012345678901234567890],"s":"\\u00e9 \\" \\\\"}'
        self.check(run("call", self.address, "demo.echo", params), 0, params + "\n")

    def test_call_takes_pairs_and_stdin(self):
        self.check(run("call", self.address, "demo.echo", "--", "a\nb\tc\u2028", "d"), 0, '["a\\u000ab\\u0009c\u2028","d"]\n')
        self.check(run("call", self.address, "demo.echo", "n=1.50", "s=hello world"), 0,
                   '{"n":1.50,"s":"hello world"}\n')
        self.check(run("call", self.address, "demo.sum", "-", text_in="[\n1,\n2]\n"), 0, "3\n")

    def test_call_takes_values_and_negative_numbers(self):
        self.check(run("call", self.address, "demo.subtract", "-1", "2"), 0, "-3\n")
        self.check(run("call", self.address, "demo.subtract", "--", "-1", "2"), 0, "-3\n")
        self.check(run("call", self.address, "--timeout", "5s", "demo.echo", "--", "--timeout", "-x"), 0, '["--timeout","-x"]\n')
        self.check(run("call", self.address, "demo.echo", "--", "-n=-1"), 0, '{"-n":-1}\n')
        self.check_failure(run("call", self.address, "demo.echo", "-x"), 2, "unknown option -x.* put -- before")

    def test_call_takes_an_address_without_its_scheme(self):
        short = self.address.removeprefix("tcp://")
        self.check(run("call", short, "demo.echo", "[1]"), 0, "[1]\n")
        self.check(run("call", "demo.echo", "[1]", environment={"SLUICE_ADDRESS": short}), 0, "[1]\n")

    def test_call_without_params(self):
        self.check(run("call", self.address, "demo.echo"), 0, "null\n")

    def test_call_over_a_unix_socket(self):
        self.check(run("call", self.daemon.url("unix"), "demo.echo", "[1]"), 0, "[1]\n")

    def test_address_comes_from_the_environment(self):
        self.check(run("call", "demo.echo", "[1]", environment={"SLUICE_ADDRESS": self.address}), 0, "[1]\n")

    def test_result_is_pretty_on_a_terminal(self):
        terminal, side = pty.openpty()
        with subprocess.Popen([SLUICE, "call", self.address, "demo.echo", '{"b":1.0,"a":[]}'], stdout=side) as process:
            self.assertEqual(0, process.wait(RUN_LIMIT_S))
        os.close(side)
        text = os.read(terminal, 4096).decode().replace("\r\n", "\n")
        os.close(terminal)
        self.assertEqual('{\n  "b": 1.0,\n  "a": []\n}\n', text)

    def test_text_from_a_server_cannot_control_the_terminal(self):
        acting = "\x7f\x85\x9b2J\u202e\u2028\u200b"
        escaped = "\\u007f\\u0085\\u009b2J\\u202e\\u2028\\u200b"
        terminal, side = pty.openpty()
        with subprocess.Popen([SLUICE, "call", self.address, "demo.echo", json.dumps([acting], ensure_ascii=False)], stdout=side) as process:
            self.assertEqual(0, process.wait(RUN_LIMIT_S))
        os.close(side)
        text = os.read(terminal, 4096).decode()
        os.close(terminal)
        self.assertIn(escaped, text)
        self.assertEqual([acting], json.loads(text))
        params = json.dumps({"code": 7, "message": acting, "data": acting}, ensure_ascii=False)
        self.check_failure(run("call", self.address, "demo.fail", params), 1, re.escape(escaped))
        piped = run("call", self.address, "demo.echo", json.dumps([acting], ensure_ascii=False))
        self.assertEqual([acting], json.loads(piped.stdout))
        self.assertIn(acting, piped.stdout)

    def test_rpc_error_goes_to_stderr(self):
        self.check_failure(run("call", self.address, "no.such"), 1, r"^sluice: error -32601: Method not found \{.*\}$")
        self.check_failure(
            run("call", self.address, "demo.fail", '{"code":7,"message":"two\\nlines","data":{"k":1.0}}'), 1,
            r'error 7: "two\\nlines" \{"k":1\.0\}')

    def test_deadline_reaches_the_server_and_timeout_the_client(self):
        self.check_failure(run("call", self.address, "demo.sleep", "ms=20000", "--deadline", "50ms"), 1, "error -32002")
        self.check_failure(run("call", self.address, "demo.sleep", "ms=20000", "--timeout", "50ms"), 3, "timed out")

    def test_large_params_come_back_whole(self):
        params = json.dumps(["x" * 1_000_000])
        self.check(run("call", self.address, "demo.echo", "-", text_in=params), 0, params + "\n")

    def test_usage_errors(self):
        for words in (["call"], ["call", self.address], ["call", self.address, "m", "[1"], ["call", "ftp://h/", "m"],
                      ["call", "--timeout", "5", "m"], ["call", "m", "--nonsense"], ["nonsense"], []):
            with self.subTest(words=words):
                self.check_failure(run(*words), 2, "^sluice: ")

    def test_without_a_listener_it_cannot_connect(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
            self.check_failure(run("call", address, "m"), 3, "cannot connect to " + re.escape(address))
            self.check_failure(run("bench", address), 3, "cannot connect to " + re.escape(address))
        self.check_failure(run("call", "unix:///nonexistent/s.sock", "m"), 3, "cannot connect")

    def test_help_and_version_are_results(self):
        self.assertEqual(0, run("--help").returncode)
        self.assertIn("--deadline", run("call", "--help").stdout)
        self.assertRegex(run("--version").stdout, r"^sluice \d")

    # notify

    def test_notify_is_silent(self):
        self.check(run("notify", self.address, "demo.echo", "[1]"), 0, "")
        self.check(run("notify", self.daemon.url("unix"), "no.such"), 0, "")

    # batch

    def test_batch_prints_replies_in_order(self):
        done = run("batch", self.address, text_in="demo.sleep ms=100\n\ndemo.sum [1, 2]\ndemo.echo k=v\n")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([1, 2, 3], [reply["id"] for reply in replies])
        self.assertEqual([{"slept_ms": 100}, 3, {"k": "v"}], [reply["result"] for reply in replies])

    def test_batch_with_an_error(self):
        done = run("batch", self.address, "demo.echo [1]", "no.such")
        self.assertEqual(1, done.returncode)
        self.assertEqual(2, done.stdout.count("\n"))
        self.assertRegex(done.stderr, r"^sluice: call with id 2: error -32601: .*\n$")

    def test_batch_of_json(self):
        calls = [{"method": "demo.echo", "params": [1]}, {"jsonrpc": "2.0", "method": "demo.echo"},
                 {"jsonrpc": "2.0", "id": "x", "method": "demo.echo", "params": [2]}]
        done = run("batch", self.address, json.dumps(calls))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(1, [1]), ("x", [2])], [(reply["id"], reply["result"]) for reply in replies])

    def test_batch_of_notifications_is_silent(self):
        self.check(run("batch", self.address, '[{"jsonrpc":"2.0","method":"demo.echo"}]'), 0, "")

    def test_batch_whose_params_are_a_word_of_their_own(self):
        for params in ("[1, 2]", '{"a": 1}', "a=1"):
            with self.subTest(params):
                self.check_failure(run("batch", self.address, "demo.sum", params), 2, "METHOD is missing; quote each call")

    def test_batch_without_calls(self):
        self.check_failure(run("batch", self.address, text_in="\n"), 2, "no calls")

    # methods, describe

    def test_methods_lists_names(self):
        done = run("methods", self.address)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("demo.echo", [line.split()[0] for line in done.stdout.splitlines()])

    def test_describe_shows_one_method(self):
        done = run("describe", self.address, "demo.subtract")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual("demo.subtract", json.loads(done.stdout)["name"])
        self.check_failure(run("describe", self.address, "no.such"), 1, "no method 'no.such'")

    # bench

    def bench(self, *words):
        done = run("bench", self.address, "--json", "--duration", "300ms", "--warmup", "50ms", *words)
        return done, json.loads(done.stdout)

    def check_clean(self, report):
        for count in ("unanswered", "unsent", "bad_ids", "bad_replies", "connections_lost"):
            self.assertEqual(0, report[count], count)

    def test_bench_closed_loop(self):
        done, report = self.bench("-c", "4", "-d", "8")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertGreater(report["results_per_s"], 0)
        self.assertEqual(report["results"], report["latency_us"]["count"])
        self.check_clean(report)
        latency = report["latency_us"]
        self.assertEqual(sorted(latency[key] for key in ("p50", "p90", "p99", "p99.9", "max")),
                         [latency[key] for key in ("p50", "p90", "p99", "p99.9", "max")])

    def test_bench_open_loop(self):
        done, report = self.bench("-c", "2", "--rate", "200")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual(60, report["latency_us"]["count"])  # what is due in the window, exactly
        self.check_clean(report)

    def test_bench_with_a_number_in_flight_for_all_connections(self):
        for connections, in_flight in ((40, 3), (3, 40)):
            with self.subTest(connections=connections, in_flight=in_flight):
                done, report = self.bench("-c", str(connections), "--in-flight", str(in_flight))
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertGreater(report["results"], connections)
                self.check_clean(report)
        self.check_failure(run("bench", self.address, "--in-flight", "3", "--rate", "5"), 2, "--in-flight")
        self.check_failure(run("bench", self.address, "--in-flight", "3", "-d", "5"), 2, "--in-flight")

    def test_bench_with_large_requests(self):
        done, report = self.bench("-c", "2", "-d", "4", "--size", "300000")
        self.assertEqual(0, done.returncode)
        self.assertGreater(report["results"], 0)
        self.check_clean(report)

    def test_bench_counts_errors_by_code(self):
        done, report = self.bench("--method", "no.such")
        self.assertEqual((1, 0), (done.returncode, report["results"]))
        self.assertEqual(["-32601"], list(report["errors"]))

    def test_bench_report_for_people(self):
        done = run("bench", self.daemon.url("unix"), "--duration", "100ms", "--warmup", "0")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("results/s", done.stdout)


class BrokenServerTest(CommandTest):
    """Servers that do not do their part."""

    def serve(self, serve_one):
        address, thread = self.serve_once(serve_one)
        self.addCleanup(thread.join, RUN_LIMIT_S)
        return address

    def check_unreachable(self, done, pattern):
        self.assertEqual((3, ""), (done.returncode, done.stdout))
        self.assertRegex(done.stderr, pattern)

    def test_connection_closed_without_an_answer(self):
        address = self.serve(lambda connection: connection.recv(100))
        self.check_unreachable(run("call", address, "m"), "closed the connection without an answer")

    def test_an_abandoned_call_resets_the_connection(self):
        seen = []

        def wait_for_end(connection):
            connection.recv(1000)
            try:
                seen.append(connection.recv(1000))
            except ConnectionResetError:
                seen.append("reset")

        address = self.serve(wait_for_end)
        self.check_unreachable(run("call", address, "m", "--timeout", "100ms"), "timed out")
        self.doCleanups()
        self.assertEqual(["reset"], seen)

    def test_answer_that_is_not_json(self):
        def answer(connection):
            connection.recv(1000)
            connection.sendall(b'{"id":1,"result":tru}')

        self.check_unreachable(run("call", self.serve(answer), "m"), "not JSON at byte 20")

    def test_bench_ends_when_the_server_goes(self):
        began = time.monotonic()
        done = run("bench", self.serve(lambda connection: connection.recv(100)), "--duration", "20s", "--json")
        self.assertLess(json.loads(done.stdout)["measured_s"], 10)
        self.assertEqual(3, done.returncode)
        self.assertRegex(done.stderr, "closed every connection")
        self.assertLess(time.monotonic() - began, 10)

    def test_bench_detects_a_second_answer(self):
        def answer(connection):
            request_id = re.search(rb'"id":(\d+)', connection.recv(1000)).group(1)
            connection.sendall((b'{"jsonrpc":"2.0","id":' + request_id + b',"result":1}\n') * 2)
            while connection.recv(1000):
                pass

        done = run("bench", self.serve(answer), "--duration", "100ms", "--warmup", "0", "--json")
        report = json.loads(done.stdout)
        self.assertEqual((1, 1, 1), (done.returncode, report["bad_ids"], report["unanswered"]))
        self.assertIn("first wrong reply", done.stderr)


if __name__ == "__main__":
    unittest.main()
