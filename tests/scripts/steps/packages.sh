#!/usr/bin/env bash
# Installs the needs of building and testing: Debian packages, and the Node.js clients.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

check "Debian packages" deploy/packages/install.sh build.txt run.txt test.txt
if [[ -e tests/clients/package.json ]]; then
  if [[ -e tests/clients/package-lock.json ]]; then npm_install=ci; else npm_install=install; fi
  check "Node.js packages" npm --prefix tests/clients "$npm_install" --no-audit --no-fund --loglevel=error
fi
