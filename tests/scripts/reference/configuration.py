"""Blocks of docs/reference/configuration.md: keys from `sluiced --help`, which prints the schema of the configuration,
and what web pages may always send, from lib/transport/http/rules.cpp.
"""

import re
import textwrap

from blocks import table
from inline import code, markdown

HEADING = "Keys of the configuration file (TOML):\n"
KEY = re.compile(r"^  (\w+) +(.*)\n +(.*)$", re.MULTILINE)
# Sentences that the page has once, above its tables.
SHORT = (
    ("a whole number from ", ""),
    ('a duration such as "250ms" (us, ms, s, m, h) from ', "time, "),
    ('a size such as "4MiB" (B, KiB, MiB, GiB; a bare integer is bytes) from ', "size, "),
    ('names of methods, prefixes such as "calc.*", "*", or any of them behind a ! for what is excluded', "patterns"),
    ('topics such as "orders.eu", prefixes that end at a dot, such as "orders.*", or "*"', "patterns of topics"),
)


def row(name, meaning, value):
    value, _, given = value.partition("; default ")
    default = code(given) if given else "as there" if value.startswith("a table, see ") else "none"
    kept = []
    for part in meaning.split("; "):
        if part.startswith("has to be given"):
            default = "must be given" + part.removeprefix("has to be given")
        elif part.startswith("left out: "):
            default = part.removeprefix("left out: ")
            default = code(f'"{default}"') if f'"{default}"' in value else markdown(default)
        else:
            kept.append(part)
    for long, short in SHORT:
        value = value.replace(long, short)
    return code(name), markdown("; ".join(kept)), markdown(value), default


def blocks(help_text, rules):
    return {**tables(help_text), **always_allowed(rules)}


def always_allowed(rules):
    subprotocols = re.search(r"kUsual = \{(.*?)\};", rules, re.DOTALL)[1]
    headers = re.search(r"Access-Control-Allow-Headers: (.*?);", rules, re.DOTALL)[1]
    return {
        "request headers": listed("Request headers of web pages", re.findall(r"[\w-]+", headers)),
        "subprotocols": listed("WebSocket subprotocols", re.findall(r'"(.+?)"', subprotocols)),
    }


def listed(what, words):
    text = f"- {what}: {', '.join(map(code, words))}."
    return textwrap.fill(text, 120, subsequent_indent="  ", break_on_hyphens=False)


def tables(help_text):
    """A table for each table of the configuration, by its header."""
    made = {}
    parts = re.split(r"^(\[.*\])$", help_text.partition(HEADING)[2], flags=re.MULTILINE)
    for header, keys in zip(parts[1::2], parts[2::2]):
        rows = [row(*key) for key in KEY.findall(keys)]
        if 2 * len(rows) != len(keys.strip("\n").splitlines()):
            raise ValueError(f"the help of {header} is not understood")
        made[header] = table(("key", "meaning", "value", "default"), rows)
    return made
