#!/usr/bin/env bash
# Instructions and system calls per call are those on record, within 3 and 5 %. Needs the release build.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

export SLUICE_SLOW=1 # the daemon runs under tools that slow it down many times
needs release
programs_of release
if ! strace --output=/dev/null true; then
  skipped 6 "cost: processes can't be traced here"
elif ! valgrind --quiet --tool=none true; then
  skipped 6 "cost: valgrind doesn't run here"
else
  suite "cost of a call" python3 tests/cost/cost.py
fi
unset SLUICE_SLOW
suite "busy polling" python3 tests/cost/busy_poll.py
