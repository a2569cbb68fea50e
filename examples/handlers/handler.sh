#!/bin/sh
# A handler in POSIX shell with jq. The id that it sees is the server's, a small whole number; the client's own is put back.
while IFS= read -r line; do
  method=$(printf '%s' "$line" | jq -r .method)
  id=$(printf '%s' "$line" | jq -c 'select(has("id")).id')
  case $method in
    host.uptime) result=$(jq -nc --arg seconds "$(cut -d ' ' -f 1 /proc/uptime)" '{seconds: ($seconds | tonumber)}') ;;
    host.echo) result=$(printf '%s' "$line" | jq -c .params) ;;
    *) result= ;;
  esac
  [ -n "$id" ] || continue # a notification
  if [ -n "$result" ]; then
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
  else
    printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}\n' "$id"
  fi
done
