"""Clients that take what they can: one attack each, run as a process of its own by `python3 -m measure.attacks`."""
