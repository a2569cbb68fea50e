#!/usr/bin/env bash
# Pages in a real browser. Needs the release build.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

needs "$preset" sluiced sluice_cli
programs_of "$preset"
suite "pages in a browser" python3 tests/browser/test_browser.py
