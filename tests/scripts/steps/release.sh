#!/usr/bin/env bash
# The release build, and every test against its programs.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

build release
blackbox release
