"""The example module, loaded by a real server. EXAMPLES_DIR holds it."""

import os
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "blackbox"))
from support.daemon import DaemonTest, config_text, eventually, code, main, run_to_end  # noqa: E402

EXAMPLES = pathlib.Path(os.environ.get("EXAMPLES_DIR", "build/debug/bin")).resolve()
MODULE = EXAMPLES.parent / "examples" / "module" / "libwords.so"


@unittest.skipUnless(MODULE.exists(), "the examples are not built")
class Module(DaemonTest):
    def copy(self, directory, change=lambda content: content):
        path = pathlib.Path(directory) / "libwords.so"
        path.write_bytes(change(MODULE.read_bytes()))
        return path

    def test_its_methods_are_served_and_described(self):
        daemon = self.start(backends=[{"name": "words", "module": str(MODULE)}])
        with daemon.connect() as connection:
            self.assertEqual(connection.result("words.sort", {"words": ["b", "a"]}), ["a", "b"])
            self.assertEqual(connection.result("words.join", [["a", "b"], "-"]), "a-b")
            self.assert_error(connection.request("words.sort", {"words": [1]}), -32602, "invalid_params")
            names = [method["name"] for method in connection.result("rpc.discover")["methods"]]
            self.assertIn("words.join", names)

    def test_the_documents_configuration_loads_it(self):
        text = (ROOT / "docs/how-to/load-a-module.md").read_text(encoding="utf-8")
        daemon = self.start()
        self.copy(daemon.directory)
        config = daemon.directory / "document.toml"
        config.write_text(text.partition("```toml\n")[2].partition("```")[0])
        status, _, stderr = run_to_end("--check", "--config", config)
        self.assertEqual(status, 0, stderr)

    def test_a_module_of_another_build_is_refused_before_it_is_loaded(self):
        daemon = self.start()
        mark = b"sluice module build:\n"
        for change, what in (
                (lambda content: content.replace(mark + content[content.index(mark) + len(mark):][:7],
                                                 mark + content[content.index(mark) + len(mark):][:3] + b"\x63\0\0\0"),
                 "built against another libsluice's headers"),
                (lambda content: content.replace(mark, b"another module mark:\n"), "is not a module"),
                (lambda content: content[:100], "is not a module")):
            module = self.copy(daemon.directory, change)
            config = daemon.directory / "module.toml"
            config.write_text(config_text(listen=["tcp://127.0.0.1:0"], backends=[{"name": "words", "module": module.name}]))
            status, _, stderr = run_to_end("--check", "--config", config)
            self.assertEqual(status, 2, stderr)
            self.assertIn(what, stderr)
            self.assertRegex(stderr, r"module.toml:\d+:\d+: backend.module")

    def test_a_reload_with_a_bad_module_changes_nothing(self):
        daemon = self.start(backends=[{"name": "words", "module": str(MODULE)}])
        with daemon.connect() as connection:
            daemon.reload(backends=[{"name": "words", "module": "/nowhere.so"}])
            daemon.wait_log("reload refused")
            self.assertEqual(connection.result("words.sort", [["b", "a"]]), ["a", "b"])
            daemon.reload(backends=None)
            eventually(5, lambda: code(connection.request("words.sort", [[]])) == -32601)

    def summary(self, connection):
        methods = connection.result("rpc.discover")["methods"]
        return next((method["summary"] for method in methods if method["name"] == "words.sort"), None)

    def test_a_file_with_new_content_is_loaded_by_a_reload(self):
        daemon = self.start()
        module = self.copy(daemon.directory)
        backends = [{"name": "words", "module": str(module)}]
        daemon.reload(backends=backends)
        with daemon.connect() as connection:
            eventually(5, lambda: self.summary(connection) == "Sorts words, capitals before small letters.")
            new = module.read_bytes().replace(b"Sorts", b"Ranks")
            module.write_bytes(new)  # in place, as `cp` does: what is served must not change under its callers
            self.assertEqual(connection.result("words.sort", [["b", "a"]]), ["a", "b"])
            daemon.reload(backends=backends)
            eventually(5, lambda: self.summary(connection) == "Ranks words, capitals before small letters.")
            self.assertEqual(connection.result("words.sort", [["b", "a"]]), ["a", "b"])

    def test_a_pipe_is_not_a_module_and_is_not_waited_for(self):
        daemon = self.start()
        os.mkfifo(daemon.directory / "pipe.so")
        daemon.reload(backends=[{"name": "words", "module": str(daemon.directory / "pipe.so")}])
        daemon.wait_log("is not a regular file")
        self.assertEqual(daemon.stop(), 0)

    def test_a_module_without_methods_is_loaded_once(self):
        daemon = self.start()
        module = self.copy(daemon.directory, lambda content: content.replace(b"sluice_module_methods", b"sluice_module_nothing"))
        for _ in range(3):
            before = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
            refusals = daemon.log_text().count("reload refused")
            daemon.reload(backends=[{"name": "words", "module": str(module)}])
            # "it has no methods", or from the loader where something else refers to them.
            eventually(5, lambda: daemon.log_text().count("reload refused") > refusals)
        self.assertEqual(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), before)
        daemon.reload(backends=[{"name": "words", "module": str(MODULE)}])
        with daemon.connect() as connection:
            eventually(5, lambda: code(connection.request("words.sort", [[]])) == "ok")

    def test_overwriting_the_file_does_not_touch_what_runs(self):
        daemon = self.start()
        module = self.copy(daemon.directory)
        daemon.reload(backends=[{"name": "words", "module": str(module)}])
        with daemon.connect() as connection:
            eventually(5, lambda: code(connection.request("words.sort", [[]])) == "ok")
            module.write_bytes(b"\0" * module.stat().st_size)
            self.assertEqual(connection.result("words.join", [["a", "b"], "-"]), "a-b")
            daemon.reload(backends=[{"name": "words", "module": str(module)}])
            daemon.wait_log("reload refused")
            self.assertEqual(connection.result("words.sort", [["b", "a"]]), ["a", "b"])


if __name__ == "__main__":
    main()
