#!/usr/bin/env bash
# The SDKs for handlers: their unit tests, in their languages' own test tools.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

suite "SDK for Node.js" node --test tests/sdk/node/*.test.mjs
suite "SDK for Python" env PYTHONPATH="$repo/sdk/python" \
  python3 -W error -m unittest discover --start-directory tests/sdk/python
if command -v mypy >/dev/null; then
  check "types of the SDK for Python" env MYPYPATH=sdk/python \
    mypy --strict sdk/python/sluice.py examples/handlers/sdk_handler.py
else
  skipped 1 "types of the SDK for Python: there is no mypy here"
fi
