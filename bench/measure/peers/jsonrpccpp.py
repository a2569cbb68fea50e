"""libjson-rpc-cpp over HTTP: bench/peers/jsonrpccpp_server.cpp, loaded by wrk."""

import contextlib

from measure.context import BUILD
from measure.peers import accepts, built, free_port, installed, wrk

NAME = "libjson-rpc-cpp (HTTP)"
LOADS = ("W1", "W2")  # wrk has one request in flight on each connection


def usable(bench):
    return installed(bench, "libjson-rpc-cpp", "wrk") and built(bench, "libjson-rpc-cpp", "jsonrpccpp_server")


@contextlib.contextmanager
def echo(bench, load):
    port = free_port()
    with bench.start(BUILD / "bin" / "jsonrpccpp_server", port) as server:
        server.until(lambda: accepts(port), "libjson-rpc-cpp does not listen")
        yield lambda: wrk.rate_of(bench, port, load)
