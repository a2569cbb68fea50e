#!/usr/bin/env bash
# The protocols between threads, as models: each is checked exhaustively, and each fault planted in one is found.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# verify MODEL DEFINITION...: makes and runs the verifier in a folder of its own; its report is in $report.
verify() {
  local folder
  folder=$(mktemp -d "$scratch/model.XXXXXX")
  report=$folder/report
  (
    cd "$folder"
    spin -a "${@:2}" "$repo/docs/models/$1.pml" >spin.log 2>&1 || { cat spin.log; exit 1; }
    # A verifier's source is one large file: optimizing it pays only for large models.
    gcc "-O${optimize:-1}" -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c || exit 1
    timeout 300 ./pan -m1000000 >report 2>&1
  )
}
found_error() { grep -q 'errors: [1-9]' "$report"; }
holds() {
  verify "$@" || true
  if grep -E 'states, stored|errors:|max search depth|assertion violated' "$report"; then :; fi
  grep -q 'errors: 0$' "$report" && ! grep -qE 'max search depth too small|out of memory|Interrupted' "$report"
}
# With the fault in it, that configuration of the model (by number) does not hold.
is_found() { # MODEL MUTANT NUMBER
  local configuration
  read -ra configuration < <(configurations "$1" | sed -n "$3p")
  optimize=0 verify "$1" "${configuration[@]/#/-D}" "-D$2" || true
  found_error
}
configurations() { sed -n 's|^/\* configuration: \(.*\) \*/$|\1|p' "docs/models/$1.pml"; }
mutants() { sed -n 's|^/\* mutant of \([0-9]*\): \(.*\) \*/$|\1 \2|p' "docs/models/$1.pml"; }

if ! command -v spin >/dev/null; then
  skipped 1 "models: there is no spin here"
  exit 0
fi
for file in docs/models/*.pml; do
  model=$(basename "$file" .pml)
  while read -ra configuration; do
    check "$model holds with ${configuration[*]}" holds "$model" "${configuration[@]/#/-D}"
  done < <(configurations "$model")
  while read -r number mutant; do
    check "$model: $mutant is found" is_found "$model" "$mutant" "$number"
  done < <(mutants "$model")
done
