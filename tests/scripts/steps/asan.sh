#!/usr/bin/env bash
# Unit tests, black-box tests and the storm under the address and undefined-behaviour sanitizers.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# The programs are several times slower: tests that know of time take it into account.
export SLUICE_SLOW=1
# Any finding ends the program with an exit code that no test takes for its own.
export ASAN_OPTIONS=exitcode=66:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

build asan
build_ahead tsan
units asan
examples asan
blackbox asan
storm asan
