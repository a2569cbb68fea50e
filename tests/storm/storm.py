#!/usr/bin/env python3
"""A storm of clients of all protocols that call, cancel, leave, half-close and send invalid text while the daemon is reloaded.

    SLUICED=build/release/bin/sluiced tests/storm/storm.py [--seconds 20] [--connections 200] [--seed N]

Afterwards nothing may be left: calls in flight, abandoned handlers, connections and open descriptors are
back where they were; every id was answered at most once, and exactly once on connections that stayed.
Exits 1 with the reasons where that does not hold. The seed is printed, and repeats what the clients do.
"""

import argparse
import asyncio
import collections
import random
import sys
import time

from client import Tally, Violation  # first: it finds the modules of the black-box tests
from http_clients import HttpClient
from stream_clients import HeaderClient, StreamClient
from support.daemon import Daemon, SANITIZED, eventually
from websocket_clients import WebSocketClient

# Weights of the protocols in the choice.
PROTOCOLS = {StreamClient: 3, HeaderClient: 1, HttpClient: 3, WebSocketClient: 3}

# These pauses are what the storm is made of, and wait for nothing: an operator's rhythm. Seconds.
RELOAD_MIN, RELOAD_MAX = 0.2, 0.7
SCRAPE = 0.25


def configuration(generator):
    """A random change that keeps the storm's rules true."""
    return {
        "server": {"max_batch": generator.randrange(12, 1000), "batch_width": generator.randrange(1, 32),
                   "connection_window": generator.randrange(1, 200), "call_timeout": f"{generator.randrange(100, 3000)}ms"},
        "methods": {"demo.sleep": {"max_concurrent": generator.randrange(1, 400)}, "demo.*": {"timeout": f"{generator.randrange(50, 3000)}ms"}},
        "log": {"level": generator.choice(("info", "warn", "debug")), "slow_call": generator.choice(("1ms", "1s"))},
    }


async def reload_now_and_then(daemon, generator, end):
    listen, count = daemon.parts["listen"], 0
    while time.monotonic() < end:
        await asyncio.sleep(generator.uniform(RELOAD_MIN, RELOAD_MAX))
        extra = [f"unix://{daemon.directory}/extra{generator.randrange(3)}.sock"] if generator.random() < 0.5 else []
        if generator.random() < 0.2:
            daemon.reload(text="[server]\nworker = broken\n")
        else:
            daemon.reload(listen=listen + extra, **configuration(generator))
        count += 1
    return count


async def one_after_another(daemon, generator, tally, end):
    while time.monotonic() < end and len(tally.violations) < 5:
        try:
            protocol, = generator.choices(list(PROTOCOLS), PROTOCOLS.values())
            await protocol(daemon, random.Random(generator.random()), tally).run()
        except Violation as violation:
            tally.violations.append(str(violation))
        except Exception as error:  # an error of this program must not look like success
            tally.violations.append(f"{type(error).__name__}: {error}")


async def scrape_now_and_then(daemon, tally, end):
    loop = asyncio.get_running_loop()
    while time.monotonic() < end:
        try:
            await loop.run_in_executor(None, daemon.metrics)
        except Exception as error:
            tally.violations.append(f"metrics: {error}")
        await asyncio.sleep(SCRAPE)


async def storm(daemon, seed, seconds, connections, tally):
    end = time.monotonic() + seconds
    clients = [one_after_another(daemon, random.Random(f"{seed}/{number}"), tally, end) for number in range(connections)]
    results = await asyncio.gather(reload_now_and_then(daemon, random.Random(f"{seed}/reload"), end),
                                   scrape_now_and_then(daemon, tally, end), *clients)
    return results[0]


def remains(metrics, descriptors):
    names = ("sluice_calls_in_flight", "sluice_calls_abandoned", "sluice_connections", "sluice_worker_busy", "sluice_worker_queue_depth")
    return {**{name: int(metrics.value(name)) for name in names}, "descriptors": descriptors}


def closings(metrics):
    """The daemon's counts of connections by the reason of their end."""
    name = "sluice_connections_closed_total"
    return collections.Counter({reason: int(metrics.value(name, reason=reason)) for reason in metrics.label_values(name, "reason")})


def most(counter):
    return ", ".join(f"{count} {what}" for what, count in counter.most_common() if count)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--connections", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = arguments.parse_args()
    print(f"storm: seed {options.seed}, {options.connections} connections, {options.seconds:g} s", flush=True)

    # Few workers and a short queue, so that calls are refused as well.
    server = {"workers": 4, "worker_queue": 100, "call_timeout": "5s", "drain_timeout": "5s", "connection_window": 64, "max_connections": 5000}
    daemon = Daemon(server=server).start()
    tally, closed = Tally(), collections.Counter()
    try:
        listen = daemon.parts["listen"]
        with daemon.connect() as connection, daemon.connect("unix") as other:
            connection.fence()
            other.fence()
        daemon.wait_connections(0)
        before = remains(daemon.metrics(), daemon.open_descriptors())
        reloads = asyncio.run(storm(daemon, options.seed, options.seconds, options.connections, tally))
        if daemon.process.poll() is not None:
            tally.violations.append(f"the daemon died with {daemon.process.returncode}")
        else:
            daemon.parts["methods"] = daemon.parts["log"] = None
            daemon.reload(listen=listen, server=server)
            after = {}

            def is_idle():
                after.update(remains(daemon.metrics(), daemon.open_descriptors()))
                return after == before

            try:
                eventually(15, is_idle)
            except AssertionError:
                tally.violations.append(f"not back where it was: before {before}, after {after}")
            closed = closings(daemon.metrics())
            with daemon.connect() as connection:
                connection.fence()
            status = daemon.stop()
            if status != 0:
                tally.violations.append(f"exit code {status} after SIGTERM")
        if SANITIZED.search(daemon.log_text()):
            tally.violations.append("a sanitizer complains:\n" + daemon.log_text())
        for protocol in PROTOCOLS:
            if not tally.protocols[protocol.name]:
                tally.violations.append(f"no client spoke {protocol.name}")
        if not tally.codes:
            tally.violations.append("nothing was answered")
        print(f"storm: {sum(tally.ends.values())} connections ({most(tally.protocols)}), {tally.sent} ids, {reloads} reloads")
        print(f"storm: ends: {most(tally.ends)}")
        print(f"storm: closed: {most(closed)}")
        print(f"storm: answers: {most(tally.codes)}")
    except AssertionError as error:
        tally.violations.append(str(error))
    finally:
        daemon.kill()
    if tally.violations:
        for violation in tally.violations[:20]:
            print(f"storm: VIOLATION: {violation}")
        if daemon.process.returncode not in (0, None):
            print("\n".join(daemon.log[-40:]))
        print(f"storm: FAILED, seed {options.seed}")
        return 1
    print("storm: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
