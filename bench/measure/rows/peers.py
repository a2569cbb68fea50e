"""Other servers under the same loads. Each is skipped, and that is said, where it is not installed."""

from measure import load
from measure.figures import Line, compared, in_turn
from measure.load import LOADS
from measure.peers import grpc, jayson, jsonrpccpp, nginx, redis

NEEDS = ()
PEERS = (redis, jayson, jsonrpccpp, grpc, nginx)
OWN = "demo.echo"


def beside(bench, peer):
    """The peer's loads, each in turn with sluiced's of the same shape."""
    with bench.start_sluiced() as sluiced:
        for name in peer.LOADS:
            with peer.echo(bench, LOADS[name]) as peer_rate:
                rates = in_turn(bench.rounds, {
                    OWN: lambda: load.rate(bench, sluiced.address(), OWN, LOADS[name]), "peer": peer_rate})
            row = f"peers {peer.__name__.rpartition('.')[2]} {name}"
            yield Line(row, OWN, "calls/s", rates[OWN])
            yield compared(row, peer.NAME, "calls/s", rates["peer"], OWN, rates[OWN])


def measure(bench):
    if not bench.peers:
        bench.skip("peers: --no-peers")
    for peer in PEERS:
        if peer.usable(bench):
            yield from beside(bench, peer)


ROWS = {"peers": measure}
