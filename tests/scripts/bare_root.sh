#!/usr/bin/env bash
# The promise of the README, kept: a clean clone on a Debian 12 that has nothing installed, and
# `deploy/quickstart.sh --once`. For use before a release; not a part of tests/run.sh.
#   tests/scripts/bare_root.sh [COMMAND...]     COMMAND in place of the quickstart, in the clone
# Tests the committed files. Needs root and debootstrap.
set -euo pipefail
unset SLUICE_COUNTS
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tests/scripts/roots.sh
source "$repo/tests/scripts/roots.sh"

why=$(roots_unavailable)
if [[ -n $why ]]; then
  skipped 1 "a bare root: $why"
  exit
fi
root=$scratch/root
mkdir "$root"
check "a bare Debian 12" root_copy base "$root"
check "a clean clone" git clone --quiet --no-hardlinks "$repo" "$root/srv/sluice"

(($# > 0)) || set -- deploy/quickstart.sh --once
# With a network of its own the quickstart could install nothing, so its ports must be free here.
check "$*" root_chroot "$root" bash -c 'cd /srv/sluice && exec "$@"' in_clone "$@"
