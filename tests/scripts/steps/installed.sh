#!/usr/bin/env bash
# Programs outside the tree, built against an installed copy; the installed files are all there.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

installed=(
  bin/sluice
  bin/sluiced
  include/sluice/server.hpp
  include/sluice/service/lazy.hpp
  lib/systemd/system/sluiced.service
  lib/systemd/system/sluiced.socket
  lib/sysusers.d/sluice.conf
  share/sluice/node/package.json
  share/sluice/node/sluice.d.mts
  share/sluice/node/sluice.d.ts
  share/sluice/node/sluice.mjs
  share/sluice/python/sluice.py
)

all_installed() {
  local file code=0
  cmake --install build/release --prefix "$scratch/prefix" >"$scratch/install.log" || return
  for file in "${installed[@]}"; do
    [[ -e $scratch/prefix/$file ]] || {
      echo "not installed: $file"
      code=1
    }
  done
  return "$code"
}
# The unit starts the program where this installation has put it.
unit_names_program() {
  grep -qF "ExecStart=$scratch/prefix/bin/sluiced " "$scratch/prefix/lib/systemd/system/sluiced.service"
}

needs release
check "everything is installed" all_installed
check "the unit starts the installed program" unit_names_program
suite "the installed Python SDK" env PYTHONPATH="$scratch/prefix/share/sluice/python" \
  python3 -W error tests/sdk/python/test_announcing.py
suite "an example against the installed copy" tests/examples/installed_copy.sh build/release
SLUICE_PREFIX=$scratch/prefix suite "the documents' programs" python3 tests/examples/test_embedding.py
