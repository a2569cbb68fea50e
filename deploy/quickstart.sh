#!/usr/bin/env bash
# From a fresh Debian 12 to a running sluiced, as root or with sudo:
#   deploy/quickstart.sh          installs packages, builds, runs until Ctrl-C
#   deploy/quickstart.sh --once   stops by itself after the calls
# It may be run again at any time: what is installed and built is not done twice.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
config=$repo/deploy/quickstart.toml
daemon=$repo/build/release/bin/sluiced
client=$repo/build/release/bin/sluice
once=no
pid=

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

# address SECTION: HOST:PORT of the first tcp:// address in [SECTION] or [[SECTION]].
address() {
  awk -v section="$1" '
    /^[[:space:]]*\[/ { inside = ($0 ~ "^[[:space:]]*\\[+" section "\\]+") }
    inside && match($0, /"tcp:\/\/[^"]+"/) { print substr($0, RSTART + 7, RLENGTH - 8); exit }
  ' "$config"
}

build() {
  say "Building (a few minutes the first time)"
  (cd "$repo" && cmake --preset release --log-level=WARNING && cmake --build --preset release)
}

# Asked first, because whatever answers there would be taken for the daemon started here.
check_free() {
  local at
  for at; do
    if (exec 3<>"/dev/tcp/${at%:*}/${at##*:}") 2>/dev/null; then
      die "$at is in use. Stop what listens there or choose another port in deploy/quickstart.toml."
    fi
  done
}

# In a process group of its own: Ctrl-C then reaches this script alone, which passes it
# on once. Two signals would mean "stop at once" to the daemon.
start() {
  say "Starting: build/release/bin/sluiced --config deploy/quickstart.toml --demo"
  set -m
  "$daemon" --config "$config" --demo &
  pid=$!
  set +m
}

# Ready, or dead with its own line on stderr saying why, or too late.
wait_ready() {
  local deadline=$((SECONDS + 20))
  until "$repo/deploy/readyz.sh" "$admin"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid" || true
      pid=
      die "sluiced did not start; its own message is above"
    fi
    ((SECONDS < deadline)) || die "sluiced is not ready after 20 s (asked http://$admin/readyz)"
    sleep 0.1
  done
}

# call METHOD [PARAMS]: with the client that comes with sluice.
call() {
  local arg
  printf '\n$ sluice call tcp://%s' "$rpc"
  for arg; do printf ' %s' "$(shown "$arg")"; done
  printf '\n'
  "$client" call "tcp://$rpc" "$@" || die "that call failed with exit code $?"
}

# An argument as one would type it.
shown() {
  if [[ $1 =~ [^A-Za-z0-9_./=:-] ]]; then
    printf "'%s'" "$1"
  else
    printf '%s' "$1"
  fi
}

# raw MESSAGE: with nothing but the shell; any program that can open a socket is a client.
raw() {
  local reply
  printf "\n\$ exec 3<>/dev/tcp/%s/%s; echo '%s' >&3; head -n 1 <&3\n" "${rpc%:*}" "${rpc##*:}" "$1"
  exec 3<>"/dev/tcp/${rpc%:*}/${rpc##*:}"
  printf '%s\n' "$1" >&3
  IFS= read -r -t 10 -u 3 reply || die "no answer to $1"
  exec 3>&- 3<&-
  printf '%s\n' "$reply"
}

show_calls() {
  say "Calls"
  call demo.sum '[1, 2, 39]'
  call demo.subtract minuend=42 subtrahend=23
  call demo.echo '{"hello": "world", "big": 9007199254740993}'
  raw '{"jsonrpc":"2.0","id":1,"method":"demo.sum","params":[20,22]}'
  raw '[{"jsonrpc":"2.0","id":"a","method":"demo.echo","params":["batch"]},{"jsonrpc":"2.0","id":"b","method":"nothing.here"}]'
}

# SIGTERM drains: what was admitted is answered first.
stop() {
  local code=0
  trap - EXIT
  [[ -n $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" || code=$?
  pid=
  ((code == 0)) || die "sluiced ended with exit code $code"
}

# Until the daemon ends, by a signal to this script or by itself. A signal ends `wait`
# early, hence the loop.
serve() {
  local code signalled
  trap 'signalled=yes; kill -TERM "$pid" 2>/dev/null || true' INT TERM HUP
  while
    signalled=
    code=0
    wait "$pid" || code=$?
    [[ -n $signalled ]]
  do :; done
  pid=
  ((code == 0)) || die "sluiced ended with exit code $code"
}

main() {
  case ${1:-} in
    '') ;;
    --once) once=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  rpc=$(address listen)
  admin=$(address admin)
  [[ -n $rpc && -n $admin ]] || die "deploy/quickstart.toml names no tcp:// address for [[listen]] or [admin]"

  check_free "$rpc" "$admin"
  "$repo/deploy/packages/install.sh" build.txt run.txt
  build
  trap stop EXIT
  start
  wait_ready
  show_calls

  if [[ $once == yes ]]; then
    say "Stopping"
    stop
  else
    say "sluiced serves tcp://$rpc and http://$admin/metrics. Ctrl-C stops it."
    serve
  fi
}

main "$@"
