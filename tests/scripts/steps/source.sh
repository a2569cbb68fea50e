#!/usr/bin/env bash
# The source keeps the project's rules: layers, cycles, words, lengths, paths, errors. The check finds planted faults.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

suite "source check finds what is planted" python3 tests/scripts/source/test_source_check.py
suite "the rule of errors finds what is planted" python3 tests/scripts/source/test_error_returns.py
suite "the choice of tests for a change" python3 tests/scripts/selection/test_changes.py
suite "rules of the source" python3 tests/scripts/source/source_check.py
