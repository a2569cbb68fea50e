#!/usr/bin/env bash
# The debug build with its unit tests and examples.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

build debug
units debug
examples debug
