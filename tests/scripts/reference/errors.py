"""Block of docs/reference/errors.md from proto/error.*, and the statuses from lib/transport/http/response.cpp."""

import re

from blocks import table
from inline import code

CODE = re.compile(r"^  (\w+) = (-32\d{3}),", re.MULTILINE)
# An error is made by `make(ErrorCode::NAME, "MESSAGE", REASON, field("MEMBER", ...) ...)`.
MADE = re.compile(r'\bmake\(\s*ErrorCode::(\w+),\s*"([^"]+)",\s*("(\w+)"|to_string\(reason\))(.*?)\);', re.DOTALL)
STATUS = re.compile(r"((?:case ErrorCode::\w+:\s*)+)return ([^;]+);")


def blocks(header, source, responses):
    codes = dict(CODE.findall(header))
    busy = re.findall(r'case BusyReason::\w+:\s*return "(\w+)"', source)
    statuses = {name: " or ".join(re.findall(r"\b[1-5]\d\d\b", returned))
                for cases, returned in STATUS.findall(responses) for name in re.findall(r"::(\w+)", cases)}
    errors = {}  # by code: its message, reasons and the members of its data, without duplicates and in order
    found = list(MADE.finditer(source))
    if len(found) != len(re.findall(r"return make\(", source)) or not busy:
        raise ValueError("proto/error.cpp makes an error in a way that is not understood")
    for name, message, _, reason, rest in (match.groups() for match in found):
        entry = errors.setdefault(name, (message, {}, {}))
        entry[1].update(dict.fromkeys([reason] if reason else busy))
        optional = "?" if "empty()" in rest else ""
        entry[2].update(dict.fromkeys(member + optional for member in re.findall(r'field\("(\w+)"', rest)))
    if missing := set(codes) - set(errors):
        raise ValueError(f"no error has the code {', '.join(sorted(missing))}")
    rows = [(codes[name], message, ", ".join(map(code, reasons)), ", ".join(map(member_text, members)),
             statuses.get(name, "200")) for name in codes for message, reasons, members in [errors[name]]]
    return {"codes": table(("code", "message", "`data.reason`", "further members of `data`", "HTTP"), rows)}


def member_text(member):
    return code(member.removesuffix("?")) + (", or none" if member.endswith("?") else "")
