#!/usr/bin/env bash
# clang-tidy finds no fault in the lines of C++ that this branch changes against main, see .clang-tidy.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# Of the version of the sanitizer builds.
if ! command -v clang-tidy-19 >/dev/null; then
  skipped 1 "tidy: there is no clang-tidy-19 here"
  exit 0
fi
base=${SLUICE_BASE:-}
for main in main origin/main HEAD; do
  [[ -z $base ]] || break
  base=$(git merge-base HEAD "$main" 2>/dev/null) || true
done
# The benchmarks are not part of the build whose compile commands are used.
changes() { git diff --no-color --no-ext-diff --unified=0 "$base" -- '*.cpp' '*.hpp' ':!bench'; }
tidy() {
  # A precompiled header would have to be compiled first.
  cmake --preset asan -B build/tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >build/logs/tidy.cmake.log || return 1
  changes | nice clang-tidy-diff-19.py -clang-tidy-binary clang-tidy-19 -p1 -path build/tidy -j "$jobs" -quiet
}

# Each takes 5 to 40 s. A change of more files is a move or a renaming.
readonly files_max=60
files=$(git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.hpp' ':!bench' | wc -l)
if ((files == 0)); then
  passed
  echo "ok: no C++ differs from $base"
elif ((files > files_max)); then
  skipped 1 "tidy: $files files of C++ differ from $base, and $files_max would take ten minutes"
else
  check "clang-tidy on what differs from $base" tidy
fi
