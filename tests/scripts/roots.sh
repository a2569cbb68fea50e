# Debian 12 roots for the tests that need a whole system. Sourced, not run.
# They are made once and kept in $roots_cache; tests work on copies.
# The sourcing script sets $repo.
# shellcheck shell=bash
# shellcheck disable=SC2154

roots_cache=${XDG_CACHE_HOME:-/var/cache}/sluice-tests
roots_suite=bookworm

# Says why roots cannot be made or used here; silent where they can.
roots_unavailable() {
  if ((EUID != 0)); then
    echo "needs root"
  elif [[ -z $(command -v debootstrap) ]]; then
    echo "debootstrap is not installed"
  elif [[ -z $(roots_mirror) ]]; then
    echo "no package mirror in this machine's apt configuration"
  fi
}

# The mirror that this machine itself installs from.
roots_mirror() {
  # shellcheck disable=SC2016 # the dollar is apt's
  apt-get indextargets --format '$(SITE)' "Codename: $roots_suite" 2>/dev/null | head -n 1
}

# root_copy NAME DIR: a private copy of the root NAME (base or boot), made first if need be.
root_copy() {
  local name=$1 dir=$2
  mkdir -p "$roots_cache"
  (
    flock 9 # two test runs on one machine share the cache
    "root_make_$name"
  ) 9>"$roots_cache/lock" || return
  cp --archive --reflink=auto "$roots_cache/$(root_name "$name")/." "$dir/"
}

# The name carries what the root is made of, so that a changed list makes a new one.
root_name() {
  case $1 in
    base) echo "base-$roots_suite" ;;
    boot) echo "boot-$roots_suite-$(sha256sum "$repo/deploy/packages/run.txt" | cut -c 1-12)" ;;
  esac
}

# A bare Debian with this machine's apt configuration.
root_make_base() {
  local root tmp
  root=$roots_cache/$(root_name base)
  [[ ! -d $root ]] || return 0
  echo "making $root"
  tmp=$(mktemp -d "$roots_cache/new.XXXXXX")
  if debootstrap --variant=minbase --include=ca-certificates "$roots_suite" "$tmp" "$(roots_mirror)" \
    >"$roots_cache/debootstrap.log" 2>&1 && root_apt_config "$tmp"; then
    chmod 755 "$tmp"
    mv "$tmp" "$root"
  else
    tail -n 20 "$roots_cache/debootstrap.log" >&2
    rm -rf "$tmp"
    return 1
  fi
}

# Base with systemd and what the daemon needs to run.
root_make_boot() {
  local root tmp
  root=$roots_cache/$(root_name boot)
  [[ ! -d $root ]] || return 0
  root_make_base || return
  echo "making $root"
  tmp=$(mktemp -d "$roots_cache/new.XXXXXX")
  cp --archive --reflink=auto "$roots_cache/$(root_name base)/." "$tmp/"
  mkdir -p "$tmp/packages"
  cp "$repo"/deploy/packages/{install.sh,run.txt} "$tmp/packages/"
  printf '%s\n' systemd systemd-sysv dbus socat curl >"$tmp/packages/boot.txt"
  if root_chroot "$tmp" /packages/install.sh run.txt boot.txt; then
    rm -rf "$tmp/packages"
    mv "$tmp" "$root"
  else
    rm -rf "$tmp"
    return 1
  fi
}

# Sources, keys and options; not the credentials that auth.conf may hold.
root_apt_config() {
  local root=$1 part
  rm -f "$root/etc/apt/sources.list"
  for part in apt.conf apt.conf.d sources.list sources.list.d trusted.gpg trusted.gpg.d keyrings; do
    [[ ! -e /etc/apt/$part ]] || cp --archive --dereference "/etc/apt/$part" "$root/etc/apt/"
  done
  [[ ! -e /usr/share/keyrings ]] || cp --archive /usr/share/keyrings/. "$root/usr/share/keyrings/"
  # A mirror behind TLS may be signed by an authority of this machine's own.
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
}

# root_chroot ROOT COMMAND...: runs it in ROOT with its own mounts, which go when it ends.
root_chroot() {
  local root=$1
  shift
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  # shellcheck disable=SC2016 # expands in the inner shell
  unshare --mount --pid --fork --kill-child --mount-proc bash -euc '
    root=$1
    shift
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/tmp"
    exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
      ${https_proxy:+https_proxy="$https_proxy"} "$@"
  ' root_chroot "$root" "$@"
}
