#!/usr/bin/env bash
# Pages in a real browser. After the release step.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

programs_of release
suite "pages in a browser" python3 tests/browser/test_browser.py
