"""The context of every row: programs, cores, the length and number of rounds, and functions that start servers."""

import contextlib
import dataclasses
import json
import os
import pathlib

from measure.process import Process

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build" / "bench"


def two_cores():
    """One core for the server and another for the load; the same one where there is no other."""
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, {cores[1 % len(cores)]}


def config_text(listen, server, clients, tls, more):
    """A configuration file of sluiced; `server` holds keys of its [server], each of `clients` those of a [[client]],
    `tls` is the table of its TCP listeners, `more` what else is to stand in it. With /metrics, as it is deployed."""
    lines = ["[server]", *(f"{key} = {value}" for key, value in server.items())]
    for address in listen:
        lines += ["[[listen]]", f'address = "{address}"']
        if tls and address.startswith("tcp:"):
            lines.append(f"tls = {tls}")
    for client in clients:
        lines += ["[[client]]", *(f"{key} = {json.dumps(value)}" for key, value in client.items())]
    return "\n".join([*lines, "[admin]", 'address = "tcp://127.0.0.1:0"', more, ""])


@dataclasses.dataclass
class Bench:
    binaries: pathlib.Path  # holds sluiced and sluice
    folder: pathlib.Path    # for logs, sockets and configuration files; removed in the end
    rounds: int
    seconds: float          # of each load
    peers: bool             # whether other servers are measured as well
    server_cores: set = dataclasses.field(default_factory=lambda: two_cores()[0])
    load_cores: set = dataclasses.field(default_factory=lambda: two_cores()[1])
    skipped: list = dataclasses.field(default_factory=list)
    _named: int = 0

    @property
    def sluice(self):
        return self.binaries / "sluice"

    @property
    def busy_server(self):
        return BUILD / "bin" / "busy_server"

    def skip(self, why):
        if why not in self.skipped:
            self.skipped.append(why)

    def path(self, name):
        """An unused path in the folder."""
        self._named += 1
        return self.folder / f"{self._named}.{name}"

    def start(self, *command, cores=None, environment=None):
        return Process(command, cores or self.server_cores, self.folder, environment)

    def start_sluiced(self, cores=None, environment=None, clients=(), tls="", more="", **server):
        """On a free TCP port and a Unix socket, its defaults but for the keys of [server], the clients, the table of
        TLS and the text given."""
        config = self.path("toml")
        addresses = ["tcp://127.0.0.1:0", f"unix://{self.path('sock')}"]
        config.write_text(config_text(addresses, server, clients, tls, more), encoding="utf-8")
        return self.start(self.binaries / "sluiced", "--config", config, "--demo", cores=cores, environment=environment)

    def start_raw_echo(self, scheme="tcp", *more):
        return self.start(BUILD / "bin" / "raw_echo", scheme, "0" if scheme == "tcp" else self.path("sock"), *more)

    @contextlib.contextmanager
    def beside_raw_echo(self, scheme="tcp", **server):
        """The addresses of a sluiced and of the raw echo."""
        with self.start_sluiced(**server) as sluiced, self.start_raw_echo(scheme) as raw:
            yield sluiced.address(scheme), raw.address(scheme)
