"""Sentences of a program's help as Markdown: names, values and addresses become inline code."""

import re

CODE = re.compile(r"""
    [^a-zA-Z0-9\s]{8,}                  # characters, listed
  | `[^`]+`                             # is code already
  | \{\ .*\ \} | \["[^\]]*\]            # a table or an array of the configuration
  | "[^"]*" | '\*'
  | \[\[?[a-z.]+\]?\]                   # a table's name
  | [a-z]+://[\w\[\]:./-]*
  | (?<!\w)\$[A-Z_]+ | (?<!\w)--[a-z][\w-]*
  | (?<![\w./])/[a-z]+(?!\w)            # a path
  | (?<!\w)[a-z]+(?:[._][a-z0-9]+)+\b | (?<!\w)[a-z]+\.\*
""", re.VERBOSE)


def code(text):
    """The text as inline code, also if it has backquotes."""
    return f"``{text}``" if "`" in text else f"`{text}`"


def markdown(text):
    return CODE.sub(lambda found: found[0] if found[0][0] == "`" else code(found[0]), text)
