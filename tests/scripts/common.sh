# Common functions of the steps of tests/run.sh. Sourced, not run.
# A step is a script in steps/ that reports each of its checks with `passed`,
# `failed` and `skipped`; tests/run.sh adds them up.
# shellcheck shell=bash
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export repo
jobs=$(nproc)
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/sluice-test.XXXXXX")
# A step that is run by hand is not added up, and prints its own closing line.
counts=${SLUICE_COUNTS:-$scratch/counts}
# Whose programs the steps take that build nothing themselves.
preset=${SLUICE_PRESET:-release}
cleanups=()

cd "$repo"
# shellcheck source=tests/scripts/counts.sh
source tests/scripts/counts.sh

passed() {
  echo "passed 1" >>"$counts"
}
failed() { # COUNT WHAT
  echo "failed $1" >>"$counts"
  echo "FAILED: $2"
}
skipped() { # COUNT WHY
  echo "skipped $1 $2" >>"$counts"
  echo "skipped: $2"
}

# check WHAT COMMAND...: counts COMMAND's exit code as one check. Never ends the step.
check() {
  local what=$1
  shift
  if "$@"; then
    passed
    echo "ok: $what"
  else
    failed 1 "$what"
  fi
}

# Everything that a step starts or mounts is ended by a cleanup, last first, on every way out.
on_exit() {
  cleanups+=("$(printf '%q ' "$@")")
}
run_cleanups() {
  local code=$? at
  set +e # whatever fails here, the rest is cleaned up too
  trap '' INT TERM
  for ((at = ${#cleanups[@]} - 1; at >= 0; --at)); do
    eval "${cleanups[at]}"
  done
  if [[ $counts == "$scratch/counts" ]]; then
    close_program "$code" || code=1
  fi
  rm -rf --one-file-system "$scratch"
  exit "$code"
}
# The closing line and the exit code of a program that adds up for itself.
close_program() {
  touch "$counts"
  if (($1 != 0 && $(counted failed "$counts") == 0)); then failed 1 "ended with exit code $1"; fi
  closing_line "$counts"
  echo
  (($(counted failed "$counts") == 0))
}
# For on_exit: ends a process of this script's. It may have ended before, and its number
# may be another's by now.
end() { # PID [SIGNAL]
  grep -qsE "^PPid:[[:space:]]+$$\$" "/proc/$1/status" || return 0
  kill -"${2:-TERM}" "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}
trap run_cleanups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The symbolizer with which the sanitizers name lines in their reports.
export PATH=$PATH:/usr/lib/llvm-19/bin

# build PRESET [TARGET...]: configures and compiles it; counts as one check, and nothing after it makes
# sense without.
build() {
  local targets=()
  (($# == 1)) || targets=(--target "${@:2}")
  if cmake --preset "$1" && nice cmake --build --preset "$1" --parallel "$jobs" "${targets[@]}"; then
    passed
    echo "ok: build $1"
  else
    failed 1 "the $1 build"
    exit 1
  fi
}

# needs PRESET [TARGET...]: its build, for a step whose tests are not those of the build. Where the step of that
# build is part of this run, the build is there.
needs() {
  [[ " ${SLUICE_STEPS:-} " == *" $1 "* ]] || build "$@"
}

# build_ahead PRESET: where its step is among those of this run, compiles it from now on beside this step, whose
# programs mostly wait. That step reports the result.
build_ahead() {
  [[ " ${SLUICE_STEPS:-} " == *" $1 "* ]] || return 0
  { cmake --preset "$1" && nice -n 19 cmake --build --preset "$1" --parallel "$jobs"; } \
    >"build/logs/$1.ahead.log" 2>&1 &
  on_exit wait $!
}

# units PRESET [FOLDER...]: ctest in that build tree, of all folders if none is given. A program that reports its own
# cases counts as those.
units() {
  local report=$repo/build/$1/ctest.xml labels=()
  (($# == 1)) || labels=(--label-regex "^($(IFS='|' && echo "${*:2}"))\$")
  rm -f "$report"
  ctest --test-dir "build/$1" "${labels[@]}" --parallel "$jobs" --timeout 300 --output-on-failure --no-tests=error \
    --test-output-size-passed 1000000 --test-output-size-failed 1000000 --output-junit "$report" || true
  if ! python3 tests/scripts/count_ctest.py "$report" >>"$counts"; then
    failed 1 "no report from ctest in build/$1"
  fi
}

# suite WHAT COMMAND...: a program whose last line is `N passed, N failed[, N skipped]`,
# or that is one of Python's or Node's own test runners.
suite() {
  local what=$1 code=0 output=$scratch/suite.out
  shift
  echo "--- $what: $*"
  "$@" 2>&1 | tee "$output" || code=$?
  if ! python3 tests/scripts/count_suite.py "$code" "$output" >>"$counts"; then
    failed 1 "$what ended with exit code $code and no closing line"
  fi
}

# blackbox PRESET: everything that talks to real processes, with the programs of that build.
blackbox() {
  programs_of "$1"
  suite "black box ($1)" python3 tests/blackbox/run.py
  command_line "$1"
}
# smoke PRESET: the quickest that tells something of each file.
smoke() {
  programs_of "$1"
  suite "black-box smoke ($1)" python3 tests/blackbox/run.py --smoke
}
command_line() { # PRESET
  programs_of "$1"
  suite "command line ($1)" python3 tests/cli/test_cli.py
  suite "tokens on the command line ($1)" python3 tests/cli/test_cli_tokens.py
}
programs_of() {
  export SLUICED=$repo/build/$1/bin/sluiced SLUICE=$repo/build/$1/bin/sluice EXAMPLES_DIR=$repo/build/$1/bin
}

# examples PRESET: not in the release build, which has no tests.
examples() {
  programs_of "$1"
  suite "examples ($1)" python3 tests/examples/test_examples.py
  suite "module ($1)" python3 tests/examples/test_module.py
}

# storm PRESET
storm() {
  programs_of "$1"
  check "storm ($1)" python3 tests/storm/storm.py
}

# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

# start_daemon PRESET [ARGUMENT...]: on free ports; sets $rpc and $admin (HOST:PORT), $daemon_pid, $daemon_log.
start_daemon() {
  local preset=$1
  shift
  daemon_log=$scratch/sluiced.log
  printf '%s\n' '[[listen]]' 'address = "tcp://127.0.0.1:0"' '[admin]' 'address = "tcp://127.0.0.1:0"' \
    >"$scratch/sluiced.toml"
  "build/$preset/bin/sluiced" --config "$scratch/sluiced.toml" "$@" 2>"$daemon_log" &
  daemon_pid=$!
  on_exit end "$daemon_pid" KILL
  if ! until_true 20 daemon_ready; then
    cat "$daemon_log"
    return 1
  fi
}
daemon_ready() {
  rpc=$(sed -n 's|.*listening on tcp://\([^ ]*:[0-9]*\).*|\1|p' "$daemon_log" | head -n 1)
  admin=$(sed -n 's|.*admin on tcp://\([^ ]*:[0-9]*\).*|\1|p' "$daemon_log" | head -n 1)
  [[ -n $rpc && -n $admin ]] && deploy/readyz.sh "$admin"
}
stop_daemon() {
  kill -TERM "$daemon_pid"
  wait "$daemon_pid"
}
