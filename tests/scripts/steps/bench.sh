#!/usr/bin/env bash
# The measuring suite works, whatever it measures. After the release step.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

programs_of release
suite "the measuring suite" python3 tests/bench/test_bench.py
