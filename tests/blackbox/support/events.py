"""Subscriptions for tests: events as they come."""

from .json_rpc import parse
from .timing import deadline, within_until


def receive_any(client, within=10):
    """The next message, a reply or a notification."""
    text = client.receive_text(within)
    assert text is not None, "the connection was closed"
    return parse(text)


def event(client, within=10, method="rpc.subscription"):
    """The params of the next message, which must be an event."""
    got = receive_any(client, within)
    assert set(got) == {"jsonrpc", "method", "params"} and got["jsonrpc"] == "2.0", got
    assert got["method"] == method, got
    return got["params"]


def events(client, count, within=20):
    end = deadline(within)
    return [event(client, within_until(end)) for _ in range(count)]


def subscribe(client, *params):
    return client.result("rpc.subscribe", list(params))
