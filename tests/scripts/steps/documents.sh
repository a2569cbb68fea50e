#!/usr/bin/env bash
# Documents: no link is dead, names are in the tree, commands and configurations work. After the release step.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

programs_of release
suite "links of the documents" python3 tests/docs/test_links.py
suite "names in the documents" python3 tests/docs/test_names.py
suite "reference and programs agree" python3 tests/docs/test_reference.py
suite "commands in the documents" python3 tests/docs/test_snippets.py
