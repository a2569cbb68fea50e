#!/usr/bin/env bash
# Each libFuzzer target for a while, on a corpus that starts from the one in the tree.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

seconds=${SLUICE_FUZZ_SECONDS:-60}

# fuzz_one NAME: what it finds stays in build/fuzz/{corpus,artifacts}/NAME.
fuzz_one() {
  local name=$1 options=() corpora=("build/fuzz/corpus/$1")
  mkdir -p "build/fuzz/corpus/$name" "build/fuzz/artifacts/$name"
  [[ ! -e tests/fuzz/corpus/$name ]] || corpora+=("tests/fuzz/corpus/$name")
  [[ ! -e tests/fuzz/$name.dict ]] || options+=("-dict=tests/fuzz/$name.dict")
  nice "build/asan/bin/fuzz_$name" "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    "-artifact_prefix=build/fuzz/artifacts/$name/" "${options[@]}" \
    "${corpora[@]}" >"build/logs/fuzz_$name.log" 2>&1
}

# One line about a target's run, and its whole output if it found something.
tell() {
  local name=$1 log=build/logs/fuzz_$1.log
  grep -E '^stat::number_of_executed_units|^stat::average_exec_per_sec' "$log" | sed "s/^/$name /" || true
  if [[ ${2:-} == all ]]; then tail -n 60 "$log"; fi
}

# finish PID: waits for that target and counts it.
finish() {
  local name=${running[$1]}
  if wait "$1"; then
    passed
    echo "ok: fuzz_$name"
    tell "$name"
  else
    failed 1 "fuzz_$name; what it died of is in build/fuzz/artifacts/$name"
    tell "$name" all
  fi
  unset "running[$1]"
}

targets=()
for source in tests/fuzz/fuzz_*.cpp; do targets+=("$(basename "$source" .cpp)"); done
build asan "${targets[@]}"

mkdir -p build/logs
declare -A running=()
for target in "${targets[@]}"; do
  fuzz_one "${target#fuzz_}" &
  running[$!]=${target#fuzz_}
done
for pid in "${!running[@]}"; do finish "$pid"; done
