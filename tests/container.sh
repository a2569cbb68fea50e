#!/usr/bin/env bash
# The image as it is really built, on a Debian 12 made for it:
#   tests/container.sh
# Needs root, buildah and debootstrap; where it can't run it says why and counts as skipped.
# Ends with `N passed, N failed`.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
unset SLUICE_COUNTS # it prints its own closing line
# shellcheck source=tests/scripts/common.sh
source "$tests/scripts/common.sh"
# shellcheck source=tests/scripts/roots.sh
source "$tests/scripts/roots.sh"

# Storage of its own: nothing of this machine's images is used or changed.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker
buildah=(buildah --root "$scratch/storage" --runroot "$scratch/runroot")
b() { "${buildah[@]}" "$@"; }

# --- building -----------------------------------------------------------------------------------

# `FROM debian:bookworm-slim` finds this before it asks any registry.
make_base_image() {
  local container
  mkdir "$scratch/base"
  root_copy base "$scratch/base" &&
    container=$(b from scratch) &&
    b add --quiet "$container" "$scratch/base" / >/dev/null &&
    b commit --quiet "$container" localhost/debian:bookworm-slim >/dev/null &&
    b rm "$container" >/dev/null
  local code=$?
  rm -rf --one-file-system "$scratch/base"
  return "$code"
}

# The compiler and what it compiles are those of the release step, whose results are used again where they are kept.
build_image() {
  local cache volumes=()
  cache=$(ccache --get-config cache_dir 2>/dev/null || true)
  [[ ! -d $cache ]] || volumes=(--volume "$cache:/root/.cache/ccache")
  nice "${buildah[@]}" build \
    "${volumes[@]}" --pull=never --tag sluice-test --file "$repo/Dockerfile" "$repo"
}

# --- looking at the image -----------------------------------------------------------------------

configured() { b inspect --type image --format "{{.Docker.Config.$1}}" sluice-test; }
# The health check as the image has it, one word a line.
health_words() { b inspect --type image sluice-test | python3 -c '
import json, sys
test = json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"]
assert test[0] == "CMD", test
print("\n".join(test[1:]))'; }
entry_words() { b inspect --type image sluice-test | python3 -c '
import json, sys
print("\n".join(json.load(sys.stdin)["Docker"]["config"]["Entrypoint"]))'; }

inside() { timeout 60 "${buildah[@]}" run "$container" -- "$@"; }

no_compiler() {
  # shellcheck disable=SC2016 # expands inside
  inside bash -c 'for name in gcc g++ cc c++ cpp clang ld as cmake ninja make pkg-config; do
    if command -v "$name"; then exit 1; fi
  done
  ! dpkg-query --show --showformat="\${Package}\n" | grep -E -- "-dev$"'
}
complete() {
  # shellcheck disable=SC2016 # expands inside
  inside bash -c 'for program in /usr/bin/sluiced /usr/bin/sluice; do ldd "$program"; done' >"$scratch/ldd" &&
    ! grep 'not found' "$scratch/ldd"
}
small() { # MiB that the image adds to Debian's
  local base mine
  base=$(size_of localhost/debian:bookworm-slim)
  mine=$(size_of sluice-test)
  echo "the image adds $((mine - base)) MiB to its base"
  ((mine - base <= 40))
}
size_of() {
  b images --json "$1" | python3 -c '
import json, re, sys
number, unit = re.fullmatch(r"([\d.]+) ?([kKMG]?B)", json.load(sys.stdin)[0]["size"]).groups()
print(int(float(number) * {"B": 1e-6, "kB": 1e-3, "KB": 1e-3, "MB": 1, "GB": 1e3}[unit]))'
}

# --- running it ---------------------------------------------------------------------------------

# A network of its own, because the image's ports are fixed and a chroot shares this machine's.
make_network() {
  unshare --net sleep infinity &
  network=$!
  on_exit end "$network"
  until_true 5 has_own_network
  in_network ip link set lo up
}
# Until `unshare` has done its work, its network is still this machine's.
has_own_network() { [[ $(readlink "/proc/$network/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }
in_network() { nsenter --target "$network" --net -- "$@"; }

run_image() {
  local -a entry
  mapfile -t entry < <(entry_words)
  in_network "${buildah[@]}" run "$container" -- \
    "${entry[@]}" --demo >"$scratch/run.log" 2>&1 &
  running=$!
  on_exit end "$running"
  until_true 20 find_daemon
}
# The daemon is a descendant of what was started here; `buildah run` passes no signal on.
find_daemon() {
  local -a generation=("$running") next
  local parent child
  while ((${#generation[@]} > 0)); do
    next=()
    for parent in "${generation[@]}"; do
      while read -r child; do
        if [[ $(<"/proc/$child/comm") == sluiced ]]; then
          daemon=$child
          return 0
        fi
        next+=("$child")
      done < <(pgrep --parent "$parent")
    done
    generation=("${next[@]}")
  done 2>/dev/null
  return 1
}

healthy() {
  local -a words
  mapfile -t words < <(health_words)
  in_network timeout 20 "${buildah[@]}" run "$container" -- "${words[@]}"
}
unhealthy() { ! healthy; }
answers() {
  [[ $(in_network timeout 20 "${buildah[@]}" run "$container" -- \
    sluice call tcp://127.0.0.1:7070 demo.sum '[20, 22]') == 42 ]]
}
runs_unprivileged() {
  [[ $(stat --format=%u:%g "/proc/$daemon") == 10001:10001 ]] && grep -qE '^CapEff:\s0+$' "/proc/$daemon/status"
}
stops() {
  kill -TERM "$daemon"
  wait "$running"
}

# ------------------------------------------------------------------------------------------------

unavailable() {
  if [[ -z $(command -v buildah) ]]; then
    echo "buildah is not installed"
  else
    roots_unavailable
  fi
}

main() {
  local why
  why=$(unavailable)
  if [[ -n $why ]]; then
    skipped 1 "the image: $why"
    return
  fi
  if ! make_base_image; then
    skipped 1 "the image: no base image can be made here"
    return
  fi
  check "the image builds" build_image
  container=$(b from --pull-never sluice-test)

  check "its user is not root" test "$(configured User)" = 10001:10001
  check "no compiler and no development package is in it" no_compiler
  check "no shared library is missing" complete
  check "it is small" small
  check "its configuration is valid" inside sluiced --check --config /etc/sluice/sluiced.toml

  make_network
  check "the health check fails while nothing runs" unhealthy
  check "the daemon starts" run_image
  check "the health check succeeds" until_true 20 healthy
  check "a call is answered" answers
  check "it runs without root's rights" runs_unprivileged
  check "SIGTERM stops it with exit code 0" stops
  (($(counted failed "$counts") == 0)) || tail -n 50 "$scratch/run.log"
}

main
