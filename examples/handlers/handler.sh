#!/bin/sh
# A handler in POSIX shell with jq. The id that it sees is the server's, a small whole number; the client's own is put back.
# The first line is optional: it tells the server that time limits may be sent along.
echo '{"jsonrpc":"2.0","method":"rpc.hello","params":{"dialect":"sluice"}}'
while IFS= read -r line; do
  method=$(printf '%s' "$line" | jq -r .method)
  id=$(printf '%s' "$line" | jq -c 'select(has("id")).id')
  case $method in
    host.uptime) result=$(jq -nc --arg seconds "$(cut -d ' ' -f 1 /proc/uptime)" '{seconds: ($seconds | tonumber)}') ;;
    host.echo) result=$(printf '%s' "$line" | jq -c .params) ;;
    host.left) result=$(printf '%s' "$line" | jq -c '{left_ms: .timeout_ms}') ;;
    *) result= ;;
  esac
  [ -n "$id" ] || continue # a notification
  if [ -n "$result" ]; then
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
  else
    printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}\n' "$id"
  fi
done
