"""How a handler describes its methods, what it refuses to serve, and its command line."""

import json
import unittest

from support import HandlerTest, program

CALC = '''
    import dataclasses
    from typing import Annotated, Any, Dict, List, Literal, Optional, Tuple

    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 0

    @method("calc.add", deprecated=True)
    def add(a: float, b: Annotated[float, "what is added"] = 1) -> float:
        """Adds two
        numbers.

        Their sum
        is returned.
        """
        return a + b

    @method(summary="Short")
    async def many(call: Call, names: List[str], pair: Tuple[int, str], more: Dict[str, bool],
                   one: Optional[Point] = None, kind: Literal["a", 1] = "a") -> None:
        """Long."""

    @method
    def rest(*values: int, **named) -> "object":
        pass

    @method("keys")
    def keys(*, key: Any):
        print("printed")
        return key

    @method
    async def fail(how: str, call: Call):
        call.progress(how)
        if how == "plain":
            raise RuntimeError("secret")
        raise InvalidParams("/how", "something else")
'''


class Announcing(HandlerTest):
    maxDiff = None

    def test_methods_are_announced_as_openrpc_method_objects(self):
        handler = self.handler(CALC)
        self.assertEqual((handler.hello["jsonrpc"], handler.hello["method"], handler.hello["params"]["dialect"]),
                         ("2.0", "rpc.hello", "sluice"))
        methods = {each["name"]: each for each in handler.hello["params"]["methods"]}
        self.assertEqual(list(methods), ["calc.add", "many", "rest", "keys", "fail"])
        self.assertEqual(methods["calc.add"], {
            "name": "calc.add", "summary": "Adds two numbers.", "description": "Their sum\nis returned.",
            "deprecated": True, "paramStructure": "either",
            "params": [{"name": "a", "required": True, "schema": {"type": "number"}},
                       {"name": "b", "required": False, "schema": {"type": "number", "default": 1},
                        "description": "what is added"}],
            "result": {"name": "result", "schema": {"type": "number"}}})
        point = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
                 "required": ["x"], "additionalProperties": False}
        self.assertEqual(methods["many"], {
            "name": "many", "summary": "Short", "description": "Long.", "paramStructure": "either",
            "params": [
                {"name": "names", "required": True, "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "pair", "required": True, "schema": {
                    "type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False,
                    "minItems": 2}},
                {"name": "more", "required": True,
                 "schema": {"type": "object", "additionalProperties": {"type": "boolean"}}},
                {"name": "one", "required": False, "schema": {"anyOf": [point, {"type": "null"}]}},
                {"name": "kind", "required": False, "schema": {"enum": ["a", 1], "default": "a"}}],
            "result": {"name": "result", "schema": {"type": "null"}}})
        self.assertEqual(methods["rest"]["paramStructure"], "by-position")
        self.assertEqual(methods["rest"]["params"][0],
                         {"name": "values", "required": False, "schema": {"type": "integer"}})
        self.assertEqual(methods["keys"]["paramStructure"], "by-name")
        document = handler.result("rpc.discover")
        self.assertEqual((document["openrpc"], document["methods"]), ("1.3.2", handler.hello["params"]["methods"]))

    def test_what_cannot_be_served_is_refused_at_the_start(self):
        cases = (("@method\ndef a(x: bytes): pass\nserve()", "TypeError: a: parameter x: JSON has nothing for"),
                 ("@method\ndef a(x: 'Nowhere'): pass\nserve()", "TypeError: a: name 'Nowhere' is not defined"),
                 ("@method\ndef a(x: dict[int, str]): pass\nserve()", "TypeError: a: parameter x: the keys of"),
                 ("@method('a')\n@method('a')\ndef a(): pass", "ValueError: there is a method a already"),
                 ("@method('rpc.a')\ndef a(): pass", "ValueError: not a name for a method: 'rpc.a'"),
                 ("@method(concurrency=0)\ndef a(): pass", "ValueError: concurrency: an integer from 1 to 1024, not 0"),
                 ("serve(concurrency=2000)", "ValueError: concurrency"))
        for text, expected in cases:
            with self.subTest(text=text):
                code, out, error = self.run_program("from sluice import *\n" + text)
                self.assertEqual((code, out), (1, ""))
                self.assertIn(expected, error)

    def test_decorated_functions_stay_callable(self):
        code, out, _ = self.run_program("""from sluice import *
@method
def a(x: int): return x

@method("b")
def b(call: Call):
    call.progress(1)
    return call.cancelled

print(a("text"), b(Call()))
""")
        self.assertEqual((code, out), (0, "text False\n"))


class CommandLine(HandlerTest):
    def call(self, *arguments):
        return self.run_program(program(CALC), *arguments)

    def test_call_prints_the_result(self):
        for words, result in ((("a=1", "b=2"), "3.0"), (("1", "2"), "3.0"), (("[1, 2]",), "3.0"),
                              (('{"a":1}',), "2.0")):
            self.assertEqual(self.call("--call", "calc.add", *words), (0, result + "\n", ""), words)
        for word, result in (("key=ä", '"ä"'), ("key=[1]", "[1]"), ("key=null", "null"), ("key=", '""'),
                             ("key=NaN", '"NaN"'), ("key=a=b", '"a=b"'), ('key="5"', '"5"')):
            self.assertEqual(self.call("--call", "keys", word), (0, result + "\n", "printed\n"), word)

    def test_a_call_that_fails_is_shown_on_stderr(self):
        code, out, error = self.call("--call", "calc.add", "a=x")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("error -32602: Invalid params", error)
        self.assertIn('"path":"/a"', error)
        code, out, error = self.call("--call", "fail", "how=plain")
        self.assertEqual((code, out), (1, ""))
        self.assertIn('{"jsonrpc":"2.0","method":"rpc.progress","params":{"value":"plain"},"call":1}\n', error)
        self.assertIn("RuntimeError: secret", error)
        code, out, error = self.call("--call", "fail", "other")
        self.assertIn('error -32602: Invalid params {"reason":"invalid_params","path":"/0",'
                      '"expected":"something else"}', error)
        code, out, error = self.call("--call", "calc.sub")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("error -32601: Method not found; there are: calc.add, fail", error)

    def test_wrong_usage_is_exit_code_2(self):
        for words in ((), ("calc.add", "a=1", "2")):
            code, out, error = self.call("--call", *words)
            self.assertEqual((code, out), (2, ""))
            self.assertIn("usage: --call METHOD [key=value...]", error)

    def test_describe_prints_the_methods(self):
        code, out, error = self.call("--describe")
        self.assertEqual((code, error), (0, ""))
        document = json.loads(out)
        self.assertEqual([each["name"] for each in document["methods"]], ["calc.add", "many", "rest", "keys", "fail"])
        self.assertEqual(document["openrpc"], "1.3.2")


if __name__ == "__main__":
    unittest.main()
