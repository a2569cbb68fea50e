#!/usr/bin/env bash
# readyz.sh HOST:PORT: exit 0 when the admin listener there says ready, else 1.
# Needs nothing but bash, so that the container image needs no curl.
set -euo pipefail

address=${1:-127.0.0.1:7071}

probe() {
  exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
  printf 'GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" >&3
  # -t: a daemon that accepts and says nothing is not ready.
  IFS=' ' read -r -t 2 -u 3 _ status _
  [[ $status == 200 ]]
}

probe "$address" 2>/dev/null
