"""A child process that sends notes: lines that its calls give it, `$ID` being the id of the call, `$NAME` of a held one.

    say {"lines": [...]}              writes the lines and answers
    hold {"name": N, "lines": [...]}  writes the lines and does not answer
    release {"name": N, "lines"}      writes the lines, answers the held call, then itself
    flood {"count": N, "line": L}     writes a line many times and answers
"""

import json
import sys

held = {}


def write(lines, own):
    for line in lines:
        for name, id in {**held, "ID": own}.items():
            line = line.replace("$" + name, str(id))
        sys.stdout.write(line + "\n")


def answer(id):
    sys.stdout.write(f'{{"jsonrpc":"2.0","id":{id},"result":"done"}}\n')


def serve(what, id, params):
    if what == "flood":
        for _ in range(params["count"]):
            write([params["line"]], id)
        return answer(id)
    if what == "hold":
        held[params["name"]] = id
    write(params.get("lines", []), id)
    if what == "release":
        answer(held.pop(params["name"]))
    if what != "hold":
        answer(id)


for text in sys.stdin:
    call = json.loads(text)
    if "id" in call:
        serve(call["method"].rpartition(".")[2], call["id"], call.get("params") or {})
        sys.stdout.flush()
