"""The client against servers that want to know who calls. $SLUICED and $SLUICE name the two programs."""

import json
import os
import tempfile
import unittest

from test_cli import RUN_LIMIT_S, CommandTest, run  # first: it finds the modules of the black-box tests
from support.configuration import digest

TOKEN = "a \\ \"token\""
CLIENT = {"name": "deploy", "token_sha256": digest(TOKEN)}


class TokenFile(CommandTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.token = self.file_with(TOKEN + "\n")

    def file_with(self, text):
        path = os.path.join(self.folder, str(len(os.listdir(self.folder))))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def check_failure(self, done, code, pattern):
        super().check_failure(done, code, pattern)
        self.assertNotIn(TOKEN, done.stderr)


class ClientsOnlyTest(TokenFile):
    """A daemon that lets only the client with the token call."""

    options = {"clients": [CLIENT]}

    def test_without_a_token_nothing_may_be_called(self):
        self.check_failure(run("call", self.daemon.url(), "demo.echo"), 1, "error -32016")

    def test_a_token_in_a_file_authenticates_a_call(self):
        for address in (self.daemon.url(), self.daemon.url("unix")):
            done = run("call", address, "demo.echo", "[1]", "--token-file", self.token)
            self.check(done, 0, "[1]\n")

    def test_a_token_in_the_environment_authenticates_a_call(self):
        done = run("call", self.daemon.url(), "demo.echo", "[1]", environment={"SLUICE_TOKEN": TOKEN})
        self.check(done, 0, "[1]\n")

    def test_a_token_on_stdin_authenticates_a_call(self):
        done = run("call", self.daemon.url(), "demo.echo", "[1]", "--token-file", "-", text_in=TOKEN)
        self.check(done, 0, "[1]\n")

    def test_a_file_goes_before_the_environment(self):
        done = run("call", self.daemon.url(), "demo.echo", "--token-file", self.token, environment={"SLUICE_TOKEN": "no"})
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_every_command_that_connects_takes_a_token(self):
        for words in (["methods"], ["describe", "demo.echo"], ["batch", "demo.sum [1]", "demo.echo"], ["notify", "demo.echo"]):
            with self.subTest(words):
                done = run(words[0], self.daemon.url(), *words[1:], "--token-file", self.token)
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertNotIn('"error"', done.stdout)

    def test_each_connection_of_a_benchmark_has_the_token(self):
        done = run("bench", self.daemon.url(), "-c", "3", "--duration", "100ms", "--warmup", "0", "--json", "--token-file", self.token)
        report = json.loads(done.stdout)
        self.assertEqual((0, {}, 0), (done.returncode, report["errors"], report["connections_lost"]), done.stderr)
        self.assertGreater(report["results"], 0)

    def test_a_wrong_token_is_reported_in_the_server_s_words_and_nothing_is_called(self):
        wrong = self.file_with("wrong")
        for words in (["call", self.daemon.url(), "demo.echo"], ["notify", self.daemon.url(), "demo.echo"], ["bench", self.daemon.url()]):
            with self.subTest(words):
                self.check_failure(run(*words, "--token-file", wrong), 1,
                                   r"^sluice: the server refuses the token: error -32016: Not allowed \{.*\}$")


class OtherServerTest(TokenFile):
    """The bytes on the wire, as the test's own server receives them."""

    def serve(self, *answers):
        """Answers the lines of one connection; returns the address, and the list that gets the lines."""
        seen = []

        def answer(connection):
            with connection.makefile("rw", encoding="utf-8") as lines:
                for line in lines:
                    seen.append(json.loads(line))
                    if len(seen) <= len(answers):
                        lines.write(json.dumps({"jsonrpc": "2.0", "id": seen[-1].get("id"), **answers[len(seen) - 1]}) + "\n")
                        lines.flush()

        address, thread = self.serve_once(answer)

        def lines_seen():
            thread.join(RUN_LIMIT_S)
            return seen

        return address, lines_seen

    def test_the_token_goes_first_and_once(self):
        address, seen = self.serve({"result": True})
        self.assertEqual(0, run("notify", address, "m", "[1]", "--token-file", self.token).returncode)
        first, second = seen()
        self.assertEqual(("rpc.authenticate", {"token": TOKEN}), (first["method"], first["params"]))
        self.assertEqual({"jsonrpc": "2.0", "method": "m", "params": [1]}, second)

    def test_without_a_token_nothing_but_the_call_is_sent(self):
        address, seen = self.serve({"result": 1})
        self.assertEqual(0, run("call", address, "m").returncode)
        self.assertEqual(["m"], [message["method"] for message in seen()])

    def test_a_server_that_knows_no_tokens_is_not_called(self):
        address, seen = self.serve({"error": {"code": -32601, "message": "Method not found"}})
        self.check_failure(run("call", address, "m", "--token-file", self.token), 1, "refuses the token: error -32601: Method not found")
        self.assertEqual(1, len(seen()))

    def test_a_second_answer_to_the_token_is_not_the_call_s(self):
        def answer_twice(connection):
            with connection.makefile("rw", encoding="utf-8") as lines:
                first = json.loads(lines.readline())
                for result in (True, "early"):
                    lines.write(json.dumps({"jsonrpc": "2.0", "id": first["id"], "result": result}) + "\n")
                lines.flush()
                second = json.loads(lines.readline())
                lines.write(json.dumps({"jsonrpc": "2.0", "id": second["id"], "result": "right"}) + "\n")

        address, _ = self.serve_once(answer_twice)
        done = run("call", address, "m", "--token-file", self.token)
        self.assertEqual((0, '"right"\n'), (done.returncode, done.stdout), done.stderr)

    def test_an_answer_other_than_true_is_a_refused_token(self):
        address, seen = self.serve({"result": False})
        self.check_failure(run("call", address, "m", "--token-file", self.token), 1, "refuses the token: unexpected answer")
        self.assertEqual(1, len(seen()))


if __name__ == "__main__":
    unittest.main()
