#!/usr/bin/env bash
# The units under a systemd that really runs, in a Debian 12 booted for it:
#   tests/systemd.sh
# Uses build/release. Needs root, debootstrap and systemd-nspawn; where it can't run it says why
# and counts as skipped. Ends with `N passed, N failed`.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
unset SLUICE_COUNTS # it prints its own closing line
# shellcheck source=tests/scripts/common.sh
source "$tests/scripts/common.sh"
# shellcheck source=tests/scripts/roots.sh
source "$tests/scripts/roots.sh"
# shellcheck source=tests/scripts/box.sh
source "$tests/scripts/box.sh"

tcp=tcp://127.0.0.1:7070
unix=unix:///run/sluice/sluice.sock

# --- looking at the service ---------------------------------------------------------------------

property() { box systemctl show --property="$1" --value sluiced.service; }
property_is() { [[ $(property "$1") == "$2" ]]; }
main_pid() { property MainPID; }
active() { property_is ActiveState active; }
# serving_again OLD_PID: another process than that one, and ready.
serving_again() { active && [[ $(main_pid) != "$1" && $(main_pid) != 0 ]]; }
journal() { box journalctl --unit=sluiced.service --output=cat --no-pager; }
journal_says() { grep -qE "$1" <<<"$(journal)"; }
status_says() { [[ $(property StatusText) =~ $1 ]]; }
readyz() { box curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' http://127.0.0.1:7071/readyz; }
call() { box sluice call "$@"; }
answers() { [[ $(call "$1" demo.sum '[20, 22]') == 42 ]]; }
fails() { ! "$@" >/dev/null 2>&1; }

# drop_in TEXT: what the service has beside its unit; replaces the one before.
drop_in() {
  mkdir -p "$root/etc/systemd/system/sluiced.service.d"
  printf '%s\n' '[Service]' 'ExecStart=' \
    'ExecStart=/usr/bin/sluiced --config /etc/sluice/sluiced.toml --demo' "$@" \
    >"$root/etc/systemd/system/sluiced.service.d/test.conf"
  box systemctl daemon-reload
}
configure() {
  { cat "$repo/deploy/sluiced.toml"; printf '%s\n' "$@"; } >"$root/etc/sluice/sluiced.toml"
}
# The start limit is for services that die again and again, which here they are made to.
restart() {
  box systemctl reset-failed sluiced.service sluiced.socket || true
  box systemctl restart sluiced.service
}

# --- what is checked ----------------------------------------------------------------------------

starts() {
  check "the socket unit starts" box systemctl start sluiced.socket
  # Neither address could be opened by the daemon itself: the one is bound, the folder of
  # the other is not its own. Serving them shows that it uses the sockets passed to it.
  check "the service starts and says READY" box systemctl start sluiced.service
  check "it is active" active
  check "/readyz is 200" test "$(readyz)" = 200
  check "a call over TCP" answers "$tcp"
  check "a call over the Unix socket" answers "$unix"
  check "it runs as a user of its own, not root" dynamic_user
  check "a member of the group sluice may use the Unix socket" as_user member
  check "another user may not" fails as_user stranger
}
dynamic_user() {
  [[ $(property DynamicUser) == yes ]] && box test "$(box stat --format=%u "/proc/$(main_pid)")" -gt 60000
}
as_user() { [[ $(box runuser --user "$1" -- sluice call "$unix" demo.sum '[20, 22]') == 42 ]]; }

status_line() {
  call "$tcp" demo.sleep '{"ms": 15000}' >/dev/null &
  local caller=$!
  on_exit end "$caller"
  check "STATUS has the calls in flight and the limit" until_true 15 status_says '\b1 calls? in flight.* [0-9]{2,}'
  wait "$caller" || failed 1 "the call in flight"
  check "STATUS goes back to 0" until_true 15 status_says '\b0 calls in flight'
}

reloads() {
  local pid
  pid=$(main_pid)
  configure '[method."demo.sum"]' 'max_concurrent = 7' '[server]' 'max_batch = 1'
  check "systemctl reload" box systemctl reload sluiced.service
  check "the new configuration holds" until_true 10 batch_is_refused
  configure '[server]' 'max_bach = 1'
  check "systemctl reload refuses a broken file" fails box systemctl reload sluiced.service
  check "and says where it is broken" journal_says 'sluiced.toml:[0-9]+:[0-9]+: .*max_batch'
  box systemctl kill --kill-whom=main --signal=HUP sluiced.service
  check "SIGHUP with a broken file changes nothing" batch_is_refused
  check "it is the same process, and active" test "$(main_pid) $(property ActiveState)" = "$pid active"
  configure
  check "systemctl reload mends it" box systemctl reload sluiced.service
}
batch_is_refused() {
  # shellcheck disable=SC2016 # expands inside
  box bash -c 'exec 3<>/dev/tcp/127.0.0.1/7070
    printf "[%s,%s]\n" "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo.sum\",\"params\":[1]}"{,} >&3
    read -r -t 5 -u 3 reply; [[ $reply == *-32010* ]]'
}

restarts_without_refusal() {
  local pid knocker stop=$scratch/stop
  restart
  pid=$(main_pid)
  rm -f "$stop"
  # This machine's Python in the box's network; the Unix socket is reached through /proc.
  nsenter --target "$box_leader" --net -- python3 "$tests/scripts/knock.py" "$stop" 127.0.0.1:7070 \
    "/proc/$box_leader/root/run/sluice/sluice.sock" >"$scratch/knock.out" &
  knocker=$!
  on_exit end "$knocker"
  sleep 0.5 # some calls before
  box systemctl kill --kill-whom=main --signal=KILL sluiced.service
  check "after SIGKILL it is restarted" until_true 20 serving_again "$pid"
  pid=$(main_pid)
  check "systemctl restart" restart
  check "another process serves" serving_again "$pid"
  sleep 0.5 # and some after
  touch "$stop"
  check "no connection was refused meanwhile" wait "$knocker"
  cat "$scratch/knock.out"
}

watchdog_kills_what_stands_still() {
  local pid
  drop_in WatchdogSec=2s TimeoutAbortSec=2s
  restart
  sleep 5 # twice the interval: a daemon that works must not be killed
  pid=$(main_pid)
  check "the watchdog leaves a working daemon alone" test "$(property NRestarts)" = 0
  box systemctl kill --kill-whom=main --signal=STOP sluiced.service
  check "a stopped process is killed and restarted" until_true 30 serving_again "$pid"
  check "by the watchdog" journal_says 'Watchdog timeout'
  check "and it serves" until_true 10 answers "$tcp"
}

# All workers in handlers that are past their calls' limit: the process lives, and nothing moves.
watchdog_sees_stuck_workers() {
  local pid
  drop_in WatchdogSec=2s TimeoutAbortSec=2s
  configure '[server]' 'workers = 2'
  restart
  pid=$(main_pid)
  hang_calls
  check "without keep-alives from stuck workers systemd restarts it" until_true 40 serving_again "$pid"
  check "the log says why" journal_says 'no keep-alives to the watchdog'
  check "and it serves" until_true 10 answers "$tcp"
  configure
}
hang_calls() {
  # shellcheck disable=SC2016 # expands inside
  box bash -c 'exec 3<>/dev/tcp/127.0.0.1/7070
    for id in 1 2; do
      printf "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"demo.hang\",\"params\":{\"ms\":120000},\"timeout_ms\":500}\n" $id
    done >&3
    read -r -t 10 -u 3 _; read -r -t 10 -u 3 _' || true
}

stops_with_a_drain() {
  local caller began
  drop_in
  restart
  call "$tcp" demo.sleep '{"ms": 3000}' >"$scratch/slept" &
  caller=$!
  on_exit end "$caller"
  check "a call is in flight" until_true 10 in_flight
  check "systemctl stop" box systemctl stop sluiced.service
  check "the call in flight was answered" wait "$caller"
  check "with its result" grep -q 3000 "$scratch/slept"
  check "exit code 0" test "$(property Result) $(property ExecMainStatus)" = "success 0"
  check "the sockets stay" box systemctl is-active sluiced.socket
  check "the next call starts it again" answers "$unix"

  # Asks for more time than TimeoutStopSec gives.
  drop_in TimeoutStopSec=2s
  restart
  call "$tcp" demo.sleep '{"ms": 7000}' >"$scratch/slept" &
  caller=$!
  on_exit end "$caller"
  check "a long call is in flight" until_true 10 in_flight
  began=$SECONDS
  check "systemctl stop waits for it" box systemctl stop sluiced.service
  check "longer than TimeoutStopSec" test "$((SECONDS - began))" -ge 4
  check "the long call was answered" wait "$caller"
  check "exit code 0, not killed" test "$(property Result) $(property ExecMainStatus)" = "success 0"
}
in_flight() {
  box curl --silent --max-time 5 http://127.0.0.1:7071/metrics |
    grep -qE '^sluice_calls_in_flight\{method="demo.sleep"\} [1-9]'
}

wrong_configuration() {
  drop_in
  configure '[server]' 'nonsense = 1'
  box systemctl stop sluiced.service
  box systemctl reset-failed sluiced.service || true
  check "a broken configuration fails the start" fails box systemctl start sluiced.service
  sleep 1 # several times RestartSec
  check "with exit code 2, not tried again" test "$(property ExecMainStatus) $(property NRestarts)" = "2 0"
  configure
}

# --- the box ------------------------------------------------------------------------------------

unavailable() {
  if [[ -z $(command -v systemd-nspawn) ]]; then
    echo "systemd-nspawn is not installed"
  else
    roots_unavailable
  fi
}

install_into() {
  DESTDIR=$root cmake --install "$repo/build/release" --prefix /usr >/dev/null
  root_chroot "$root" systemd-sysusers
  root_chroot "$root" useradd --groups sluice member
  root_chroot "$root" useradd stranger
}

main() {
  local why
  why=$(unavailable)
  if [[ -n $why ]]; then
    skipped 1 "a real systemd: $why"
    return
  fi
  [[ -x $repo/build/release/bin/sluiced ]] || {
    failed 1 "no build/release/bin/sluiced: build it first (cmake --preset release)"
    return
  }
  root=$scratch/root
  mkdir "$root"
  check "a root to boot" root_copy boot "$root"
  install_into
  check "its configuration is installed" cmp "$repo/deploy/sluiced.toml" "$root/etc/sluice/sluiced.toml"
  if ! box_boot "$root"; then
    skipped 1 "a real systemd: systemd-nspawn can't boot here"
    return
  fi
  drop_in
  starts
  status_line
  reloads
  restarts_without_refusal
  watchdog_kills_what_stands_still
  watchdog_sees_stuck_workers
  stops_with_a_drain
  wrong_configuration
  (($(counted failed "$counts") == 0)) || {
    echo "--- the journal"
    journal | tail -n 100
  }
}

main
