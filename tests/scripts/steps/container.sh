#!/usr/bin/env bash
# The image as it is really built.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

build_ahead asan
suite "tests/container.sh" tests/container.sh
