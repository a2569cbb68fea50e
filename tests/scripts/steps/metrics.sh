#!/usr/bin/env bash
# The metrics of a daemon that has served something, in the eyes of Prometheus.
# shellcheck source=tests/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

needs "$preset" sluiced sluice_cli
start_daemon "$preset" --demo
"build/$preset/bin/sluice" call "tcp://$rpc" demo.sum '[1, 2]' >/dev/null
"build/$preset/bin/sluice" call "tcp://$rpc" nothing.here >/dev/null 2>&1 || true
curl --silent --show-error --fail --max-time 10 "http://$admin/metrics" >"$scratch/metrics"

# promtool writes complaints, some of them with exit code 0.
promtool_silent() {
  local said
  if ! said=$(promtool check metrics <"$scratch/metrics" 2>&1) || [[ -n $said ]]; then
    echo "$said"
    return 1
  fi
}
# Each metric that an alert rule names exists, so that no alert is silent by a misspelling.
rules_name_metrics() {
  local name found=0
  while read -r name; do
    grep -qE "^# TYPE ${name%_bucket} " "$scratch/metrics" || {
      echo "no metric $name"
      found=1
    }
  done < <(grep -oE '\b(sluice|process)_[a-z_]+' deploy/prometheus/sluice.rules.yml | sort -u)
  return "$found"
}

check "promtool check metrics" promtool_silent
check "promtool check rules" promtool check rules deploy/prometheus/sluice.rules.yml
check "promtool test rules" promtool test rules deploy/prometheus/sluice.rules.test.yml
check "alert rules name metrics that exist" rules_name_metrics
check "stops with exit code 0" stop_daemon
