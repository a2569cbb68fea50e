"""The commands, programs and configurations in README.md and docs/ do what the text says.

The shell blocks of a document run one after another, in a folder that looks like a checkout with a release build, and
in a network of their own, so that the ports are those of the text. A block "as `NAME`:" is written to that file first.
A line "$ COMMAND" of a `console` block prints the lines below it, where "..." stands for anything. A block behind
"<!-- not run: WHY -->" is left out, and one behind "<!-- run where there is: PACKAGE -->" where Python or Node.js lacks
that package. C++ programs are built by tests/examples/test_embedding.py.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from documents import ROOT, blocks, documents, without_blocks

LIMIT_S = 120
MARK = "--- block"
PROGRAMS = {"python": "python3 -", "js": "node -"}
IMPORTS = {"python": ("python3", "-c", "import {}"), "js": ("node", "-e", "require('{}')")}
# Inline code within a sentence: a program of the project with options, as in `sluice bench -c 1 --rate N`.
OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
MENTIONED = re.compile(r"`((?:build/release/bin/)?sluiced?|tests/run\.sh|bench/run\.sh)( [^`\n]*)?`")
ELSEWHERE = {"cpp", "cmake"}  # built by tests/examples/test_embedding.py
# Blocks that are not run: output, formats, and settings of other programs.
SHOWN = {"", "text", "json", "http", "yaml", "nginx", "haproxy"}
# Ends what a document has started; waits for a server that it has just started.
PRELUDE = r"""
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
ready() { # LOG
  for _ in $(seq 600); do
    if grep -qs 'is up as process' "$1"; then return; fi
    sleep 0.05
  done
  echo "the server of $1 is not up" >&2
  exit 1
}
"""


def isolated(script):
    """The command that runs a script in a network of its own."""
    own = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    return [*own, "bash", "-c", "ip link set lo up && exec bash \"$0\"", str(script)]


def environment():
    """Without settings of sluice; Node.js finds the packages of the tests' clients."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE")}
    return {**kept, "NODE_PATH": str(ROOT / "tests/clients/node_modules")}


def has_package(block):
    command = [word.format(block.package) for word in IMPORTS[block.language]]
    return subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=environment()).returncode == 0


def runnable(path):
    return [block for block in blocks(path)
            if not block.reason_not_to_run and (not block.package or has_package(block))]


def is_document(path):
    return path == ROOT / "README.md" or path.is_relative_to(ROOT / "docs")


def commands(block):
    """A block as shell script; "" for one that is not run."""
    if block.file or block.language == "toml" or block.language in SHOWN | ELSEWHERE:
        return ""
    if block.language in PROGRAMS:
        return f"{PROGRAMS[block.language]} <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n"
    if block.language == "console":
        return "".join(line[2:] + "\n" for line in block.text.splitlines() if line.startswith("$ "))
    if block.language == "sh":
        return block.text
    raise AssertionError(f"no test knows what to do with a block in {block.language!r}")


def help_of(program, words):
    """The help of a program of the project; of `sluice` that of the command, with its own options."""
    name = program.rpartition("/")[2]
    command = {"sluiced": [os.environ["SLUICED"]], "sluice": [os.environ["SLUICE"]]}.get(name, [str(ROOT / program)])
    if name == "sluice" and re.match(r" [a-z]", words):
        command.append(words.split()[0])
    return subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout


def shown_output(block):
    """A pattern of what a console block prints."""
    lines = [line for line in block.text.splitlines() if not line.startswith("$ ")]
    return "".join(re.escape(line + "\n").replace(r"\.\.\.", ".*") for line in lines)


class Snippets(unittest.TestCase):
    def setUp(self):
        allowed = subprocess.run(isolated("/dev/null"), capture_output=True, text=True, timeout=LIMIT_S)
        if allowed.returncode != 0:
            self.skipTest(f"no network of its own: {allowed.stderr.strip()}")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "sluiced.toml").touch()  # the defaults, for documents that use the reader's own
        (self.folder / "build/release/bin").symlink_to(pathlib.Path(os.environ["SLUICED"]).resolve().parent)
        for name in ("deploy", "examples", "sdk"):
            (self.folder / name).symlink_to(ROOT / name)

    def run_document(self, path):
        """Runs its blocks; gives those that ran with what each printed."""
        script, ran = [PRELUDE], []
        for block in runnable(path):
            if block.file:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
            text = commands(block)
            if not text:
                continue
            ran.append(block)
            script.append(f"echo '{MARK}'\n")
            for line in text.splitlines(keepends=True):
                started = re.search(r"bin/sluiced .* 2>(\S+) &$", line.rstrip())
                script.append(line + f"ready {started[1]}\n" if started else line)
        if not ran:
            return []
        (self.folder / "script").write_text("".join(script), encoding="utf-8")
        done = subprocess.run(isolated(self.folder / "script"), cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=LIMIT_S, env=environment())
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
        return list(zip(ran, done.stdout.split(MARK + "\n")[1:], strict=True))

    def test_commands_do_what_the_text_says(self):
        for path in documents():
            if not is_document(path):
                continue
            with self.subTest(document=str(path.relative_to(ROOT))):
                for block, output in self.run_document(path):
                    if block.language == "console":
                        self.assertRegex(output, re.compile(rf"\A{shown_output(block)}\Z"))

    def test_lines_of_json_are_valid(self):
        for path in documents():
            for block in blocks(path) if is_document(path) else ():
                for line in block.text.splitlines() if block.language == "json" else ():
                    with self.subTest(document=str(path.relative_to(ROOT)), line=line):
                        json.loads(line)

    def test_options_that_a_sentence_names_are_those_of_the_program(self):
        for path in documents():
            if path.name in ("performance-log.md", "CHANGELOG.md"):  # what once was
                continue
            for program, words in MENTIONED.findall(without_blocks(path.read_text(encoding="utf-8"))):
                with self.subTest(document=str(path.relative_to(ROOT)), command=program + words):
                    known = set(OPTION.findall(help_of(program, words)))
                    self.assertLessEqual(set(OPTION.findall(words)), known | {"--help"})

    def test_configurations_are_valid(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-keyout", "server.key",
                        "-out", "server.pem"], cwd=self.folder, check=True, capture_output=True, timeout=LIMIT_S)
        (self.folder / "authorities.pem").symlink_to("server.pem")
        (self.folder / "node.token").write_text("token")
        for path in documents():
            for number, block in enumerate(block for block in runnable(path) if block.language == "toml"):
                with self.subTest(document=str(path.relative_to(ROOT)), number=number):
                    file = self.folder / "sluiced.toml"
                    file.write_text(block.text, encoding="utf-8")
                    done = subprocess.run([os.environ["SLUICED"], "--check", "--config", file], capture_output=True,
                                          text=True, timeout=LIMIT_S)
                    self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
