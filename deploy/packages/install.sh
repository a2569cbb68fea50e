#!/usr/bin/env bash
# Installs what the given package lists name and this machine lacks:
#   install.sh build.txt run.txt
# Needs root or sudo only when something is missing. Lists are looked up beside this script.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"

# One name a line, comments and blank lines dropped.
names() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@"; }

# A program of the package's name counts too: Node.js and others are often
# installed from elsewhere, and the Debian package would conflict with them.
present() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]] ||
    [[ -n $(command -v -- "$1") ]]
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif [[ -n $(command -v sudo) ]]; then
    sudo "$@"
  else
    echo "packages are missing (${missing[*]}): run this as root or install sudo" >&2
    exit 1
  fi
}

missing=()
while read -r name; do
  present "$name" || missing+=("$name")
done < <(names "$@")
((${#missing[@]} > 0)) || exit 0

echo "Installing ${#missing[@]} packages: ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -qq)
as_root "${apt[@]}" update
# dpkg's progress is noise while all goes well, and the first thing wanted when it does not.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  echo "apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
