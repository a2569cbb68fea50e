"""Blocks of docs/reference/cli.md from `sluiced --help`, `sluice --help` and `--help` of each command."""

import re

from blocks import table
from inline import code, markdown

COLUMN = 30  # where descriptions begin; options that are longer have theirs on the next line
INDENT = " " * COLUMN


def options(help_text):
    """[(names and value, description)] of the part `Options:`."""
    part = re.search(r"^Options:\n(.*?)(?:^\n|\Z)", help_text, re.DOTALL | re.MULTILINE)[1]
    found = []
    for line in part.splitlines():
        if line.startswith(INDENT):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
        elif len(line) > COLUMN and line[COLUMN - 2:COLUMN] == "  ":
            found.append((line[:COLUMN].strip(), line[COLUMN:].strip()))
        else:
            found.append((line.strip(), ""))
    return [(*option(what), text) for what, text in found if "--help" not in what]


def option(what):
    """CLI11's text of an option, as `-c,--connections INT:INT in [1 - 60000] Excludes: --rate`: (how it is given,
    its limits)."""
    what, _, excluded = what.partition(" Excludes: ")
    names, _, value = what.partition(" ")
    value, _, limits = value.partition(":")
    bounds = re.search(r"in \[(.+) - (.+)\]", limits)
    names = names.split(",")
    given = ", ".join(code(name) for name in [*names[:-1], f"{names[-1]} {value}".strip()])
    rules = [f"{plain(bounds[1])} to {plain(bounds[2])}"] if bounds else []
    if excluded:
        rules.append("not with " + " or ".join(code(each) for each in excluded.split()))
    return given, ", ".join(rules)


def plain(number):
    return str(int(float(number))) if "e" in number else number


def commands(help_text):
    part = help_text.partition("Subcommands:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^  (\w+) +(.+)$", part, re.MULTILINE))


def usage(help_text):
    return re.search(r"^Usage: sluice (.+)$", help_text, re.MULTILINE)[1].replace("[OPTIONS] ", "")


def footer(help_text):
    """The paragraphs below the options and commands."""
    return [part.strip("\n") for part in re.split(r"\n{2,}", help_text.strip())
            if not re.match(r"Options:|Subcommands:", part.lstrip()) and "Usage: " not in part]


def exit_codes(paragraph):
    """The table of a sentence such as `Exit code: 0 result, 2 usage.`"""
    found = re.search(r"^Exit code: (.+?)\.$", paragraph, re.DOTALL | re.MULTILINE)[1].replace("\n", " ")
    return table(("exit code", "meaning"), [each.split(" ", 1) for each in re.split(r", (?=\d )", found)])


def without_exit_codes(paragraph):
    return re.sub(r"^Exit code: .+?\.$", "", paragraph, flags=re.DOTALL | re.MULTILINE).strip()


def text_block(paragraphs):
    return "```text\n" + "\n\n".join(filter(None, map(without_exit_codes, paragraphs))) + "\n```"


def blocks(daemon, client, helps):
    """`helps` by command, of the client."""
    known = commands(client)
    shared = footer(client)
    plain_commands = {name: helps[name] for name in known if name != "bench"}
    made = {
        "options of sluiced": table(("option", "meaning"),
                                    [(given, markdown(text)) for given, _, text in options(daemon)]),
        "commands": table(("command", "effect"), [(code(usage(helps[name])), text) for name, text in known.items()]),
        "options of commands": table(("option", "commands", "meaning"), merged(plain_commands)),
        "common help": text_block(shared),
        "exit codes": exit_codes("\n".join(shared)),
        "options of bench": table(("option", "meaning", "values"),
                                  [(given, markdown(text), rules) for given, rules, text in options(helps["bench"])]),
        "exit codes of bench": exit_codes("\n".join(footer(helps["bench"]))),
    }
    for name in known:
        if own := [paragraph for paragraph in footer(helps[name]) if paragraph not in shared]:
            made[f"help of {name}"] = text_block(own)
    return made


def merged(helps):
    users = {}
    for name, text in helps.items():
        for given, rules, meaning in options(text):
            users.setdefault((given, markdown(meaning) + (f"; {rules}" if rules else "")), []).append(name)
    return [(given, ", ".join(map(code, names)), meaning) for (given, meaning), names in users.items()]
