"""One way to fail: functions return `Result` of lib/base/result.hpp, and no other type that may hold an error."""

import re

from sources import Finding

FOLDERS = ("proto", "lib", "daemon", "cli")
RESULT = "lib/base/result.hpp"
# The public interface: a handler returns std::optional<Error>, empty on success.
PUBLIC = ("lib/include/", "lib/api/", "lib/service/", "daemon/demo/")
HANDLER = re.compile(r"\(Call&[^()]*\)\s*->\s*\Z")

COMMENT = re.compile(r"//.*")
ERROR = r"(?:\w+::)*\w*(?:Error|Problem|Failure|Refusal|Rejection)"
HOLDER = re.compile(
    rf"std::(?:optional<\s*(?P<only>{ERROR})\s*>|variant<[^;{{}}()]*?\b(?P<one>{ERROR}|std::string)\s*>)")
# Behind it: the name of a function, its body, or, in a std::function, its parameters.
RETURNED = re.compile(r"\s*(?:[\w:~]+\s*)?\(|\s*\{")
ALIAS = re.compile(r"\busing\s+\w+\s*=\s*\Z")
# An error as a text, beside the value in an out-parameter; or of a function that only checks.
TEXT = re.compile(r"std::optional<std::string(?:_view)?>\s+(?:\w+::)*(?P<name>\w+)\((?P<parameters>[^()]*)\)")
OUT_PARAMETER = re.compile(r"(?<!const )std::string&")
CHECKS = re.compile(r"(?:check|validate|verify)(?:_|\Z)")
LIBRARY = re.compile(r"boost::system::result\b|\boutcome_v2\b")
MEND = f"return Result<T, E> of {RESULT}"


def error_return_findings(tree):
    for path, text in tree.cpp(*FOLDERS).items():
        if path == RESULT:
            continue
        code = COMMENT.sub("", text)
        for at, wrong in (*_holders(path, code), *_texts(code), *_libraries(code)):
            yield Finding(path, code.count("\n", 0, at) + 1, wrong, MEND)


def _holders(path, code):
    for match in HOLDER.finditer(code):
        error = match["only"] or match["one"]
        before = code[:match.start()]
        if error in ("Error", "sluice::Error", "std::string") and (path.startswith(PUBLIC) or HANDLER.search(before)):
            continue
        if ALIAS.search(before) or before.endswith("-> ") or RETURNED.match(code, match.end()):
            yield match.start(), f"`{' '.join(match[0].split())}` is returned"


def _texts(code):
    for match in TEXT.finditer(code):
        if CHECKS.match(match["name"]) or OUT_PARAMETER.search(match["parameters"]):
            yield match.start(), f"{match['name']}() returns its error as an optional text"


def _libraries(code):
    for match in LIBRARY.finditer(code):
        yield match.start(), f"`{match[0]}` beside Result"
