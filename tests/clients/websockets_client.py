"""The `websockets` library for Python (Debian's python3-websockets): `python3 websockets_client.py ws://HOST:PORT/`
or `python3 websockets_client.py PATH` of a Unix socket."""

import asyncio
import json
import sys

import websockets

ADDRESS = sys.argv[1]
OPTIONS = {"open_timeout": 20, "close_timeout": 20, "max_size": 1 << 23}


def connect():
    if ADDRESS.startswith("/"):
        return websockets.unix_connect(ADDRESS, "ws://localhost/", **OPTIONS)
    return websockets.connect(ADDRESS, **OPTIONS)


def text(method, params, id=None):
    body = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(body if id is None else {**body, "id": id})


async def ask(socket, request):
    await socket.send(request)
    return json.loads(await socket.recv())


async def calls(socket):
    assert await ask(socket, text("demo.sum", [1, 2, 4], 1)) == {"jsonrpc": "2.0", "result": 7, "id": 1}
    tricky = {"text": "é\U0001F600\r\n\r\n", "big": "x" * 1_000_000}
    assert (await ask(socket, text("demo.echo", tricky, "é")))["result"] == tricky
    assert (await ask(socket, text("no.such", [], 2)))["error"]["code"] == -32601
    assert (await ask(socket, "not JSON"))["error"]["code"] == -32700


async def a_batch(socket):
    replies = await ask(socket, f"[{text('demo.sum', [1, 1], 1)},{text('demo.sum', [2, 2], 2)}]")
    assert [(reply["id"], reply["result"]) for reply in replies] == [(1, 2), (2, 4)]


async def fragments(socket):
    request = text("demo.echo", ["fragmented"], 3)
    await socket.send([request[:10], request[10:20], "", request[20:]])
    assert json.loads(await socket.recv())["result"] == ["fragmented"]


async def many(socket):
    for number in range(200):
        await socket.send(text("demo.echo", [number], number))
    replies = [json.loads(await socket.recv()) for _ in range(200)]
    assert sorted(reply["id"] for reply in replies) == list(range(200))
    assert all(reply["result"] == [reply["id"]] for reply in replies)


async def run():
    async with connect() as socket:  # which offers compression, and must do without
        await calls(socket)
        await a_batch(socket)
        await fragments(socket)
        await many(socket)
        await asyncio.wait_for(await socket.ping(b"payload"), 20)
        await socket.send(text("demo.subtract", [2, 1]))
    assert socket.close_code == 1000, socket.close_code


asyncio.run(run())
print("ok")
