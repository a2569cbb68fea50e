"""The examples, each started as its user would and called over a socket. EXAMPLES_DIR holds their binaries."""

import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from support.json_rpc import code  # noqa: E402
from support.logged_process import LoggedProcess  # noqa: E402
from support.stream_client import Connection  # noqa: E402
from support.timing import eventually  # noqa: E402

EXAMPLES = pathlib.Path(os.environ.get("EXAMPLES_DIR", "build/debug/bin"))
WAIT_MAX_S = 30  # on a slow, busy machine


class Program(LoggedProcess):
    """An example that runs, and one connection to it."""

    def __init__(self, *command):
        super().__init__()
        self.launch(command)
        try:
            self.port = int(self.wait_log(r"listening on tcp://127\.0\.0\.1:(\d+)", WAIT_MAX_S)[1])
        except AssertionError:
            self.kill()
            raise
        self.connection = Connection(("127.0.0.1", self.port))
        # Until the connection has been accepted, the end of the program would be a reset to it.
        self.call("rpc.discover", [])

    def send(self, method, params):
        return self.connection.call(method, params)

    def receive(self):
        return self.connection.receive(WAIT_MAX_S)

    def call(self, method, params):
        """The result, or the error object."""
        reply = self.connection.request(method, params, WAIT_MAX_S)
        return reply["error"] if "error" in reply else reply["result"]

    def cancel(self, call):
        """Cancels a call that runs; its error's code."""
        return code(self.connection.cancel(call, WAIT_MAX_S))

    def stop(self):
        """Ends the program by SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        try:
            if self.connection.socket.fileno() >= 0:
                self.connection.read_to_end(WAIT_MAX_S)  # and closes then, as a client does that the server waits for
                self.connection.close()
            return self.wait_exit(WAIT_MAX_S)
        finally:
            self.connection.close()
            self.kill()
            self.end_log()


def run_to_its_end(*command):
    return subprocess.run([str(part) for part in command], stderr=subprocess.PIPE, text=True, timeout=WAIT_MAX_S)


class CalculatorTest(unittest.TestCase):
    def setUp(self):
        self.program = Program(EXAMPLES / "calculator")
        self.addCleanup(lambda: self.program.process.poll() is None and self.program.stop())

    def test_calculates_by_position_and_by_name(self):
        self.assertEqual(self.program.call("calc.add", [1, 2.5]), 3.5)
        self.assertEqual(self.program.call("calc.subtract", {"b": 3, "a": 10}), 7)
        self.assertEqual(self.program.call("calc.multiply", [1.5, 4]), 6)
        self.assertEqual(self.program.call("calc.divide", {"dividend": 1, "divisor": 8}), 0.125)
        self.assertEqual(self.program.call("calc.mean", [[1, 2, 3, 4]]), 2.5)

    def test_division_by_zero_is_an_error_of_the_programs_own(self):
        error = self.program.call("calc.divide", [1, 0])
        self.assertEqual(error, {"code": 1, "message": "Division by zero", "data": {"dividend": 1.0}})

    def test_a_result_is_never_infinite(self):
        self.assertEqual(self.program.call("calc.multiply", [1e300, 1e300])["code"], 2)

    def test_params_that_do_not_fit_are_named(self):
        error = self.program.call("calc.add", {"a": 1, "b": "2"})
        self.assertEqual(error["code"], -32602)
        self.assertEqual(error["data"]["reason"], "invalid_params")
        self.assertEqual(error["data"]["path"], "/b")
        self.assertEqual(self.program.call("calc.mean", [[]])["data"]["path"], "/0")
        self.assertEqual(self.program.call("calc.mean", {"values": []})["data"]["path"], "/values")

    def test_describes_itself(self):
        document = self.program.call("rpc.discover", [])
        self.assertEqual(document["openrpc"], "1.3.2")
        methods = {method["name"]: method for method in document["methods"]}
        self.assertEqual([param["name"] for param in methods["calc.divide"]["params"]], ["dividend", "divisor"])
        self.assertEqual(methods["calc.add"]["result"]["schema"], {"type": "number"})

    def test_stops_in_order(self):
        self.assertEqual(self.program.stop(), 0)

    def test_a_port_in_use_is_named(self):
        address = f"tcp://127.0.0.1:{self.program.port}"
        second = run_to_its_end(EXAMPLES / "calculator", address)
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(self.program.port), second.stderr)


class FileDigestTest(unittest.TestCase):
    CHUNK = 4096

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "root"
        (self.root / "sub").mkdir(parents=True)
        (self.root.parent / "secret").write_text("not for clients")
        self.program = Program(EXAMPLES / "file_digest", self.root)
        self.addCleanup(lambda: self.program.process.poll() is None and self.program.stop())

    def digest(self, path, **more):
        return self.program.call("digest.file", {"path": path, **more})

    def assert_refused(self, path):
        error = self.digest(path)
        self.assertEqual(error.get("code"), -32602, (path, error))
        self.assertEqual(error["data"]["path"], "/path")

    def test_digests_of_the_whole_and_of_each_chunk(self):
        for size in (0, 1, self.CHUNK - 1, self.CHUNK, self.CHUNK + 1, 10 * self.CHUNK + 7):
            content = os.urandom(size)
            (self.root / "sub" / "file").write_bytes(content)
            chunks = [content[at : at + self.CHUNK] for at in range(0, size, self.CHUNK)]
            with self.subTest(size=size):
                answer = self.digest("sub/file", chunk_bytes=self.CHUNK)
                self.assertEqual(answer["sha256"], hashlib.sha256(content).hexdigest())
                self.assertEqual(answer["chunks"], [hashlib.sha256(chunk).hexdigest() for chunk in chunks])
                self.assertEqual(answer["bytes"], size)

    def test_the_chunk_size_may_be_left_out(self):
        content = os.urandom((1 << 20) + 1)
        (self.root / "file").write_bytes(content)
        answer = self.digest("file")
        self.assertEqual(answer["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(len(answer["chunks"]), 2)

    def test_several_calls_at_once(self):
        contents = {name: os.urandom(100 * self.CHUNK) for name in "abc"}
        for name, content in contents.items():
            (self.root / name).write_bytes(content)
        sent = {self.program.send("digest.file", [name, self.CHUNK]): name for name in contents}
        for _ in contents:
            reply = self.program.receive()
            self.assertEqual(reply["result"]["sha256"], hashlib.sha256(contents[sent[reply["id"]]]).hexdigest())

    def test_paths_out_of_the_root_are_refused(self):
        (self.root / "link").symlink_to("../secret")
        (self.root / "absolute_link").symlink_to(self.root.parent / "secret")
        (self.root / "out").symlink_to("..")
        (self.root / "loop").symlink_to("loop")
        for path in ("../secret", "sub/../../secret", "sub/..", "..", str(self.root.parent / "secret"), "/etc/passwd",
                     "link", "absolute_link", "out/secret", "loop", "sub\0/../../secret", "x" * 5000):
            with self.subTest(path=path[:40]):
                self.assert_refused(path)
        self.assertEqual(self.program.call("digest.file", ["../secret"])["data"]["path"], "/0")

    def test_a_link_within_the_root_is_followed(self):
        (self.root / "sub" / "file").write_text("hello")
        (self.root / "link").symlink_to("sub/file")
        self.assertEqual(self.digest("link")["sha256"], hashlib.sha256(b"hello").hexdigest())

    def test_only_regular_files_are_read(self):
        os.mkfifo(self.root / "fifo")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.root / "socket"))
        for path in ("fifo", "socket", "sub", "."):
            with self.subTest(path=path):
                self.assert_refused(path)

    def test_a_missing_file_is_an_error_that_shows_no_path(self):
        self.assertEqual(self.digest("nowhere/file"), {"code": 1, "message": "No such file"})
        self.assertEqual(self.digest(""), {"code": 1, "message": "No such file"})

    def test_chunk_sizes_have_bounds(self):
        (self.root / "file").write_text("hello")
        for size in (0, -1, 4095, 1 << 30, "4096"):
            error = self.digest("file", chunk_bytes=size)
            self.assertEqual((error["code"], error["data"]["path"]), (-32602, "/chunk_bytes"))
        os.truncate(self.root / "file", 4096 * 200_000)
        self.assertEqual(self.digest("file", chunk_bytes=4096)["data"]["path"], "/chunk_bytes")

    def start_a_long_call(self):
        """A sparse file takes no room on disk, and minutes to hash."""
        (self.root / "huge").touch()
        os.truncate(self.root / "huge", 90_000 << 22)
        return self.program.send("digest.file", {"path": "huge", "chunk_bytes": 1 << 22})

    def threads(self):
        return len(os.listdir(f"/proc/{self.program.process.pid}/task"))

    def test_can_be_cancelled_and_leaves_no_thread_behind(self):
        at_rest = self.threads()
        call = self.start_a_long_call()
        eventually(WAIT_MAX_S, lambda: self.threads() > at_rest)
        self.assertEqual(self.program.cancel(call), -32800)
        eventually(WAIT_MAX_S, lambda: self.threads() == at_rest)

    def test_a_disconnect_ends_the_clients_calls(self):
        at_rest = self.threads()
        self.start_a_long_call()
        eventually(WAIT_MAX_S, lambda: self.threads() > at_rest)
        self.program.connection.reset()  # a mere end of sending would let the call go on
        eventually(WAIT_MAX_S, lambda: self.threads() == at_rest)

    def test_stops_in_order(self):
        self.assertEqual(self.program.stop(), 0)

    def test_wrong_arguments(self):
        self.assertEqual(run_to_its_end(EXAMPLES / "file_digest").returncode, 2)
        missing = run_to_its_end(EXAMPLES / "file_digest", self.root / "nowhere")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("nowhere", missing.stderr)


class Helper(unittest.TestCase):
    """Common part of the helpers' examples: a folder, and a program that is stopped at the end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "file"

    def start(self, name, *arguments):
        self.program = Program(EXAMPLES / name, *arguments)
        self.addCleanup(self.stop)
        return self.program

    def stop(self):
        self.assertEqual(self.program.stop(), 0)


class LazyWordsTest(Helper):
    def test_it_is_made_at_its_first_use_and_only_once(self):
        program = self.start("lazy_words", self.file)
        self.assertEqual(program.call("words.contain", ["gate"])["code"], 1)
        self.file.write_text("sluice gate\nweir\n")
        self.assertIs(program.call("words.contain", ["gate"]), True)
        self.file.unlink()
        self.assertIs(program.call("words.contain", ["weir"]), True)
        self.assertIs(program.call("words.contain", ["dam"]), False)


class BackgroundRefreshTest(Helper):
    def test_refreshes_beside_the_calls_and_survives_failures(self):
        program = self.start("background_refresh", self.file)
        program.wait_log("background task refresh failed", WAIT_MAX_S)
        for content in ("one", "two"):
            self.file.write_text(content)
            eventually(WAIT_MAX_S, lambda: program.call("refresh.content", []) == content)

    def test_a_task_can_be_stopped(self):
        program = self.start("background_refresh", self.file)
        self.assertEqual(program.call("refresh.tasks", []), ["refresh"])
        self.assertIs(program.call("refresh.stop", []), True)
        eventually(WAIT_MAX_S, lambda: program.call("refresh.tasks", []) == [])
        self.assertIs(program.call("refresh.stop", []), False)


class FanOutPrimesTest(Helper):
    def test_counts(self):
        program = self.start("fan_out_primes")
        for below, count in ((0, 0), (3, 1), (100_000, 9592), (300_001, 25_997)):
            self.assertEqual(program.call("primes.count", [below]), count)

    def test_can_be_cancelled(self):
        program = self.start("fan_out_primes")
        self.assertEqual(program.cancel(program.send("primes.count", [10**9])), -32800)


class PipelineGrepTest(Helper):
    def test_finds_lines_in_order(self):
        lines = [f"line {n} {'odd' if n % 2 else 'even'}" for n in range(1000)]
        self.file.write_text("\n".join(lines))
        program = self.start("pipeline_grep", self.file)
        self.assertEqual(program.call("text.grep", ["odd"]), lines[1::2])
        self.assertEqual(program.call("text.grep", {"word": "nowhere"}), [])
        self.assertEqual(program.call("text.grep", [""]), lines)
        self.file.write_text("\n".join(lines * 2))
        self.assertEqual(program.call("text.grep", [""])["data"]["path"], "/0")
        self.file.unlink()
        self.assertEqual(program.call("text.grep", ["odd"])["code"], 1)

    def test_can_be_cancelled(self):
        program = self.start("pipeline_grep", self.endless_file())
        self.assertEqual(program.cancel(program.send("text.grep", ["word"])), -32800)

    def endless_file(self):
        """Gigabytes of empty lines would take too long to write: a FIFO that goes on as long as it is read."""
        os.mkfifo(self.file)
        threading.Thread(target=self.write_lines, daemon=True).start()
        return self.file

    def write_lines(self):
        try:
            with open(self.file, "w", encoding="utf-8") as fifo:
                while True:
                    fifo.write("line\n" * 1000)
        except BrokenPipeError:
            pass


class RetryQuotesTest(Helper):
    def test_refusals_are_tried_again(self):
        program = self.start("retry_quotes")
        self.assertEqual(program.call("quote.get", ["SLCE", 3]), {"symbol": "SLCE", "price": 42, "asked": 4})
        self.assertEqual(program.call("quote.get", ["SLCE", 4])["code"], 1)
        self.assertEqual(program.call("quote.get", ["", 0])["code"], 2)


class AccountImagesTest(Helper):
    def test_an_image_beyond_the_memory_limit_is_refused(self):
        program = self.start("account_images")
        self.assertEqual(program.call("image.draw", [256, 1]), 255 * 128)
        self.assertEqual(program.call("image.draw", [8193, 8192])["data"], {"retry_after_ms": 100})
        self.assertEqual(program.call("image.thumbnail", [4096, 8193])["code"], 1)
        self.assertIsInstance(program.call("image.thumbnail", [1024, 1024]), int)
        memory = program.call("image.memory", [])
        self.assertEqual(memory, {"bytes": 0, "peak": 1 << 20, "limit": 64 << 20})


if __name__ == "__main__":
    unittest.main()
