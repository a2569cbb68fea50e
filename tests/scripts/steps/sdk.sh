#!/usr/bin/env bash
# The SDKs for handlers: their unit tests, in their languages' own test tools.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

suite "SDK for Node.js" node --test tests/sdk/node/*.test.mjs
