"""One module per kind of row. Each has ROWS: a row's name to the function that measures it, given a Bench, and
gives its lines; and NEEDS, the programs beside sluiced, sluice and raw_echo that have to be built for it."""

from measure.rows import backends, connections, greedy, growth, idle, kills, overload, peers, polite, protocols, registry, share, startup, threads, throughput

MODULES = (throughput, threads, overload, greedy, polite, share, backends, kills, connections, registry, growth, startup, idle, protocols, peers)
ROWS = {name: measure for module in MODULES for name, measure in module.ROWS.items()}
NEEDS = {name: module.NEEDS for module in MODULES for name in module.ROWS}
QUICK = ("W1", "W2", "W3", "W4", "startup", "idle")
