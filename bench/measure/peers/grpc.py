"""gRPC C++, unary calls: bench/peers/grpc_server.cpp, loaded by grpc_client.cpp."""

import contextlib
import subprocess

from measure.context import BUILD
from measure.load import WAIT_MAX_S
from measure.peers import built
from measure.process import Failure, on_cores

NAME = "gRPC unary"
LOADS = ("W1", "W2", "W3")


def usable(bench):
    return built(bench, "gRPC", "grpc_server", "grpc_client")


def rate_of(bench, address, load):
    command = [BUILD / "bin" / "grpc_client", address, load.connections, load.depth, load.size, bench.seconds]
    try:
        with on_cores(bench.load_cores):
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                                  timeout=bench.seconds * 2 + WAIT_MAX_S)
    except subprocess.SubprocessError as error:
        raise Failure(f"grpc_client: {error}") from None
    return float(done.stdout)


@contextlib.contextmanager
def echo(bench, load):
    with bench.start(BUILD / "bin" / "grpc_server") as server:
        address = server.address().removeprefix("tcp://")
        yield lambda: rate_of(bench, address, load)
