"""The program behind bench/run.sh: starts servers, loads them and prints the results. See bench/README.md.

`rows/` has one module per kind of row; the rest is what they share.
"""
