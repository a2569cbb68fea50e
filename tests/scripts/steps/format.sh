#!/usr/bin/env bash
# Every C++ file is as .clang-format has it. What is not: git ls-files '*.[ch]pp' | xargs clang-format-14 -i
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

formatted() { git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-14 --dry-run -Werror; }

check "C++ files are formatted" formatted
