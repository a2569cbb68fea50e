"""Handlers that use the Python SDK, behind the daemon."""

import json
import pathlib
import tempfile

from support.daemon import DaemonTest, main, ms
from support.program import ROOT
from support.timing import eventually, limit

SDK = str(ROOT / "sdk" / "python")

SERVICE = '''
import asyncio
import os
import threading
import time
from typing import Dict

from sluice import Call, Error, InvalidParams, method, serve

print("printed before it serves")
leave = threading.Event()


@method("py.add")
def add(a: float, b: float = 0) -> float:
    """Adds two numbers."""
    return a + b


@method("py.echo")
def echo(*values):
    return list(values)


@method("py.file_name")
def file_name():
    return os.fsdecode(b"a\\x80")


@method("py.refuse")
def refuse(size: int):
    if size < 1:
        raise InvalidParams("/size", "a size from 1")
    raise Error(4711, "refused", {"size": size})


@method("py.poll")
def poll(call: Call) -> str:
    print("runs py.poll")
    while not call.cancelled:
        time.sleep(0.001)
    print(f"saw the end of {call.method}")
    return "stopped"


@method("py.steps")
def steps(call: Call) -> str:
    call.progress(0.5)
    call.notify("work.part", {"n": 1}, key="bar")
    return "done"


@method("py.die")
def die():
    os._exit(3)


@method("py.pid")
def pid() -> int:
    return os.getpid()


@method("py.noise")
def noise():
    print("a stray line")
    os.write(1, b'{"jsonrpc":"2.0","id":1,"result":"forged"}\\n')
    os.system("echo from a child")
    raise RuntimeError("secret")
'''

CONCURRENT = '''
@method("py.meet", concurrency=3)
def meet() -> int:
    return barrier.wait(30)


@method("py.sleep")
async def sleep(seconds: float, call: Call) -> Dict[str, float]:
    left = call.remaining
    print("runs py.sleep")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print("saw the end of py.sleep")
        raise
    return {"left": left}


@method("py.hold", concurrency=2)
def hold(call: Call):
    print("runs py.hold")
    while not call.cancelled:
        time.sleep(0.001)
    print("saw the end of py.hold")
    raise Error(1, "held")


barrier = threading.Barrier(3)
'''


class SdkTest(DaemonTest):
    TEXT = SERVICE
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-sdk-")
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name) / "service.py"
        cls.program.write_text(cls.TEXT + "\nserve()\n")
        cls.options = {"backends": [cls.backend()]}

    @classmethod
    def backend(cls, **more):
        return {"name": "py", "command": ["python3", str(cls.program)], "methods": "discover", "kill_after": "20s",
                "breaker": {"failures": 0}, "env": {"PYTHONPATH": SDK, "PYTHONUNBUFFERED": ""}, **cls.SETTINGS, **more}


class OneAtATime(SdkTest):
    def test_notes_reach_a_client_that_asks(self):
        connection = self.connect()
        connection.call("py.steps", id="a", notes=True)
        self.assertEqual([json.loads(connection.receive_text()) for _ in range(3)], [
            {"jsonrpc": "2.0", "method": "rpc.progress", "call": "a", "params": {"value": 0.5}},
            {"jsonrpc": "2.0", "method": "work.part", "call": "a", "params": {"n": 1}},
            {"jsonrpc": "2.0", "id": "a", "result": "done"}])
        self.assertEqual(connection.result("py.steps"), "done")

    def test_methods_are_discovered_with_their_schemas(self):
        methods = {each["name"]: each for each in self.connect().result("rpc.discover")["methods"]}
        self.assertEqual(methods["py.add"]["summary"], "Adds two numbers.")
        self.assertEqual(methods["py.add"]["params"], [
            {"name": "a", "required": True, "schema": {"type": "number"}},
            {"name": "b", "required": False, "schema": {"default": 0, "type": "number"}}])
        self.assertEqual(methods["py.add"]["result"], {"name": "result", "schema": {"type": "number"}})
        self.assertNotIn("call", json.dumps(methods["py.poll"]["params"]))
        self.assert_error(self.connect().request("py.other"), -32601, "unknown_method")

    def test_calls_are_answered_and_checked(self):
        connection = self.connect()
        self.assertEqual(connection.result("py.add", [1, 2]), 3)
        self.assertEqual(connection.result("py.add", {"a": 0.5}), 0.5)
        for params, path in (([], "/0"), ({"a": "1"}, "/a"), ([1, True], "/1")):
            error = self.assert_error(connection.request("py.add", params), -32602, "invalid_params")
            self.assertEqual(error["data"], {"reason": "invalid_params", "path": path,
                                             "expected": "a number in the range of a 64-bit float"})
        error = self.assert_error(connection.request("py.refuse", [0]), -32602)
        self.assertEqual(error["data"], {"reason": "invalid_params", "path": "/0", "expected": "a size from 1"})
        self.assertEqual(connection.request("py.refuse", [1])["error"],
                         {"code": 4711, "message": "refused", "data": {"size": 1}})
        connection.notify("py.echo", [1])
        self.assertEqual(connection.result("py.echo", [2]), [2])

    def test_values_pass_unchanged(self):
        connection = self.connect()
        for text in ('"\u2028\u2029\x85"', "1" * 40, "0.1", '{"\\u0000":[null,true]}', '"𝄞"'):
            connection.send(f'{{"jsonrpc":"2.0","id":1,"method":"py.echo","params":[{text}]}}\n')
            self.assertEqual(connection.receive()["result"], [json.loads(text)])
        self.assertEqual(connection.result("py.file_name"), "a\ufffd")
        connection.send('{"jsonrpc":"2.0","id":2,"method":"py.echo","params":[1e999]}\n')
        self.assert_error(connection.receive(), -32603, "internal")
        self.assertEqual(connection.result("py.echo", ["x" * 300000]), ["x" * 300000])

    def test_a_call_in_the_main_thread_sees_that_it_is_cancelled(self):
        connection = self.connect()
        begin = len(self.daemon.log)
        connection.call("py.poll", id="long")
        self.daemon.wait_log("runs py.poll", begin=begin)
        self.assert_error(connection.cancel("long"), -32800, "cancelled")
        self.daemon.wait_log("saw the end of py.poll", begin=begin)
        self.assertEqual(connection.result("py.add", [1, 1]), 2)

    def test_a_call_in_the_main_thread_sees_the_end_of_its_time(self):
        connection = self.connect()
        begin = len(self.daemon.log)
        self.assert_error(connection.request("py.poll", timeout_ms=ms(50)), -32002, "timeout")
        self.daemon.wait_log("saw the end of py.poll", begin=begin)
        self.assertEqual(connection.result("py.add", [1, 1]), 2)

    def test_what_is_printed_goes_to_the_log(self):
        connection = self.connect()
        self.daemon.wait_log(r"backend py\[0\]: printed before it serves")
        self.assert_error(connection.request("py.noise"), -32603, "internal")
        for text in ("a stray line", '"result":"forged"', "from a child", "py.noise: Traceback", "Error: secret"):
            self.daemon.wait_log(rf"backend py\[0\]: .*{text}")
        self.assertEqual(connection.result("py.add", [1, 1]), 2)

    def test_a_process_that_dies_is_started_again(self):
        connection = self.connect()
        before = connection.result("py.pid")
        self.assert_error(connection.request("py.die"), -32013, "backend_down")
        after = eventually(10, lambda: connection.request("py.pid").get("result"), "it is up again")
        self.assertNotEqual(before, after)


class Concurrent(SdkTest):
    TEXT = SERVICE + CONCURRENT
    SETTINGS = {"concurrency": 16}

    def test_functions_and_coroutines_overlap(self):
        connection = self.connect()
        slow = [connection.call("py.sleep", [600], id=f"slow {at}") for at in range(4)]
        for _ in range(3):
            connection.call("py.meet")
        self.assertEqual(sorted(connection.receive()["result"] for _ in range(3)), [0, 1, 2])
        self.assertEqual(connection.result("py.add", [1, 2]), 3)
        for each in slow:
            self.assert_error(connection.cancel(each), -32800, "cancelled")

    def test_coroutines_and_threads_are_cancelled(self):
        connection = self.connect()
        for name, params in (("py.sleep", [600]), ("py.hold", None), ("py.poll", None)):
            begin = len(self.daemon.log)
            connection.call(name, params, id="long")
            self.daemon.wait_log(f"runs {name}", begin=begin)
            self.assert_error(connection.cancel("long"), -32800, "cancelled")
            self.daemon.wait_log(f"saw the end of {name}", begin=begin)
        self.daemon.wait_value(0, "sluice_backend_in_flight", backend="py")

    def test_time_limits_reach_coroutines(self):
        connection = self.connect()
        left = connection.result("py.sleep", [0.0], timeout_ms=20000)["left"]
        self.assertTrue(0 < left <= 20, left)
        begin = len(self.daemon.log)
        self.assert_error(connection.request("py.sleep", [600], timeout_ms=ms(50)), -32002, "timeout")
        self.daemon.wait_log("saw the end of py.sleep", begin=begin)


class Life(SdkTest):
    TEXT = SERVICE + CONCURRENT
    SETTINGS = {"concurrency": 16}

    def test_a_reload_finishes_running_calls_in_the_old_process(self):
        daemon = self.start(**self.options)
        connection = self.connect(daemon)
        before = connection.result("py.pid")
        begin = len(daemon.log)
        connection.call("py.sleep", [limit(2)], id="last")
        daemon.wait_log("runs py.sleep", begin=begin)
        daemon.reload(backends=[self.backend(env={"PYTHONPATH": SDK, "NEW": "1"})])
        daemon.wait_log("reloaded|configuration", begin=begin)
        answers = {}
        while "last" not in answers:
            call_id = connection.call("py.pid")
            while call_id not in answers:
                reply = connection.receive()
                answers[reply["id"]] = reply
        self.assertIn("left", answers["last"]["result"])
        self.assertNotEqual(connection.result("py.pid"), before)

    def test_a_stop_finishes_running_calls(self):
        daemon = self.start(**self.options)
        connection = self.connect(daemon)
        begin = len(daemon.log)
        connection.call("py.sleep", [limit(0.3)], id="last")
        daemon.wait_log("runs py.sleep", begin=begin)
        daemon.signal(15)
        self.assertIn("result", connection.receive())
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertNotIn("killed", daemon.log_text())


if __name__ == "__main__":
    main()
