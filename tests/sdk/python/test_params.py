"""Params are checked against type hints, and bound by position or by name."""

import unittest

from support import HandlerTest

NUMBER = "a number in the range of a 64-bit float"

PLAIN = """
    @method("calc.add")
    def add(a: float, b: float = 1) -> float:
        return a + b

    @method("say")
    def say(text: str, times: int = 1, *, loud: bool = False):
        return (text.upper() if loud else text) * times

    @method("none")
    def none():
        return None

    @method("all")
    def everything(first: int, *rest: int, **more: str):
        return [first, rest, more]

    @method("untyped")
    def untyped(value):
        return value

    @method("root")
    def root(x: float, /, digits: int = 2):
        return round(x ** 0.5, digits)

    @method("middle")
    def middle(a: int, call: Call, b: int = 0):
        return [a, call.method, b]

    @method("late")
    def late(a: int = 1, b: int = 2, call: Call = None):
        return [a, call.method, b]

    @method("refuse")
    def refuse(width: int, height: int):
        raise InvalidParams("/height/x", "more")
"""


class Binding(HandlerTest):
    def test_params_come_by_position_and_by_name(self):
        handler = self.handler(PLAIN)
        for params, result in (([1, 2], 3), ({"a": 1, "b": 2}, 3), ({"b": 2, "a": 1}, 3), ([1], 2), ({"a": 0.5}, 1.5)):
            self.assertEqual(handler.result("calc.add", params), result)
        self.assertEqual(handler.result("say", {"text": "a", "loud": True, "times": 2}), "AA")
        self.assertEqual(handler.result("none"), None)
        self.assertEqual(handler.result("none", {}), None)
        self.assertEqual(handler.result("root", [2]), 1.41)
        self.assertEqual(handler.result("root", {"digits": 1, "x": 2}), 1.4)
        self.assertEqual(handler.result("untyped", [{"a": [1, None]}]), {"a": [1, None]})

    def test_missing_and_surplus_params_are_named(self):
        handler = self.handler(PLAIN)
        self.assert_invalid(handler.error("calc.add"), "/0", NUMBER)
        self.assert_invalid(handler.error("calc.add", {}), "/a", NUMBER)
        self.assert_invalid(handler.error("calc.add", {"b": 1}), "/a", NUMBER)
        self.assert_invalid(handler.error("calc.add", [1, 2, 3]), "/2", "at most 2 params")
        self.assert_invalid(handler.error("none", [1]), "/0", "no params")
        self.assert_invalid(handler.error("none", {"a": 1}), "/a", "no params")
        self.assert_invalid(handler.error("untyped", [1, 2]), "/1", "at most 1 param")
        self.assert_invalid(handler.error("untyped", {"v/~": 2}), "/v~1~0", "the name value")
        self.assert_invalid(handler.error("calc.add", {"a": 1, "c": 1}), "/c", "one of the names a, b")
        self.assert_invalid(handler.error("calc.add", {"x" * 100: 1}), "/" + "x" * 64 + "...", "one of the names a, b")
        self.assert_invalid(handler.error("root", {}), "/x", NUMBER)

    def test_further_params_go_to_args_and_kwargs(self):
        handler = self.handler(PLAIN)
        self.assertEqual(handler.result("all", [1, 2, 3]), [1, [2, 3], {}])
        self.assertEqual(handler.result("all", {"first": 1, "x": "y"}), [1, [], {"x": "y"}])
        self.assert_invalid(handler.error("all", [1, 2, "3"]), "/2", "an integer")
        self.assert_invalid(handler.error("all", {"first": 1, "x": 2}), "/x", "a string")

    def test_a_call_is_not_one_of_the_params(self):
        handler = self.handler(PLAIN)
        self.assertEqual(handler.result("middle", [1, 2]), [1, "middle", 2])
        self.assertEqual(handler.result("middle", {"a": 1}), [1, "middle", 0])
        self.assertEqual(handler.result("late", [5]), [5, "late", 2])
        self.assert_invalid(handler.error("middle", {"a": 1, "call": 2}), "/call", "one of the names a, b")

    def test_a_handlers_own_refusal_names_the_param_as_the_caller_did(self):
        handler = self.handler(PLAIN)
        self.assert_invalid(handler.error("refuse", {"width": 1, "height": 2}), "/height/x", "more")
        self.assert_invalid(handler.error("refuse", [1, 2]), "/1/x", "more")

    def test_a_type_error_inside_a_handler_is_not_the_callers(self):
        handler = self.handler("""
            @method
            def broken(a: int):
                return a + "text"
        """)
        self.assert_reason(handler.error("broken", [1]), -32603, "internal")
        handler.wait_log("TypeError: unsupported operand")


TYPES = """
    import dataclasses, enum
    from typing import Any, Dict, List, Literal, NewType, Optional, Tuple, TypedDict, Union

    class Colour(enum.Enum):
        RED = "red"
        BLUE = "blue"

    class Level(enum.IntEnum):
        LOW = 1

    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 0
        parts: List["Point"] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass
    class Even:
        number: int
        def __post_init__(self):
            if self.number % 2:
                raise ValueError("odd")

    class Base(TypedDict):
        name: str

    class Person(Base, total=False):
        age: int

    UserId = NewType("UserId", int)
    HINTS = {"int": int, "float": float, "str": str, "bool": bool, "null": None, "any": Any, "optional": Optional[int],
             "union": Union[int, str, None], "wide": Union[List[int], Dict[str, int]], "list": List[int], "bare": list,
             "pair": Tuple[int, str], "tuple": Tuple[int, ...], "dict": Dict[str, float],
             "typed": "Person", "point": "Point", "even": Even, "literal": Literal["a", 1, None], "enum": Colour,
             "level": Level, "id": UserId, "none": int}

    def make(hint, name):
        def function(value):
            return [type(value).__name__, value]
        function.__annotations__ = {"value": hint}
        if name == "none":
            function.__defaults__ = (None,)
        method(name)(function)

    for name, hint in HINTS.items():
        make(hint, name)
"""


class Types(HandlerTest):
    def setUp(self):
        self.one = self.handler(TYPES)

    def accepts(self, method, *pairs):
        for value, kind, result in pairs:
            with self.subTest(method=method, value=value):
                self.assertEqual(self.one.result(method, [value]), [kind, result])

    def refuses(self, method, *cases):
        for value, path, expected in cases:
            with self.subTest(method=method, value=value):
                self.assert_invalid(self.one.error(method, [value]), "/0" + path, expected)

    def test_scalars(self):
        self.accepts("int", (1, "int", 1), (10**30, "int", 10**30), (2.0, "int", 2), (-1, "int", -1))
        self.refuses("int", *((value, "", "an integer") for value in (1.5, True, "1", None, [])))
        self.accepts("float", (1, "float", 1.0), (0.5, "float", 0.5))
        number = "a number in the range of a 64-bit float"
        self.refuses("float", *((value, "", number) for value in (True, "1", None, {}, 10**400)))
        self.accepts("str", ("", "str", ""), ("ä\u2028", "str", "ä\u2028"))
        self.refuses("str", *((value, "", "a string") for value in (1, None, [])))
        self.accepts("bool", (True, "bool", True), (False, "bool", False))
        self.refuses("bool", *((value, "", "a boolean") for value in (0, 1, "true", None)))
        self.accepts("null", (None, "NoneType", None))
        self.refuses("null", (0, "", "null"))
        self.accepts("any", (None, "NoneType", None), ([1], "list", [1]))
        self.accepts("id", (5, "int", 5))

    def test_unions(self):
        self.accepts("optional", (None, "NoneType", None), (1, "int", 1), (1.0, "int", 1))
        self.refuses("optional", ("1", "", "an integer, or null"), (True, "", "an integer, or null"))
        self.accepts("none", (None, "NoneType", None), (1, "int", 1))
        self.accepts("union", (None, "NoneType", None), (1, "int", 1), ("a", "str", "a"))
        self.refuses("union", *((value, "", "an integer or a string, or null") for value in (False, [])))
        self.accepts("wide", ([1], "list", [1]), ({"a": 1}, "dict", {"a": 1}))
        self.refuses("wide", ("a", "", "an array or an object"), ([1, "a"], "/1", "an integer"),
                     ({"b/": 0.5}, "/b~1", "an integer"))

    def test_arrays(self):
        self.accepts("list", ([], "list", []), ([1, 2.0], "list", [1, 2]))
        self.refuses("list", ({}, "", "an array"), ("ab", "", "an array"), ([1, [2]], "/1", "an integer"))
        self.accepts("bare", ([1, "a"], "list", [1, "a"]))
        self.accepts("tuple", ([], "tuple", []), ([1], "tuple", [1]))
        self.accepts("pair", ([1, "a"], "tuple", [1, "a"]))
        self.refuses("pair", ([1], "", "an array of 2 values"), ([1, 2], "/1", "a string"),
                     (1, "", "an array of 2 values"))

    def test_objects(self):
        self.accepts("dict", ({"a": 1}, "dict", {"a": 1.0}))
        self.refuses("dict", ([], "", "an object"), ({"a": "b"}, "/a", "a number in the range of a 64-bit float"))
        self.accepts("typed", *((value, "dict", value) for value in ({"name": "Ada"}, {"name": "Ada", "age": 3})))
        self.refuses("typed", ({"age": 3}, "/name", "a string"), ({"name": "", "age": ""}, "/age", "an integer"),
                     ({"name": "", "other": 1}, "/other", "one of the names name, age"), (1, "", "an object"))
        self.accepts("point", ({"x": 1}, "Point", {"x": 1, "y": 0, "parts": []}),
                     ({"x": 1, "parts": [{"x": 2}]}, "Point",
                      {"x": 1, "y": 0, "parts": [{"x": 2, "y": 0, "parts": []}]}))
        self.refuses("point", ({}, "/x", "an integer"),
                     ({"x": 1, "parts": [{"x": 2}, {"x": ""}]}, "/parts/1/x", "an integer"))
        self.accepts("even", ({"number": 2}, "Even", {"number": 2}))
        self.refuses("even", ({"number": 1}, "", "what Even accepts"))

    def test_choices(self):
        self.accepts("literal", ("a", "str", "a"), (1, "int", 1), (None, "NoneType", None))
        self.refuses("literal", *((value, "", 'one of "a", 1, null') for value in (True, "b", [1], {}, 1.5)))
        self.accepts("enum", ("red", "Colour", "red"))
        self.refuses("enum", ("RED", "", 'one of "red", "blue"'), (["red"], "", 'one of "red", "blue"'))
        self.accepts("level", (1, "Level", 1))

    def test_a_number_out_of_range_is_neither_an_integer_nor_a_float(self):
        for method, expected in (("int", "an integer"), ("float", "a number in the range of a 64-bit float")):
            self.one.send_text(f'{{"jsonrpc":"2.0","id":"big","method":"{method}","params":[-1e999]}}\n')
            self.assert_invalid(self.one.reply("big")["error"], "/0", expected)

    def test_hints_may_be_strings_that_name_what_comes_later(self):
        one = self.handler("""
            @method
            def area(shape: "Shape", call: "Call", unit: "str" = "m2") -> "str":
                return f"{shape.side ** 2} {unit}"

            import dataclasses
            @dataclasses.dataclass
            class Shape:
                side: int
        """)
        self.assertEqual(one.result("area", [{"side": 2}]), "4 m2")
        self.assert_invalid(one.error("area", {"shape": {"side": ""}}), "/shape/side", "an integer")

    def test_an_integer_of_too_many_digits_is_refused_with_its_path(self):
        digits = "9" * 5000
        for method, expected in (("int", "an integer"), ("list", None)):
            value = digits if expected else f"[1, {digits}]"
            self.one.send_text(f'{{"jsonrpc":"2.0","id":"long","method":"{method}","params":[{value}]}}\n')
            self.assert_invalid(self.one.reply("long")["error"], "/0" if expected else "/0/1", "an integer")


if __name__ == "__main__":
    unittest.main()
