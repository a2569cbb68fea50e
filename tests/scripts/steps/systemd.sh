#!/usr/bin/env bash
# The units under a systemd that really runs.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

suite "tests/systemd.sh" tests/systemd.sh
