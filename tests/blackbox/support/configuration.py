"""Configuration files, written from dictionaries."""

import hashlib
import json


def digest(token):
    """The value of a client's `token_sha256`."""
    return hashlib.sha256(token.encode()).hexdigest()


def _toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value)


def _toml_table(head, table):
    return "\n".join([head] + [f"{key} = {_toml_value(value)}" for key, value in table.items()]) + "\n"


def config_text(server=None, methods=None, log=None, listen=(), admin="tcp://127.0.0.1:0", clients=None,
                backends=None, events=None, topics=None):
    parts = [_toml_table("[server]", server or {})]
    for listener in listen:
        parts.append(_toml_table("[[listen]]", listener if isinstance(listener, dict) else {"address": listener}))
    if admin:
        parts.append(_toml_table("[admin]", {"address": admin}))
    if log:
        parts.append(_toml_table("[log]", log))
    for client in clients or ():
        parts.append(_toml_table("[[client]]", client))
    for backend in backends or ():
        parts.append(_toml_table("[[backend]]", backend))
    for name, table in (methods or {}).items():
        parts.append(_toml_table(f"[method.{json.dumps(name)}]", table))
    if events:
        parts.append(_toml_table("[events]", events))
    for pattern, table in (topics or {}).items():
        parts.append(_toml_table(f"[topic.{json.dumps(pattern)}]", table))
    return "\n".join(parts)
