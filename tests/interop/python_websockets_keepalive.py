"""Python's websockets with its keepalive, while as many calls as the window takes are running, and more wait:
`python3 python_websockets_keepalive.py WS_URL LONG_MS`. Without a pong in time it closes with 1011."""

import asyncio
import json
import sys

import websockets

URL, LONG = sys.argv[1], int(sys.argv[2])
PING_SECONDS = LONG / 8000


def text(method, params, id):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id})


async def receive(socket, count):
    replies = [json.loads(await socket.recv()) for _ in range(count)]
    return {reply["id"]: reply.get("result", reply.get("error", {}).get("code")) for reply in replies}


async def run():
    async with websockets.connect(URL, open_timeout=30, close_timeout=30, ping_interval=PING_SECONDS, ping_timeout=5 * PING_SECONDS,
                                  subprotocols=["jsonrpc"]) as socket:
        assert socket.subprotocol == "jsonrpc", socket.subprotocol
        for id in (1, 2):
            await socket.send(text("demo.sleep", {"ms": LONG}, id))
        for id in (3, 4):
            await socket.send(text("demo.sum", [id], id))
        assert await receive(socket, 4) == {1: {"slept_ms": LONG}, 2: {"slept_ms": LONG}, 3: 3, 4: 4}

        for id in (1, 2, 3):
            await socket.send(text("demo.sleep", {"ms": 600_000}, id))
        await asyncio.wait_for(await socket.ping(), 30)
        for id in (1, 2, 3):
            await socket.send(text("rpc.cancel", {"id": id}, f"cancel {id}"))
        assert await receive(socket, 6) == {1: -32800, 2: -32800, 3: -32800, "cancel 1": True, "cancel 2": True, "cancel 3": True}
        await socket.send(text("no.such", [], 1))
        assert await receive(socket, 1) == {1: -32601}
    assert socket.close_code == 1000, socket.close_code


asyncio.run(run())
print("ok")
