"""One module per peer, each with

    NAME                  for the table
    LOADS                 which of W1 to W4 it is measured under
    usable(bench)         whether it is installed and asked for; says so where it is not
    echo(bench, load)     a context that runs it and gives a function that measures its calls per second once
"""

import shutil
import socket

from measure import build


def installed(bench, name, *programs):
    """Whether a peer's programs are there; its absence is noted for the report."""
    if not bench.peers:
        return False
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        bench.skip(f"{name}: {', '.join(missing)} not installed (see bench/peers.txt)")
    return not missing


def built(bench, name, *targets):
    """Whether a peer's own programs could be built, which they can where its library is installed."""
    if not bench.peers:
        return False
    done = build.build(targets)
    if not done:
        bench.skip(f"{name}: its library is not installed (see bench/peers.txt)")
    return done


def free_port():
    """For a server that can't choose one itself and tell it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
