"""Handlers for sluiced in Python: write functions, the daemon serves them as JSON-RPC methods.

    from sluice import method, serve

    @method("calc.add")
    def add(a: float, b: float) -> float:
        \"\"\"Adds two numbers.\"\"\"
        return a + b

    serve()

Type hints are the contract: params are checked against them, and rpc.discover shows them as JSON Schema.
`python3 calc.py --call calc.add a=1 b=2` runs one call without a daemon, `--describe` prints the methods.

One file, nothing beyond the standard library, Python 3.9 or newer. Sections: errors, JSON, types, params, methods,
calls, the wire, messages, servers, command line.
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import enum
import functools
import inspect
import json
import json.encoder
import math
import os
import queue
import re
import select
import signal
import sys
import threading
import time
import traceback
import types
import typing
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Set, Tuple, TypeVar, Union

__all__ = ["Call", "Error", "InvalidParams", "method", "publish", "serve", "subscribe"]

READ_BYTES = 64 * 1024  # of one read: what a pipe holds
WAITING_MAX = 4096  # messages that were read and are not answered yet; beyond, stdin is not read
CONCURRENCY_MAX = 1024  # calls of one method at once; the daemon sends a process no more
CANCEL_POLL_S = 0.001  # so often `Call.cancelled` looks for a cancellation at most
WAIT_POLL_S = 0.05  # the same of `Call.wait_cancelled()` outside the event loop of serve()
STEP_CHARACTERS_MAX = 64  # of a name in an error's path
EXPECTED_CHARACTERS_MAX = 200  # of the choices that an error names

_Function = TypeVar("_Function", bound=Callable[..., Any])


# --- Errors ---------------------------------------------------------------------------------------------------------


class Error(Exception):
    """Raised by a handler: the call is answered with this error, as it is."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"error {self.code}: {self.message}" + ("" if self.data is None else f" {_encode(self.data)}")


class InvalidParams(Error):
    """The error -32602: the value at `path`, a JSON pointer such as "/width", is not what was `expected`."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(-32602, "Invalid params", {"reason": "invalid_params", "path": path, "expected": expected})
        self.path = path
        self.expected = expected

    def under(self, step: Union[str, int]) -> InvalidParams:
        """The same error, seen from the value that holds this one under a name or an index."""
        return InvalidParams(_pointer_step(step) + self.path, self.expected)


def _pointer_step(step: Union[str, int]) -> str:
    text = str(step)
    if len(text) > STEP_CHARACTERS_MAX:
        text = text[:STEP_CHARACTERS_MAX] + "..."
    return "/" + text.replace("~", "~0").replace("/", "~1")


def _error(code: int, message: str, reason: str, **more: Any) -> Error:
    return Error(code, message, {"reason": reason, **more})


def _cancelled() -> Error:
    return _error(-32800, "Request cancelled", "cancelled")


def _invalid_request(detail: str) -> Error:
    return _error(-32600, "Invalid Request", "invalid_request", detail=detail)


def _log(text: str) -> None:
    """One write to stderr, which the daemon logs line by line."""
    with contextlib.suppress(OSError, ValueError):  # there may be no stderr
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()


# --- JSON -----------------------------------------------------------------------------------------------------------


def _plain_value(value: Any) -> Any:
    """For results of types that JSON does not have."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (collections.abc.Set, collections.abc.Sequence)) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _encoder() -> Callable[[Any], str]:
    """A function from a value to one line of JSON in ASCII; it raises for what JSON does not have, such as NaN.

    The C encoder is made once: JSONEncoder.encode() makes one per value, which takes longer than most values do.
    Without a table of markers a value that contains itself is a RecursionError.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_plain_value).encode
    encode = make(None, _plain_value, json.encoder.encode_basestring_ascii,  # type: ignore[attr-defined]
                  None, ":", ",", False, False, False)
    return lambda value: "".join(encode(value, 0))


_encode_any = _encoder()
_ESCAPES = re.compile(r"\\ud[89ab]..\\ud[c-f]..|(\\ud[89a-f]..)|\\.")  # the group: half a surrogate pair


def _encode(value: Any) -> str:
    """The same; half a surrogate pair, which a file name may hold and UTF-8 does not have, becomes U+FFFD."""
    text = _encode_any(value)
    return _ESCAPES.sub(lambda found: "\\ufffd" if found[1] else found[0], text) if "\\ud" in text else text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def _read_long_integer(text: str) -> Union[int, float]:
    try:
        return int(text)
    except ValueError:  # more digits than Python reads; a float that is too large is infinite, too
        return -math.inf if text.startswith("-") else math.inf


# --- Types: what a hint accepts, and how rpc.discover shows it ------------------------------------------------------


class _Type:
    """What a type hint means for JSON.

    A value whose type is `exact` passes as it is. Others go through `read`, which returns the value for the handler or
    raises InvalidParams. `expected` finishes the sentence "this should have been ...".
    """

    __slots__ = ("exact", "schema", "expected", "read")

    def __init__(self, exact: Optional[type], schema: Dict[str, Any], expected: str,
                 read: Optional[Callable[[Any], Any]] = None) -> None:
        self.exact = exact
        self.schema = schema
        self.expected = expected
        self.read: Callable[[Any], Any] = read or self.refuse

    def refuse(self, _value: Any = None) -> NoReturn:
        raise InvalidParams("", self.expected)

    def read_part(self, step: Union[str, int], value: Any) -> Any:
        """A value inside another one."""
        if type(value) is self.exact:
            return value
        try:
            return self.read(value)
        except InvalidParams as error:
            raise error.under(step) from None


def _read_integer(value: Any) -> int:
    if type(value) is float and value.is_integer():  # written as 1.0 or 1e3
        return int(value)
    return _INTEGER.refuse()


def _read_number(value: Any) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int:
        with contextlib.suppress(OverflowError):
            return float(value)
    return _NUMBER.refuse()


_ANY = _Type(None, {}, "a value", lambda value: value)
_INTEGER = _Type(int, {"type": "integer"}, "an integer", _read_integer)
_NUMBER = _Type(None, {"type": "number"}, "a number in the range of a 64-bit float", _read_number)
_NULL = _Type(type(None), {"type": "null"}, "null")
_SIMPLE: Dict[Any, _Type] = {
    Any: _ANY, object: _ANY, inspect.Parameter.empty: _ANY, int: _INTEGER, float: _NUMBER, None: _NULL,
    type(None): _NULL, str: _Type(str, {"type": "string"}, "a string"),
    bool: _Type(bool, {"type": "boolean"}, "a boolean"),
}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_UNIONS = (Union, getattr(types, "UnionType", Union))
_QUALIFIERS = ("Required", "NotRequired", "ReadOnly")  # of TypedDict's members
_objects: Dict[Any, _Type] = {}  # of classes, by class


def _type_of(hint: Any) -> _Type:
    """The type that a hint means. Raises TypeError for what JSON does not have."""
    hint = _without_wrapping(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None and isinstance(hint, collections.abc.Hashable) and hint in _SIMPLE:
        return _SIMPLE[hint]
    if origin in _UNIONS:
        return _union_of([_type_of(each) for each in arguments])
    if origin is typing.Literal:
        return _choice_of((each.value if isinstance(each, enum.Enum) else each, each) for each in arguments)
    kind = origin or hint
    if kind in _LISTS:
        return _list_of(_type_of(arguments[0] if arguments else Any))
    if kind is tuple:
        return _tuple_of(arguments)
    if kind in _MAPPINGS:
        return _mapping_of(arguments)
    if isinstance(kind, type):
        if issubclass(kind, enum.Enum):
            return _choice_of((member.value, member) for member in kind)
        if dataclasses.is_dataclass(kind) or hasattr(kind, "__required_keys__"):
            return _object_of(kind)
    raise TypeError(f"JSON has nothing for the type {hint!r}")


def _without_wrapping(hint: Any) -> Any:
    """What an Annotated, a NewType, a TypeVar or an alias stands for."""
    while True:
        if hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif isinstance(hint, TypeVar):
            hint = hint.__bound__ if hint.__bound__ is not None else Any
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif getattr(typing.get_origin(hint), "_name", None) in _QUALIFIERS:
            hint = typing.get_args(hint)[0]
        else:
            return hint


def _union_of(members: List[_Type]) -> _Type:
    others = [each for each in members if each is not _NULL]
    is_nullable = len(others) < len(members)
    expected = " or ".join(dict.fromkeys(each.expected for each in others)) + (", or null" if is_nullable else "")
    shown = [each.schema for each in others] + ([_NULL.schema] if is_nullable else [])
    schema: Dict[str, Any] = {"anyOf": shown} if all(shown) else {}  # {} is any value

    def read(value: Any) -> Any:
        inside = []
        for each in members:
            if type(value) is each.exact:
                return value
        for each in members:
            try:
                return each.read(value)
            except InvalidParams as error:
                inside += [error] if error.path else []
        raise inside[0] if len(inside) == 1 else InvalidParams("", expected)

    return _Type(others[0].exact if len(others) == 1 else None, schema, expected, read)


def _choice_of(pairs: Iterable[Tuple[Any, Any]]) -> _Type:
    """JSON values that are allowed, and what the handler gets for each. True is not 1."""
    known = {(type(value), value): result for value, result in pairs}
    values = [value for _, value in known]
    expected = "one of " + ", ".join(map(_encode, values))
    if len(expected) > EXPECTED_CHARACTERS_MAX:
        expected = expected[:EXPECTED_CHARACTERS_MAX] + "..."

    def read(value: Any) -> Any:
        if isinstance(value, (list, dict)) or (type(value), value) not in known:
            raise InvalidParams("", expected)
        return known[type(value), value]

    return _Type(None, {"enum": values}, expected, read)


def _list_of(item: _Type) -> _Type:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise InvalidParams("", "an array")
        return [item.read_part(at, each) for at, each in enumerate(value)]

    return _Type(None, {"type": "array", "items": item.schema}, "an array", read)


def _tuple_of(hints: Tuple[Any, ...]) -> _Type:
    if not hints or hints[1:] == (Ellipsis,):
        each = _list_of(_type_of(hints[0] if hints else Any))
        return _Type(None, each.schema, each.expected, lambda value: tuple(each.read(value)))
    items = [] if hints == ((),) else [_type_of(hint) for hint in hints]
    expected = f"an array of {len(items)} values"
    schema = {"type": "array", "prefixItems": [item.schema for item in items], "items": False, "minItems": len(items)}

    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != len(items):
            raise InvalidParams("", expected)
        return tuple(item.read_part(at, each) for at, (item, each) in enumerate(zip(items, value)))

    return _Type(None, schema, expected, read)


def _mapping_of(hints: Tuple[Any, ...]) -> _Type:
    if hints and _type_of(hints[0]) not in (_SIMPLE[str], _ANY):
        raise TypeError(f"the keys of an object are strings, not {hints[0]!r}")
    member = _type_of(hints[1] if hints else Any)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise InvalidParams("", "an object")
        return {name: member.read_part(name, each) for name, each in value.items()}

    return _Type(None, {"type": "object", "additionalProperties": member.schema}, "an object", read)


def _object_of(kind: Any) -> _Type:
    """A dataclass or a TypedDict. A class that contains itself is shown as an object inside its own schema."""
    if kind in _objects:
        return _objects[kind]
    made = _objects[kind] = _Type(None, {"type": "object"}, "an object")
    hints = typing.get_type_hints(kind, include_extras=True)
    if dataclasses.is_dataclass(kind):
        required = {field.name: field.default is field.default_factory is dataclasses.MISSING
                    for field in dataclasses.fields(kind) if field.init}
    else:
        required = {name: _is_required(kind, name, hint) for name, hint in hints.items()}
    parts = {name: _type_of(hints[name]) for name in required}
    make = dict if issubclass(kind, dict) else kind

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise InvalidParams("", "an object")
        for name in value:
            if name not in parts:
                raise InvalidParams("", _names_of(list(parts))).under(name)
        for name, is_required in required.items():
            if is_required and name not in value:
                raise InvalidParams("", parts[name].expected).under(name)
        values = {name: parts[name].read_part(name, each) for name, each in value.items()}
        try:
            return make(**values)
        except ValueError:  # of its __post_init__
            raise InvalidParams("", f"what {make.__name__} accepts") from None

    made.read = read
    made.schema = {"type": "object", "properties": {name: part.schema for name, part in parts.items()},
                   "required": [name for name in parts if required[name]], "additionalProperties": False}
    return made


def _is_required(kind: Any, name: str, hint: Any) -> bool:
    # Where hints are strings, __required_keys__ does not know the members' own qualifiers.
    qualifier = getattr(typing.get_origin(hint), "_name", None)
    return bool(qualifier == "Required" or (qualifier != "NotRequired" and name in kind.__required_keys__))


def _names_of(names: List[str]) -> str:
    if not names:
        return "no params"
    return ("the name " if len(names) == 1 else "one of the names ") + ", ".join(names)


# --- Params: from an array or an object to the arguments of a function ----------------------------------------------


class _Param:
    """A parameter of a function, as callers see it."""

    __slots__ = ("name", "type", "exact", "default", "description")

    def __init__(self, parameter: inspect.Parameter, hint: Any) -> None:
        self.name = parameter.name
        self.default = parameter.default
        self.type = _type_of(Optional[hint] if self.default is None else hint)
        self.exact = self.type.exact
        self.description = next((text for text in getattr(hint, "__metadata__", ()) if isinstance(text, str)), None)

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty

    def describe(self) -> Dict[str, Any]:
        schema = self.type.schema
        if not self.is_required and self.default is not None:
            with contextlib.suppress(Exception):  # a default that JSON does not have is not shown
                schema = {**schema, "default": json.loads(_encode(self.default))}
        described = {"name": self.name, "required": self.is_required, "schema": schema}
        return {**described, "description": self.description} if self.description else described


class _Params:
    """The parameters of a function: what it accepts by position, by name, and whether it wants its Call."""

    def __init__(self, function: Callable[..., Any], hints: Dict[str, Any]) -> None:
        self.positional: List[_Param] = []
        self.named: Dict[str, _Param] = {}
        self.without_name: List[_Param] = []  # positional-only, also filled by name
        self.rest: Optional[_Param] = None  # *args
        self.others: Optional[_Param] = None  # **kwargs
        self.call_name: Optional[str] = None
        self.call_at: Optional[int] = None  # its position, unless it is keyword-only
        self.only_named: List[_Param] = []
        for name, parameter in inspect.signature(function).parameters.items():
            hint = hints.get(name, Any)
            if hint is Call or Call in typing.get_args(hint):
                self.call_name = name
                self.call_at = None if parameter.kind is parameter.KEYWORD_ONLY else len(self.positional)
            else:
                self._add(parameter, hint)
        self.required = [each for each in self.named.values() if each.is_required]
        self.required_count = sum(each.is_required for each in self.positional)

    def _add(self, parameter: inspect.Parameter, hint: Any) -> None:
        try:
            param = _Param(parameter, hint)
        except TypeError as error:
            raise TypeError(f"parameter {parameter.name}: {error}") from None
        if parameter.kind is parameter.VAR_POSITIONAL:
            self.rest = param
        elif parameter.kind is parameter.VAR_KEYWORD:
            self.others = param
        else:
            self.named[param.name] = param
            (self.only_named if parameter.kind is parameter.KEYWORD_ONLY else self.positional).append(param)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self.without_name.append(param)

    def bind(self, params: Any, call: Any) -> Tuple[List[Any], Dict[str, Any]]:
        """The arguments and keyword arguments for the function. Raises InvalidParams."""
        if type(params) is dict:
            arguments, named = self._bind_names(params)
        else:
            arguments, named = self._bind_positions(params), {}
        if self.call_name is not None:
            if self.call_at is not None and self.call_at <= len(arguments):
                arguments.insert(self.call_at, call)
            else:
                named[self.call_name] = call
        return arguments, named

    def _bind_positions(self, values: List[Any]) -> List[Any]:
        arguments: List[Any] = []
        for param, value in zip(self.positional, values):
            if type(value) is not param.exact:
                value = param.type.read_part(len(arguments), value)
            arguments.append(value)
        count = len(arguments)
        if count < self.required_count:
            raise InvalidParams("", self.positional[count].type.expected).under(count)
        if count < len(values):
            if self.rest is None:
                most = f"at most {count} param{'s' if count > 1 else ''}" if count else "no params"
                raise InvalidParams("", most).under(count)
            arguments += [self.rest.type.read_part(at, values[at]) for at in range(count, len(values))]
        for param in self.only_named:
            if param.is_required:
                raise InvalidParams("", param.type.expected).under(param.name)
        return arguments

    def _bind_names(self, values: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
        named = {}
        for name, value in values.items():
            param = self.named.get(name) or self.others
            if param is None or name == self.call_name:
                raise InvalidParams("", _names_of(list(self.named))).under(name)
            named[name] = value if type(value) is param.exact else param.type.read_part(name, value)
        for param in self.required:
            if param.name not in named:
                raise InvalidParams("", param.type.expected).under(param.name)
        return [named.pop(param.name, param.default) for param in self.without_name], named

    def as_sent(self, params: Any, error: Error) -> Error:
        """A handler's InvalidParams names a parameter; a caller by position sees its number."""
        if isinstance(error, InvalidParams) and type(params) is list:
            for at, param in enumerate(self.positional):
                step = _pointer_step(param.name)
                if (error.path + "/").startswith(step + "/"):
                    return InvalidParams(f"/{at}{error.path[len(step):]}", error.expected)
        return error

    def describe(self) -> Tuple[str, List[Dict[str, Any]]]:
        """The member paramStructure, and the params, of an OpenRPC method object."""
        structure = "by-position" if self.rest else "by-name" if self.others or self.only_named else "either"
        more = [{"name": each.name, "required": False, "schema": each.type.schema}
                for each in (self.rest, self.others) if each]
        return structure, [param.describe() for param in self.named.values()] + more


# --- Methods --------------------------------------------------------------------------------------------------------


class _Unsaid(int):
    """A default that differs from the same number when a caller gives it."""


class _Handler:
    """A function or a coroutine, under the name of a method or a topic."""

    def __init__(self, name: str, function: Callable[..., Any], concurrency: int) -> None:
        self.name = name
        self.function = function
        self.concurrency = concurrency
        self.is_async = any(map(inspect.iscoroutinefunction, (function, getattr(function, "__call__", None))))
        # For the server:
        self.limit: Optional[int] = None
        self.threads: Optional[concurrent.futures.ThreadPoolExecutor] = None
        self.permits: Optional[asyncio.Semaphore] = None

    def limit_within(self, default: Optional[int]) -> Optional[int]:
        """How many run at once; None: any number. `default` is what serve() was given."""
        if not isinstance(self.concurrency, _Unsaid):
            return self.concurrency
        return default or (None if self.is_async else 1)

    def as_sent(self, params: Any, error: Error) -> Error:
        return error


class _Subscriber(_Handler):
    """For the events of a topic, or of all topics under a prefix such as `orders.*`; one at a time."""

    def __init__(self, topic: str, function: Callable[..., Any]) -> None:
        super().__init__(topic, function, 1)

    def matches(self, topic: str) -> bool:
        return topic == self.name or (self.name.endswith("*") and topic.startswith(self.name[:-1]))


class _Method(_Handler):
    """Under the name that callers use."""

    def __init__(self, name: str, function: Callable[..., Any], concurrency: int, summary: Optional[str],
                 deprecated: bool) -> None:
        super().__init__(name, function, concurrency)
        text = inspect.getdoc(function) or ""
        first, _, rest = text.partition("\n\n")
        self.summary = summary or " ".join(first.split())
        self.description = (text if summary else rest).strip()
        self.deprecated = deprecated
        self._params: Optional[_Params] = None
        self._result: Dict[str, Any] = {}

    def as_sent(self, params: Any, error: Error) -> Error:
        return self.params.as_sent(params, error)

    @property
    def params(self) -> _Params:
        """Made when it is first needed, so that hints may name what stands further down in the program."""
        if self._params is None:
            try:
                hints = _hints_of(self.function)
                self._params = _Params(self.function, hints)
            except (NameError, TypeError) as error:
                raise TypeError(f"{self.name}: {error}") from None
            with contextlib.suppress(TypeError):
                self._result = _type_of(hints.get("return", Any)).schema
        return self._params

    def describe(self) -> Dict[str, Any]:
        """Its OpenRPC method object."""
        structure, params = self.params.describe()
        texts = {"summary": self.summary, "description": self.description}
        return {"name": self.name, **{key: text for key, text in texts.items() if text},
                **({"deprecated": True} if self.deprecated else {}), "paramStructure": structure, "params": params,
                "result": {"name": "result", "schema": self._result}}


def _hints_of(function: Any) -> Dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return typing.get_type_hints(function if inspect.isroutine(function) else function.__call__, include_extras=True)


_methods: Dict[str, _Method] = {}
_subscribers: List[_Subscriber] = []


@typing.overload
def method(name: _Function) -> _Function: ...


@typing.overload
def method(name: Optional[str] = None, *, concurrency: int = 1, summary: Optional[str] = None,
           deprecated: bool = False) -> Callable[[_Function], _Function]: ...


def method(name: Any = None, *, concurrency: int = _Unsaid(1), summary: Optional[str] = None,
           deprecated: bool = False) -> Any:
    """Serves a function or a coroutine as a method; its own name is the default. It stays callable as it is.

    `concurrency` is how many calls run at once. A function with 1, the default, runs in the main thread, one call after
    another with all others like it, so that it needs no locks. With more it runs in so many threads. Coroutines overlap
    unless `concurrency` is given. A parameter annotated `Call` gets the call, and is not one of the method's params.
    """
    _check_concurrency(concurrency)

    def add(function: _Function) -> _Function:
        called = function.__name__ if name is None or callable(name) else name
        if not isinstance(called, str) or not called or called.startswith("rpc."):
            raise ValueError(f"not a name for a method: {called!r}")
        if called in _methods:
            raise ValueError(f"there is a method {called} already")
        _methods[called] = _Method(called, function, concurrency, summary, deprecated)
        return function

    return add(name) if callable(name) else add


def subscribe(topic: str) -> Callable[[_Function], _Function]:
    """Calls a function or a coroutine as `f(topic, data)` for each event of a topic, or of a prefix such as `orders.*`.

    The backend's `subscribe` in the daemon's configuration decides which topics it gets. Events come in order, one at a
    time.
    """

    def add(function: _Function) -> _Function:
        _subscribers.append(_Subscriber(topic, function))
        return function

    return add


def _check_concurrency(value: Optional[int]) -> None:
    if value is not None and (isinstance(value, bool) or not 1 <= value <= CONCURRENCY_MAX):
        raise ValueError(f"concurrency: an integer from 1 to {CONCURRENCY_MAX}, not {value!r}")


# --- Calls ----------------------------------------------------------------------------------------------------------


class Call:
    """The call that a handler runs: its time limit, its cancellation, and messages to its caller. For any thread."""

    __slots__ = ("id", "method", "deadline", "_host", "_handler", "_timeout_ms", "_params", "_arguments", "_named",
                 "_is_cancelled", "_is_answered", "_has_begun", "_saw_end", "_task", "_event", "_awaits_cancel")

    def __init__(self, id: Any = None, method: str = "", deadline: float = math.inf) -> None:
        self.id = id
        """The number by which the daemon knows it; None for a notification."""
        self.method = method
        self.deadline = deadline
        """The end of its time limit, on the clock of time.monotonic(); `inf` without a limit."""
        self._host: Optional[_Host] = None  # what runs it; in a test of a handler there may be none
        self._handler: Any = None
        self._timeout_ms: Any = None
        self._params: Any = None  # as they were sent
        self._arguments: List[Any] = []  # as the handler gets them
        self._named: Dict[str, Any] = {}
        self._is_cancelled = False
        self._is_answered = False  # guarded by the host's lock: nothing is sent for it any more
        self._has_begun = False
        self._saw_end = False  # the handler knows that it is cancelled, or past its time limit
        self._task: Optional[asyncio.Task[None]] = None
        self._event: Optional[asyncio.Event] = None
        self._awaits_cancel = False  # the handler itself awaits wait_cancelled()

    @property
    def remaining(self) -> float:
        """Seconds that are left of its time limit, at least 0; `inf` without a limit."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether no caller waits for the result any more: cancelled, disconnected, or past the time limit.

        A handler that has seen it may return anything: the call is answered with an error.
        """
        if not self._is_cancelled and self._host is not None:
            self._host.look_for_cancel()
        self._saw_end = self._saw_end or self._is_cancelled or time.monotonic() >= self.deadline
        return self._saw_end

    async def wait_cancelled(self) -> None:
        """Returns when `cancelled` has become true. Other awaits of a cancelled coroutine raise CancelledError."""
        if self._host is None or self._host.loop is not asyncio.get_running_loop():
            while not self.cancelled:
                await asyncio.sleep(min(WAIT_POLL_S, self.remaining))
            return
        if self._event is None:
            self._event = asyncio.Event()
            if self._is_cancelled:
                self._event.set()
        is_handler = asyncio.current_task() is self._task
        self._awaits_cancel = self._awaits_cancel or is_handler
        try:
            left = None if self.deadline == math.inf else self.remaining
            await asyncio.wait_for(self._event.wait(), left)
        except asyncio.TimeoutError:
            pass
        finally:
            if is_handler:
                self._awaits_cancel, self._saw_end = False, True

    def progress(self, value: Any, *, key: Optional[str] = None) -> None:
        """Tells the caller how far it is: sends the note `rpc.progress {"value": value}`."""
        self.notify("rpc.progress", {"value": value}, key=key)

    def notify(self, method: str, params: Any, *, key: Optional[str] = None) -> None:
        """Sends the caller a note: a notification before the reply. One with the same `key` may replace it on the way.

        Dropped once the call is answered. Raises ValueError or TypeError for params that JSON does not have.
        """
        if self._host is None or self._is_answered:
            return
        more = "" if key is None else f',"key":{_encode(key)}'
        self._host.send(f'{{"jsonrpc":"2.0","method":{_encode(method)},"params":{_encode(params)},'
                        f'"call":{_encode(self.id)}{more}}}\n', self)

    def publish(self, topic: str, data: Any) -> None:
        """The function of that name."""
        publish(topic, data)

    def _cancel(self) -> None:
        """In the thread of the event loop, if there is one."""
        self._is_cancelled = True
        if self._event is not None:
            self._event.set()
        if self._task is not None and not self._awaits_cancel:
            self._task.cancel()


class _Host:
    """Where calls run: what they send goes through it."""

    loop: Optional[asyncio.AbstractEventLoop] = None

    def send(self, line: str, call: Optional[Call] = None, is_reply: bool = False) -> None:
        """Writes a line. Of a call that is answered nothing is sent, nor is a second reply. From any thread."""
        raise NotImplementedError

    def look_for_cancel(self) -> None:
        """Reads cancellations that have arrived, where no other thread does."""


_host: Optional[_Host] = None  # while serve() runs


def publish(topic: str, data: Any) -> None:
    """Publishes an event. From any thread, while serve() runs; the backend needs the right to (`publish`).

    Raises ValueError or TypeError for data that JSON does not have.
    """
    host = _host
    if host is None:
        raise RuntimeError("publish() works while serve() runs")
    host.send(f'{{"jsonrpc":"2.0","method":"rpc.publish","params":{{"topic":{_encode(topic)},'
              f'"data":{_encode(data)}}}}}\n')


# --- The wire -------------------------------------------------------------------------------------------------------


class _Wire:
    """The pipes to the daemon, out of the reach of print() and of libraries that use the descriptors 0 and 1."""

    def __init__(self) -> None:
        self.input = os.dup(0)
        self.output = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        try:
            os.dup2(2, 1)
        except OSError:  # there is no stderr
            os.dup2(nothing, 1)
        os.close(nothing)
        with contextlib.suppress(AttributeError, OSError, ValueError):  # a stdout of the program's own stays as it is
            sys.stdout.flush()
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[attr-defined]
        self.lock = threading.Lock()  # held for the write of whole lines, and for Call._is_answered
        self.is_broken = False
        self._pieces: List[bytes] = []  # of a line whose end has not come

    def lines(self, data: bytes) -> List[bytes]:
        """The lines that these bytes complete. The daemon's max_message bounds them."""
        if b"\n" not in data:
            self._pieces.append(data)
            return []
        if self._pieces:
            data = b"".join([*self._pieces, data])
            self._pieces.clear()
        lines = data.split(b"\n")
        rest = lines.pop()
        if rest:
            self._pieces.append(rest)
        return lines

    def write(self, data: bytes) -> None:
        """Writes all bytes, with the lock held. Without a reader they are dropped: the end of stdin follows."""
        while data and not self.is_broken:
            try:
                data = data[os.write(self.output, data):]
            except BlockingIOError:
                select.select([], [self.output], [])
            except OSError:
                self.is_broken = True

    def end_input(self) -> None:
        """The next read finds the end; what the pipe holds stays there for the daemon. Also for a signal handler.

        The pipe stays open: closed, it would tell the daemon that this process has failed.
        """
        os.dup(self.input)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, self.input, inheritable=False)
        os.close(nothing)


# --- Messages: what a line means, and the text of a reply -----------------------------------------------------------


def _result_line(id: Any, result: Any) -> str:
    return f'{{"jsonrpc":"2.0","id":{id if type(id) is int else _encode(id)},"result":{_encode(result)}}}\n'


def _error_line(id: Any, error: Error) -> str:
    shown = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    return f'{{"jsonrpc":"2.0","id":{_encode(id)},"error":{_encode(shown)}}}\n'


def _decode_line(line: bytes) -> Any:
    """The value on a line; None on an empty one. Raises Error."""
    try:
        text = line.decode()
        value, end = _decode(text)
        if end == len(text) and value is not None:
            return value
    except (ValueError, RecursionError):
        pass
    try:  # a byte order mark, white space, CRLF, a very long integer, or not JSON at all
        text = line.decode("utf-8-sig").strip(" \t\r\n")
        if not text:
            return None
        value = json.loads(text, parse_constant=_no_constant, parse_int=_read_long_integer)
    except (ValueError, RecursionError):
        raise _error(-32700, "Parse error", "parse") from None
    return False if value is None else value


def _is_request(message: Any) -> bool:
    """False for a reply, which must not be answered. Raises Error for what is neither."""
    if type(message) is not dict:
        raise _invalid_request("one object a line, with jsonrpc, method, params and id")
    if "method" not in message and ("result" in message or "error" in message):
        _log("a reply on stdin, to nothing that was asked")
        return False
    if message.get("jsonrpc") != "2.0":
        raise _invalid_request('jsonrpc must be "2.0"')
    if type(message.get("method")) is not str:
        raise _invalid_request("method must be a string")
    if isinstance(message.get("id"), (bool, list, dict)) or message.get("id") in (math.inf, -math.inf):
        raise _invalid_request("id must be a string, a number or null")
    return True


def _params_of(message: Dict[str, Any]) -> Any:
    params = message.get("params", _NO_PARAMS)
    if type(params) is list or type(params) is dict:
        return params
    raise _invalid_request("params must be an array or an object")


_NO_PARAMS: List[Any] = []


# --- Servers --------------------------------------------------------------------------------------------------------


class _Server(_Host):
    """Reads messages and answers them, until stdin ends. Subclasses say in which threads handlers run."""

    def __init__(self) -> None:
        self.hello = {"dialect": "sluice", "methods": _described()}  # finds a hint that can't be served
        self.wire = _Wire()
        self.at_end = False  # of stdin, or asked to end

    def run(self) -> None:
        global _host
        self.send(_encode({"jsonrpc": "2.0", "method": "rpc.hello", "params": self.hello}) + "\n")
        _host = self  # now others may send: its own line has to be the first
        self.serve()

    def serve(self) -> None:
        """Until stdin ends and what was read is done."""
        raise NotImplementedError

    def end(self) -> None:
        """Lets serve() read no more. For a signal handler in the main thread."""
        raise NotImplementedError

    def start(self, call: Call) -> None:
        """Runs it in its handler's thread. An event is a call that no caller waits for."""
        raise NotImplementedError

    def cancel(self, call_id: Union[int, str]) -> None:
        raise NotImplementedError

    def send(self, line: str, call: Optional[Call] = None, is_reply: bool = False) -> None:
        data = line.encode("ascii")
        with self.wire.lock:
            if call is not None:
                if call._is_answered:
                    return
                call._is_answered = is_reply
            self.wire.write(data)

    def take_line(self, line: bytes, received: float) -> None:
        """Does what a line says."""
        message: Any = None
        try:
            message = _decode_line(line)
            if message is None or not _is_request(message):
                return
        except Error as error:
            call_id = message.get("id") if type(message) is dict else None
            return self.send(_error_line(call_id if type(call_id) in (int, str) else None, error))
        handler = _methods.get(message["method"])
        if handler is None:
            return self._take_other(message, received)
        call = self._call(message, received, handler)
        try:
            params = call._params = _params_of(message)
            call._arguments, call._named = handler.params.bind(params, call)
        except Exception as error:
            return self.fail(call, error)
        self.start(call)

    def _call(self, message: Dict[str, Any], received: float, handler: _Handler) -> Call:
        call = Call(message.get("id"), message["method"])
        call._timeout_ms = message.get("timeout_ms")
        if type(call._timeout_ms) is int:
            call.deadline = received + call._timeout_ms / 1000
        call._host, call._handler, call._is_answered = self, handler, "id" not in message
        return call

    def _take_other(self, message: Dict[str, Any], received: float) -> None:
        """A message for no method: the protocol's own, or an unknown one."""
        name, params = message["method"], message.get("params")
        if "id" in message:
            if name == "rpc.discover":
                return self.send(_result_line(message["id"], _document()))
            return self.send(_error_line(message["id"], _error(-32601, "Method not found", "unknown_method")))
        if type(params) is not dict:
            return
        if name == "rpc.cancel" and type(params.get("id")) in (int, str):
            self.cancel(params["id"])
        elif name == "rpc.subscription":
            topic = str(params.get("topic"))
            if "error" in params:
                _log(f"the subscription to {topic} has ended: {json.dumps(params['error'])}")
            for each in _subscribers if "result" in params else ():
                if each.matches(topic):
                    call = self._call(message, received, each)
                    call._arguments = [topic, params["result"]]
                    self.start(call)

    # What subclasses do with their work

    def begins(self, call: Call) -> bool:
        """Whether a call that has waited is still to be run; else it is answered."""
        call._has_begun = True
        error = self._end_of(call)
        if error is not None:
            self.send(_error_line(call.id, error), call, True)
        return error is None

    def _end_of(self, call: Call) -> Optional[Error]:
        if call._is_cancelled:
            return _cancelled()
        if time.monotonic() >= call.deadline:
            return _error(-32002, "Request timed out", "timeout", timeout_ms=call._timeout_ms)
        return None

    def answer(self, call: Call, result: Any) -> None:
        error = self._end_of(call) if call._saw_end else None
        if not call._is_answered:
            self.send(_error_line(call.id, error) if error else _result_line(call.id, result), call, True)

    def run_call(self, call: Call) -> None:
        try:
            if self.begins(call):
                self.answer(call, call._handler.function(*call._arguments, **call._named))
        except (Exception, SystemExit) as error:
            self.fail(call, error)

    async def await_call(self, call: Call) -> None:
        try:
            async with call._handler.permits or contextlib.AsyncExitStack():
                if self.begins(call):
                    self.answer(call, await call._handler.function(*call._arguments, **call._named))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            self.fail(call, error)

    def fail(self, call: Call, error: BaseException) -> None:
        """Answers a call that raised. What is not an Error, or reaches no caller, is logged; no caller sees it."""
        if isinstance(error, Error) and not call._is_answered:
            try:
                return self.send(_error_line(call.id, call._handler.as_sent(call._params, error)), call, True)
            except Exception as unwritable:  # its data is not JSON
                error = unwritable
        if not (call._is_cancelled and isinstance(error, asyncio.CancelledError)):
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            _log(f"{call._handler.name}: " + "".join(lines))
        answer = _cancelled() if call._is_cancelled else _error(-32603, "Internal error", "internal")
        self.send(_error_line(call.id, answer), call, True)


class _PlainServer(_Server):
    """Runs functions in the thread that reads, one after another: a call costs no change of threads.

    A handler that asks whether it is cancelled reads what has arrived meanwhile. A reply is written when it is there:
    to hold it for the next one's would let it wait for a slow call.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: collections.deque[Tuple[bytes, float]] = collections.deque()  # lines, and when they were read
        self._cancelled: Set[Union[int, str]] = set()  # ids of calls that may wait
        self._call_now: Optional[Call] = None
        self._thread = threading.get_ident()
        self._poll = select.poll()
        self._poll.register(self.wire.input, select.POLLIN | select.POLLHUP)
        self._polled_at = 0.0

    def serve(self) -> None:
        waiting, take_line = self._waiting, self.take_line
        while not self.at_end:
            self._read_input()
            while waiting:
                take_line(*waiting.popleft())
            self._cancelled.clear()

    def end(self) -> None:
        self.wire.end_input()

    def _read_input(self) -> None:
        """Waits for input. Cancellations count at once, the rest waits."""
        data = os.read(self.wire.input, READ_BYTES)
        self.at_end = not data
        received = time.monotonic()
        for each in self.wire.lines(data):
            if b'"rpc.cancel"' in each:
                with contextlib.suppress(Error):
                    message = _decode_line(each)
                    if _is_request(message) and message["method"] == "rpc.cancel":
                        self.take_line(each, received)
                        continue
            self._waiting.append((each, received))

    def look_for_cancel(self) -> None:
        now = time.monotonic()
        if threading.get_ident() != self._thread or now - self._polled_at < CANCEL_POLL_S:
            return
        self._polled_at = now
        while not self.at_end and len(self._waiting) < WAITING_MAX and self._poll.poll(0):
            self._read_input()

    def cancel(self, call_id: Union[int, str]) -> None:
        if self._call_now is not None and self._call_now.id == call_id:
            self._call_now._cancel()
        else:
            self._cancelled.add(call_id)

    def start(self, call: Call) -> None:
        self._call_now = call
        if self._cancelled and call.id in self._cancelled:
            call._cancel()
        self.run_call(call)
        call._is_answered = True
        self._call_now = None


class _ConcurrentServer(_Server):
    """Reads in the thread of an event loop, where coroutines run; functions run in threads.

    Functions with a concurrency of 1 share one thread, the main thread; then the loop has a thread of its own.
    """

    def __init__(self, limits: Dict[_Handler, Optional[int]]) -> None:
        super().__init__()
        self._handlers = list(limits)
        self._calls: Dict[Any, Call] = {}  # with an id, by id; this and what follows: in the loop's thread only
        self._pending = 0  # calls and events that were read and are not done
        self._is_reading = False
        self._is_done: Optional[asyncio.Event] = None
        self._main_calls: queue.SimpleQueue[Optional[Call]] = queue.SimpleQueue()
        self._failure: Optional[BaseException] = None  # of the loop in its own thread
        for each, limit in limits.items():
            each.limit = limit
            if not each.is_async and limit != 1:
                each.threads = concurrent.futures.ThreadPoolExecutor(limit, f"sluice {each.name}")

    def serve(self) -> None:
        if all(each.is_async or each.threads for each in self._handlers):
            return asyncio.run(self._serve())
        thread = threading.Thread(target=self._run_loop, name="sluice", daemon=True)
        thread.start()
        for call in iter(self._main_calls.get, None):
            self._run_and_complete(call)
        thread.join()
        if self._failure is not None:
            raise self._failure

    def _run_loop(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._main_calls.put(None)

    async def _serve(self) -> None:
        loop = self.loop = asyncio.get_running_loop()
        self._is_done = asyncio.Event()
        for each in self._handlers:
            each.permits = asyncio.Semaphore(each.limit) if each.is_async and each.limit else None
        try:
            self._read_or_wait()
        except PermissionError:  # a file, which has no events
            while not self.at_end:
                self._take(await loop.run_in_executor(None, os.read, self.wire.input, READ_BYTES))
        await self._is_done.wait()
        for each in self._handlers:
            if each.threads:
                each.threads.shutdown()

    def end(self) -> None:
        self.at_end = True  # in case that there is no loop yet
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._take, b"")

    def _read_or_wait(self) -> None:
        """Reads while there is room for what may come; at the end looks whether everything is done."""
        assert self.loop is not None and self._is_done is not None
        wanted = not self.at_end and self._pending < WAITING_MAX
        if wanted and not self._is_reading:
            self.loop.add_reader(self.wire.input, lambda: self._take(os.read(self.wire.input, READ_BYTES)))
        elif self._is_reading and not wanted:
            self.loop.remove_reader(self.wire.input)
        self._is_reading = wanted
        if self.at_end and self._pending == 0:
            self._is_done.set()

    def _take(self, data: bytes) -> None:
        self.at_end = self.at_end or not data
        received = time.monotonic()
        for line in self.wire.lines(data):
            self.take_line(line, received)
        if self.at_end or self._pending >= WAITING_MAX:
            self._read_or_wait()

    def start(self, call: Call) -> None:
        self._pending += 1
        handler = call._handler
        if not call._is_answered:
            self._calls[call.id] = call
        if handler.is_async:
            call._task = asyncio.ensure_future(self._await_and_complete(call))
        elif handler.threads:
            handler.threads.submit(self._run_and_complete, call)
        else:
            self._main_calls.put(call)

    def _run_and_complete(self, call: Call) -> None:
        assert self.loop is not None
        try:
            self.run_call(call)
        finally:
            self.loop.call_soon_threadsafe(self._complete, call)

    async def _await_and_complete(self, call: Call) -> None:
        try:
            await self.await_call(call)
        finally:
            self._complete(call)

    def _complete(self, call: Call) -> None:
        call._is_answered = True
        if self._calls.get(call.id) is call:
            del self._calls[call.id]
        self._pending -= 1
        if not self._is_reading:
            self._read_or_wait()

    def cancel(self, call_id: Union[int, str]) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        call._cancel()
        if not call._has_begun:  # its permit at the daemon is free at once
            self.send(_error_line(call.id, _cancelled()), call, True)


def serve(concurrency: Optional[int] = None) -> None:
    """Serves the methods to the daemon that has started this program; returns when stdin ends, or at SIGTERM.

    `concurrency` is for methods that do not say their own. With `--call` or `--describe` on the command line it does
    that instead, and exits.
    """
    _check_concurrency(concurrency)
    main = sys.modules.get("__main__")
    if sys.modules.get("__mp_main__", main) is not main:  # a worker of multiprocessing reads the program's functions
        return
    if sys.argv[1:2] in (["--call"], ["--describe"]):
        raise SystemExit(_run_command(sys.argv[1], sys.argv[2:]))
    handlers: List[_Handler] = [*_methods.values(), *_subscribers]
    limits = {each: each.limit_within(concurrency) for each in handlers}
    is_plain = all(limit == 1 and not each.is_async for each, limit in limits.items())
    server: _Server = _PlainServer() if is_plain else _ConcurrentServer(limits)
    is_ours = (threading.current_thread() is threading.main_thread()
               and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    if is_ours:
        signal.signal(signal.SIGTERM, lambda *_: server.end())
        _leave_forks_to_sigterm()
    try:
        server.run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        if is_ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave_forks_to_sigterm() -> None:
    """A worker of multiprocessing ends at SIGTERM, also at once after the fork, when Python drops signals."""
    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        mask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    mask = signal.pthread_sigmask
    os.register_at_fork(before=lambda: mask(signal.SIG_BLOCK, {signal.SIGTERM}), after_in_child=in_child,
                        after_in_parent=lambda: mask(signal.SIG_UNBLOCK, {signal.SIGTERM}))


# --- Command line ---------------------------------------------------------------------------------------------------


def _described() -> List[Dict[str, Any]]:
    return [each.describe() for each in _methods.values()]


def _document() -> Dict[str, Any]:
    """The methods as an OpenRPC document."""
    title = os.path.basename(sys.argv[0]) or "handler"
    return {"openrpc": "1.3.2", "info": {"title": title, "version": "0"}, "methods": _described()}


class _Console(_Host):
    """For a call without a daemon: notes and events are shown on stderr."""

    def send(self, line: str, call: Optional[Call] = None, is_reply: bool = False) -> None:
        _log(line)


def _value_of(word: str) -> Any:
    try:
        return json.loads(word, parse_constant=_no_constant)
    except ValueError:
        return word


def _params_from(words: List[str]) -> Any:
    """Params as `sluice call` has them: key=value pairs, or values, or all of them as one JSON array or object."""
    if len(words) == 1 and isinstance(_value_of(words[0]), (list, dict)):
        return _value_of(words[0])
    if not words or "=" not in words[0].lstrip("=") or words[0][:1] in '"[{':
        return [_value_of(word) for word in words]
    pairs = [word.partition("=") for word in words]
    if not all(key and equals for key, equals, _ in pairs):
        raise ValueError("key=value pairs, or values, but not both")
    return {key: _value_of(value) for key, _, value in pairs}


def _run_command(option: str, words: List[str]) -> int:
    """Exit code: 0 the result or the methods are printed, 1 the call failed, 2 usage."""
    global _host
    if option == "--describe":
        print(json.dumps(_document(), indent=2, ensure_ascii=False), flush=True)
        return 0
    try:
        name, params = words[0], _params_from(words[1:])
    except (IndexError, ValueError) as error:
        print(f"usage: --call METHOD [key=value...]{': ' + str(error) if words else ''}", file=sys.stderr)
        return 2
    entry = _methods.get(name)
    if entry is None:
        print(f"error -32601: Method not found; there are: {', '.join(sorted(_methods))}", file=sys.stderr)
        return 1
    _host = _Console()
    call = Call(1, name)
    call._host = _host
    try:
        with contextlib.redirect_stdout(sys.stderr):
            arguments, named = entry.params.bind(params, call)
            result = entry.function(*arguments, **named)
            if entry.is_async:
                result = asyncio.run(result)
        shown = json.dumps(json.loads(_encode(result)), ensure_ascii=False)
    except Error as error:
        print(entry.params.as_sent(params, error), file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    print(shown, flush=True)
    return 0
