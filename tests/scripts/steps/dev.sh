#!/usr/bin/env bash
# The dev build, and what SLUICE_PARTS names of its tests: unit tests and black-box smoke tests, if it is not set.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# units | unit:FOLDER | smoke | blackbox:PATTERN | cli | examples | storm, see tests/scripts/selection/rules.py.
read -ra parts <<<"${SLUICE_PARTS:-units smoke}"
targets=(sluiced sluice_cli)
folders=()
patterns=()
for part in "${parts[@]}"; do
  case $part in
    unit:*)
      targets+=("unit_${part#unit:}")
      folders+=("${part#unit:}")
      ;;
    units) targets+=(unit_tests) ;;
    examples) targets=(all) ;;
    blackbox:*) patterns+=("${part#blackbox:}") ;;
  esac
done
[[ ${targets[0]} != all ]] || targets=(all)

has() { [[ " ${parts[*]} " == *" $1 "* ]]; }
build dev "${targets[@]}"
if has units; then units dev; elif ((${#folders[@]} > 0)); then units dev "${folders[@]}"; fi
if has smoke; then smoke dev; fi
if ((${#patterns[@]} > 0)); then
  programs_of dev
  suite "black box (dev): ${patterns[*]}" python3 tests/blackbox/run.py "${patterns[@]}"
fi
if has cli; then command_line dev; fi
if has examples; then examples dev; fi
if has storm; then storm dev; fi
