#!/usr/bin/env bash
# Documents: links and names are right, the reference is as generated, commands and configurations work. Needs the release build.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

needs "$preset" sluiced sluice_cli
programs_of "$preset"
suite "links of the documents" python3 tests/docs/test_links.py
suite "names in the documents" python3 tests/docs/test_names.py
suite "the generator of the reference" python3 tests/scripts/reference/test_reference.py
suite "the reference is as generated" python3 tests/scripts/reference/reference.py
suite "reference and source agree" python3 tests/docs/test_reference.py
suite "commands in the documents" python3 tests/docs/test_snippets.py
