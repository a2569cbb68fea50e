"""What bench/run.sh runs: starts servers, loads them, and says what came of it. See bench/README.md.

`rows/` has one module per kind of row; the rest is what they share.
"""
