"""Clients of JSON streams that people really use, against a running daemon: each makes calls, a batch where it can, and a notification."""

import json
import shutil
import socket
import subprocess
import unittest

from client_test import NodeTest, NotificationTest  # first: it finds the module below
from support.daemon import limit, main, message


class Node(NodeTest):
    def test_jayson_over_tcp(self):
        self.run_script("jayson_client.mjs", *self.daemon.tcp())

    def test_jayson_over_a_unix_path(self):
        self.run_script("jayson_client.mjs", self.daemon.unix())

    def test_vscode_jsonrpc_over_tcp(self):
        self.run_script("vscode_client.mjs", *self.daemon.tcp())

    def test_vscode_jsonrpc_over_a_unix_path(self):
        self.run_script("vscode_client.mjs", self.daemon.unix())

    def test_ethers_ipc_provider(self):
        self.run_script("ethers_client.mjs", self.daemon.unix())


class PythonStandardLibrary(NotificationTest):
    def test_a_file_made_of_a_socket_reads_line_by_line(self):
        for kind in ("tcp", "unix"):
            self.before = self.subtractions()
            if kind == "tcp":
                connection = socket.create_connection(self.daemon.tcp(), timeout=limit(10))
            else:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(limit(10))
                connection.connect(self.daemon.unix())
            with connection, connection.makefile("rw", encoding="utf-8", newline="\n") as lines:
                def answer(text):
                    lines.write(text + "\n")
                    lines.flush()
                    return json.loads(lines.readline())

                self.assertEqual(answer(message("demo.sum", [1, 2, 4], 1)), {"jsonrpc": "2.0", "result": 7, "id": 1})
                lines.write(message("demo.subtract", [2, 1]) + "\n")
                self.assertEqual([entry["result"] for entry in answer(f"[{message('demo.echo', ['é'], 1)},{message('demo.sum', [1, 1], 2)}]")],
                                 [["é"], 2])
            self.assert_notified(calls_besides=0)

    def test_pretty_printed_requests_and_raw_decode_as_rpc_py_does_it(self):
        with socket.create_connection(self.daemon.tcp(), timeout=limit(10)) as connection:
            decoder, text = json.JSONDecoder(), ""
            for id in range(3):
                connection.sendall(json.dumps({"jsonrpc": "2.0", "method": "demo.echo", "params": {"id": id}, "id": id}, indent=2).encode())
                while True:
                    text += connection.recv(4096).decode()
                    try:
                        reply, end = decoder.raw_decode(text.lstrip())
                        break
                    except ValueError:
                        continue
                text = text.lstrip()[end:]
                self.assertEqual(reply["result"], {"id": id})


@unittest.skipUnless(shutil.which("socat"), "socat is not installed")
class Socat(NotificationTest):
    def exchange(self, address, text):
        done = subprocess.run(["socat", "-t", str(limit(10)), "-", address], input=text, capture_output=True, text=True, timeout=limit(20))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_call_a_batch_and_a_notification_through_a_pipe(self):
        host, port = self.daemon.tcp()
        text = "\n".join([message("demo.sum", [1, 2], 1), message("demo.subtract", [2, 1]),
                          f"[{message('demo.echo', ['a'], 2)},{message('demo.sleep', {'ms': 20}, 3)}]"]) + "\n"
        for address in (f"TCP:{host}:{port}", f"UNIX-CONNECT:{self.daemon.unix()}"):
            with self.subTest(address):
                self.before = self.subtractions()
                replies = self.exchange(address, text)
                single = [reply for reply in replies if isinstance(reply, dict)]
                batch = [reply for reply in replies if isinstance(reply, list)]
                self.assertEqual([reply["result"] for reply in single], [3])
                self.assertEqual([[entry["id"] for entry in replies] for replies in batch], [[2, 3]])
                self.assert_notified(calls_besides=0)

    def test_an_answer_without_a_newline_behind_the_question(self):
        host, port = self.daemon.tcp()
        self.assertEqual([reply["result"] for reply in self.exchange(f"TCP:{host}:{port}", message("demo.echo", [1], 1))], [[1]])


if __name__ == "__main__":
    main()
