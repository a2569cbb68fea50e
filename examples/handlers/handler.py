#!/usr/bin/env python3
"""A handler in Python: one JSON-RPC call a line on stdin, one reply a line on stdout, and nothing beyond JSON-RPC 2.0."""
import json
import sys


def word_count(text):
    return {"lines": text.count("\n"), "words": len(text.split()), "characters": len(text)}


def fail(message):
    raise ValueError(message)


METHODS = {"text.count": word_count, "text.reverse": lambda text: text[::-1], "text.fail": fail}

for line in sys.stdin:
    call = json.loads(line)
    params = call.get("params", [])
    reply = {"jsonrpc": "2.0", "id": call.get("id")}
    try:
        method = METHODS[call["method"]]
        reply["result"] = method(**params) if isinstance(params, dict) else method(*params)
    except KeyError:
        reply["error"] = {"code": -32601, "message": "Method not found", "data": {"reason": "unknown_method"}}
    except (TypeError, AttributeError) as error:  # too few, too many, or not a text
        reply["error"] = {"code": -32602, "message": "Invalid params", "data": {"reason": "invalid_params", "detail": str(error)}}
    except Exception as error:  # what is printed to stderr goes to the server's log
        print(f"{call['method']}: {error!r}", file=sys.stderr)
        reply["error"] = {"code": 1, "message": str(error)}
    if "id" in call:  # a notification has none, and no reply
        print(json.dumps(reply), flush=True)
