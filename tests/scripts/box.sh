# A booted Debian 12 for tests/systemd.sh: its own processes, mounts and network. Sourced, not run,
# after common.sh and roots.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154

# box_boot ROOT: boots it; sets $box_leader. The box ends with the script, whatever ends that.
box_boot() {
  local root=$1 nspawn keep=() console=$scratch/console.log
  # On a machine that systemd runs, nspawn gets a scope from it; elsewhere it uses the
  # control group that it is started in, so it is given one of its own.
  [[ -d /run/systemd/system ]] || keep=(--keep-unit)
  (
    box_own_cgroup
    # Not `timeout`, which would put itself between this script and the box's leader.
    exec systemd-nspawn --quiet --directory="$root" --boot --register=no "${keep[@]}" --console=pipe \
      --machine="sluice-test-$$" --private-network --settings=no --link-journal=no --resolv-conf=off \
      --timezone=off >"$console" 2>&1 </dev/null
  ) &
  nspawn=$!
  on_exit box_end "$nspawn"
  if ! until_true 60 box_find_leader "$nspawn" || ! until_true 60 box_is_up; then
    echo "the system did not come up:"
    tail -n 20 "$console"
    return 1
  fi
}

box_find_leader() {
  box_leader=$(pgrep --parent "$1" | head -n 1)
  [[ -n $box_leader ]]
}

box_is_up() {
  local state
  state=$(box systemctl is-system-running 2>/dev/null) || true
  [[ $state == running || $state == degraded ]]
}

# box COMMAND...: runs it inside, for at most 60 s.
box() {
  nsenter --target "$box_leader" --all -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    SYSTEMD_COLORS=0 timeout 60 "$@"
}

box_end() {
  local nspawn=$1
  if kill -0 "$nspawn" 2>/dev/null; then
    box systemctl poweroff >/dev/null 2>&1 || true
    until_true 30 box_gone "$nspawn" || kill -KILL "$nspawn" 2>/dev/null || true
  fi
  wait "$nspawn" 2>/dev/null || true
  # nspawn leaves empty folders only.
  rmdir "/run/systemd/nspawn/propagate/sluice-test-$$" 2>/dev/null || true
  local hierarchy
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [[ ! -d $hierarchy/sluice-test-$$ ]] || find "$hierarchy/sluice-test-$$" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
box_gone() { ! kill -0 "$1" 2>/dev/null; }

box_own_cgroup() {
  local hierarchy
  [[ ! -d /run/systemd/system ]] || return 0
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    if [[ -w $hierarchy/cgroup.procs ]] && mkdir "$hierarchy/sluice-test-$$" 2>/dev/null; then
      echo "$BASHPID" >"$hierarchy/sluice-test-$$/cgroup.procs"
    fi
  done
}
