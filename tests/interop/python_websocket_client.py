"""Python's websocket-client: `python3 python_websocket_client.py WS_URL LONG_MS`. It sends an Origin equal to Host."""

import json
import sys
import threading

import websocket

URL, LONG = sys.argv[1], int(sys.argv[2])
WITHIN = 30


def text(method, params=None, id=None):
    body = {"jsonrpc": "2.0", "method": method, "params": params or []}
    return json.dumps(body if id is None else {**body, "id": id})


def ask(socket, method, params=None, id=1):
    socket.send(text(method, params, id))
    reply = json.loads(socket.recv())
    assert reply["id"] == id, reply
    return reply.get("result", reply.get("error", {}).get("code"))


def calls_and_cancels():
    socket = websocket.create_connection(URL, timeout=WITHIN, subprotocols=["chat", "jsonrpc"])
    assert socket.getsubprotocol() == "jsonrpc", socket.getsubprotocol()
    assert ask(socket, "demo.sum", [1, 2, 4]) == 7
    for value in ("é\U0001F600\r\n", "x" * 1_000_000):
        assert ask(socket, "demo.echo", [value]) == [value]
    assert ask(socket, "no.such") == -32601
    assert ask(socket, "demo.fail", {"code": 1234567, "message": "asked for"}) == 1234567
    assert ask(socket, "demo.sleep", {"ms": LONG}) == {"slept_ms": LONG}

    socket.send(text("demo.sleep", {"ms": 600_000}, "long"))
    socket.ping("alive?")
    opcode, frame = socket.recv_data_frame(control_frame=True)
    assert (opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b"alive?"), (opcode, frame)
    socket.send(text("rpc.cancel", {"id": "long"}, "cancel"))
    replies = {reply["id"]: reply for reply in (json.loads(socket.recv()) for _ in range(2))}
    assert replies["long"]["error"]["code"] == -32800 and replies["cancel"]["result"] is True, replies

    socket.send_binary(text("demo.sum", [1], 1).encode())  # JSON is text
    opcode, data = socket.recv_data(control_frame=True)
    assert (opcode, data[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1003).to_bytes(2, "big")), (opcode, data)
    socket.close()

    socket = websocket.create_connection(URL, timeout=WITHIN)
    socket.send(text("demo.sleep", {"ms": 600_000}, "orphaned"))
    socket.shutdown()


def app():
    """Its other interface, with a thread that pings."""
    seen, pongs, failures = [], [], []

    def message(socket, data):
        seen.append(json.loads(data))
        socket.close()

    application = websocket.WebSocketApp(URL, on_open=lambda socket: socket.send(text("demo.sleep", {"ms": LONG}, 1)), on_message=message,
                                         on_pong=lambda _, data: pongs.append(data), on_error=lambda _, error: failures.append(error))
    watch = threading.Timer(WITHIN, application.close)
    watch.start()
    application.run_forever(ping_interval=LONG / 5000)
    watch.cancel()
    assert [reply["result"] for reply in seen] == [{"slept_ms": LONG}] and pongs and not failures, (seen, pongs, failures)


calls_and_cancels()
app()
print("ok")
