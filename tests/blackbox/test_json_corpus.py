"""Every file of a JSON test corpus as params: `y_` must be taken, `n_` refused, `i_` treated alike everywhere.

The corpus is $SLUICE_JSON_CORPUS, else `../shared/json_corpus` beside the checkout; without it this is skipped.
"""

import os
import pathlib
import unittest

from support.daemon import DaemonTest, ROOT, check_reply, code, main, members, parse, without_space

CORPUS = pathlib.Path(os.environ.get("SLUICE_JSON_CORPUS") or ROOT.parent / "shared" / "json_corpus")


def files(prefix):
    return sorted(path for path in CORPUS.glob(prefix + "*.json"))


def call(body):
    """The file's text as the one element of the params."""
    return b'{"jsonrpc":"2.0","method":"demo.echo","id":1,"params":[' + body + b"]}"


@unittest.skipUnless(CORPUS.is_dir(), "no JSON corpus: set SLUICE_JSON_CORPUS")
class Corpus(DaemonTest):
    def reply_text(self, connection, data):
        connection.send(data + b"\n")
        text = connection.receive_text()
        self.assertIsNotNone(text, "closed instead of answered")
        check_reply(parse(text))
        return text

    def test_what_is_json_comes_back_byte_for_byte(self):
        self.assertGreater(len(files("y_")), 50)
        with self.daemon.connect() as connection:
            for path in files("y_"):
                with self.subTest(path.name):
                    body = path.read_bytes()
                    found = members(self.reply_text(connection, call(body)))
                    self.assertIn("result", found, found)
                    sent = "[" + body.decode() + "]"
                    # A result may be written without the white space between its tokens, as replies are compact.
                    self.assertIn(found["result"], (sent, without_space(sent)))
            connection.fence()

    def test_what_is_not_json_is_a_parse_error(self):
        self.assertGreater(len(files("n_")), 100)
        for path in files("n_"):
            if path.name == "n_structure_object_followed_by_closing_object.json":
                continue  # as params its first brace ends the call, which is complete then
            body = path.read_bytes()
            with self.subTest(path.name), self.daemon.connect() as connection:
                connection.send(b'{"jsonrpc":"2.0","method":"demo.echo","id":1,"params":' + body + b"}\n")
                connection.half_close()
                replies = connection.read_to_end()
                self.assertTrue(replies, "not answered")
                self.assertTrue(all(code(reply) in (-32700, -32600) for reply in replies if not isinstance(reply, list)), replies)
                self.assertEqual(code(replies[0]), -32700, replies)
        self.connect().fence()

    def test_what_is_not_json_is_a_parse_error_at_the_top_level(self):
        for path in files("n_"):
            with self.subTest(path.name), self.daemon.connect() as connection:
                connection.send(path.read_bytes())
                connection.half_close()
                codes = [code(reply) for reply in connection.read_to_end() if not isinstance(reply, list)]
                # A stream may hold several values: `1]` is a number, then a broken line.
                allowed = {-32700, -32600}
                self.assertLessEqual(set(codes), allowed, codes)
                if path.read_bytes().strip(b" \t\r\n") and path.name not in SEVERAL_VALUES:
                    self.assertIn(-32700, codes)
        self.connect().fence()

    def test_what_may_be_json_is_treated_alike_everywhere(self):
        for path in files("i_"):
            body = path.read_bytes()
            if b"\n" in body.strip(b"\n"):
                continue
            body = body.strip(b"\n")
            with self.subTest(path.name), self.daemon.connect() as connection:
                verdicts = set()
                for text in (call(body), b"[" + call(body) + b"]", call(body).replace(b"demo.echo", b"demo.echo_inline")):
                    reply = parse(self.reply_text(connection, text))
                    verdicts.add(code(reply[0] if isinstance(reply, list) else reply))
                self.assertEqual(len(verdicts), 1, verdicts)
                self.assertLessEqual(verdicts, {"ok", -32700})
                connection.fence()


# Broken as one JSON text, but no error to a reader of one value after another.
SEVERAL_VALUES = {"n_structure_double_array.json", "n_structure_object_with_trailing_garbage.json"}


if __name__ == "__main__":
    main()
