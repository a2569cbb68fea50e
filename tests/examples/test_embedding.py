"""The C++ programs of the documents, each built with its CMake project against the installed copy at $SLUICE_PREFIX,
and called. The text is the documents' own, but for the addresses."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from test_examples import Program
from support.stream_client import Connection
from support.tls import TlsConnection, authority

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "docs"))
from documents import ROOT, blocks, documents  # noqa: E402
from test_snippets import commands, isolated  # noqa: E402

PREFIX = os.environ.get("SLUICE_PREFIX")
TUTORIAL = ROOT / "docs/tutorials/2-embed-in-cpp.md"
BUILD_LIMIT_S = 300


def texts(path, language):
    """The fenced blocks of a document that are in that language."""
    return [block.text for block in blocks(path) if block.language == language]


def step(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=BUILD_LIMIT_S)
    assert done.returncode == 0, done.stdout


@unittest.skipUnless(PREFIX, "set SLUICE_PREFIX to an installed copy")
class Embedding(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, number, replacements=()):
        """Builds and starts the tutorial's C++ program of that number, on addresses that are free."""
        text, = texts(TUTORIAL, "cmake")
        (self.folder / "CMakeLists.txt").write_text(text)
        text = texts(TUTORIAL, "cpp")[number].replace("tcp://127.0.0.1:7070", "tcp://127.0.0.1:0")
        for old, new in (("unix:///tmp/", f"unix://{self.folder}/"), *replacements):
            text = text.replace(old, new)
        (self.folder / "main.cpp").write_text(text)
        step("cmake", "-S", self.folder, "-B", self.folder / "build", f"-DCMAKE_PREFIX_PATH={PREFIX}")
        step("cmake", "--build", self.folder / "build")
        program = Program(self.folder / "build" / "my_server")
        self.addCleanup(lambda: program.process.poll() is None and program.stop())
        return program

    def test_the_commands_print_what_the_tutorial_shows(self):
        block, = (block for block in blocks(TUTORIAL) if block.language == "console")
        for name, language in (("main.cpp", "cpp"), ("CMakeLists.txt", "cmake")):
            (self.folder / name).write_text(texts(TUTORIAL, language)[0].replace("/tmp/", f"{self.folder}/"))
        (self.folder / "sluice").symlink_to(PREFIX)
        started = "build/my_server &\n"
        script = commands(block).replace("/tmp/", f"{self.folder}/")
        self.assertIn(started, script)
        script = script.replace(started, f"{started}until ~/sluice/bin/sluice methods >methods 2>&1; do sleep 0.05; done\n")
        (self.folder / "script").write_text(f"set -e\n{script}")
        done = subprocess.run(isolated(self.folder / "script"), cwd=self.folder, env={**os.environ, "HOME": str(self.folder)},
                              capture_output=True, text=True, timeout=BUILD_LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = "".join(line + "\n" for line in block.text.splitlines() if not line.startswith("$ "))
        self.assertTrue(done.stdout.endswith(shown), done.stdout)

    def test_first_program(self):
        program = self.start(0)
        self.assertEqual(program.call("calc.add", [1, 2.5]), 3.5)
        self.assertEqual(program.call("calc.add", {"b": 1, "a": 2}), 3)
        self.assertEqual(program.call("calc.upper", ["hello"]), "HELLO")
        self.assertEqual(program.call("calc.add", [1, "2"])["data"]["path"], "/1")
        with Connection(str(self.folder / "calc.sock")) as connection:
            connection.call("calc.upper", {"text": "a"})
            self.assertEqual(connection.receive_bytes_through(b"\n"), b'{"jsonrpc":"2.0","id":1,"result":"A"}\n')
        self.assertEqual(program.stop(), 0)

    def test_handlers_of_every_kind(self):
        program = self.start(1)
        self.assertEqual(program.call("point.scale", [{"x": 3, "y": 4}, 2]), {"x": 6, "y": 8})
        self.assertEqual(program.call("point.scale", {"by": 2, "point": {"x": 3}})["code"], -32602)
        self.assertEqual(program.call("calc.divide", [1, 8]), 0.125)
        self.assertEqual(program.call("calc.divide", [1, 0]), {"code": 1, "message": "Division by zero", "data": {"dividend": 1.0}})
        self.assertEqual(program.call("calc.count", [1000]), 1000)
        self.assertEqual(program.call("later", {"ms": 1}), "done")
        self.assertEqual(program.call("later", {"ms": "1"})["data"]["path"], "/ms")
        for method, params in (("calc.count", [10**18]), ("later", {"ms": 3_600_000})):
            with self.subTest(method):
                self.assertEqual(program.cancel(program.send(method, params)), -32800)
        self.assertEqual(program.stop(), 0)

    def test_clients_and_tls(self):
        program = self.start(2, (
            ("5a" * 32, hashlib.sha256(b"abc").hexdigest()), ("tcp://0.0.0.0:7443", "tcp://127.0.0.2:0"),
            ("server.pem", str(authority().certificate("server"))), ("server.key", str(authority().key("server")))))
        self.assertEqual(program.call("calc.add", [1, 2])["code"], -32016)
        self.assertIs(program.call("rpc.authenticate", {"token": "abc"}), True)
        self.assertEqual(program.call("calc.add", [1, 2]), 3)
        port = program.wait_log(r"listening on tcp://127\.0\.0\.2:(\d+)", 30)[1]
        with TlsConnection(("127.0.0.2", int(port)), authority().client()) as connection:
            self.assertEqual(connection.request("calc.add", [1, 2])["error"]["data"]["reason"], "unauthenticated")
        self.assertEqual(program.stop(), 0)


class Documents(unittest.TestCase):
    def test_other_documents_show_only_the_tutorials_programs(self):
        programs = texts(TUTORIAL, "cpp")
        self.assertEqual(len(programs), 3)
        for path in documents():
            for language, known in (("cpp", programs), ("cmake", texts(TUTORIAL, "cmake"))):
                for text in texts(path, language):
                    self.assertIn(text, known, path)


if __name__ == "__main__":
    unittest.main()
