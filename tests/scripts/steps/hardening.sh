#!/usr/bin/env bash
# The systemd units: rating of what the service can do, and systemd's own opinion of the files.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

limit=1.5

rating() {
  systemd-analyze security --offline=true --no-pager systemd/sluiced.service |
    sed -n 's/.*Overall exposure level for sluiced.service: \([0-9.]*\).*/\1/p'
}
rated_well() {
  local exposure
  exposure=$(rating)
  echo "exposure level $exposure, at most $limit"
  [[ -n $exposure ]] && awk -v have="$exposure" -v limit="$limit" 'BEGIN { exit !(have <= limit) }'
}
# In a copy whose program exists: the installed one need not.
verified() {
  local said
  sed 's|/usr/bin/sluiced|/bin/true|' systemd/sluiced.service >"$scratch/sluiced.service"
  cp systemd/sluiced.socket "$scratch/"
  said=$(systemd-analyze verify --man=no "$scratch/sluiced.service" "$scratch/sluiced.socket" 2>&1 |
    grep -F "$scratch" || true)
  [[ -z $said ]] || {
    echo "$said"
    return 1
  }
}
# TimeoutStopSec leaves room for the default drain_timeout, which is 20s.
stops_after_drain() {
  local seconds
  seconds=$(sed -n 's/^TimeoutStopSec=\([0-9]*\)s$/\1/p' systemd/sluiced.service)
  ((seconds > 20))
}

# A core file would hold tokens and keys.
writes_no_core() {
  grep -qx 'LimitCORE=0' systemd/sluiced.service
}

check "systemd-analyze security" rated_well
check "systemd-analyze verify" verified
check "TimeoutStopSec is longer than drain_timeout" stops_after_drain
check "no core files" writes_no_core
