# Counts of checks: files with lines `passed N`, `failed N`, `skipped N WHY`. Sourced, not run.
# shellcheck shell=bash

# counted KIND FILE...
counted() {
  local kind=$1
  shift
  awk -v kind="$kind" '$1 == kind { total += $2 } END { print total + 0 }' "$@"
}

# closing_line FILE...: without a newline.
closing_line() {
  local skipped
  skipped=$(counted skipped "$@")
  printf '%d passed, %d failed' "$(counted passed "$@")" "$(counted failed "$@")"
  ((skipped == 0)) || printf ', %d skipped' "$skipped"
}
