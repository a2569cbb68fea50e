#!/usr/bin/env bash
# Unit tests, black-box tests and the storm under the thread sanitizer.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# The programs are several times slower: tests that know of time take it into account.
export SLUICE_SLOW=1
# Several threads, backends' own among them: where there is one I/O thread, backends are on it.
export SLUICE_IO_THREADS=2
# Any finding ends the program with an exit code that no test takes for its own.
export TSAN_OPTIONS=exitcode=66:halt_on_error=1:second_deadlock_stack=1

build tsan
units tsan
examples tsan
blackbox tsan
storm tsan
