-- A call for wrk: `wrk -s wrk_call.lua http://HOST:PORT/`. The last line says how many answers were no result.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"demo.echo","params":["wrk"]}'

local threads = {}
wrong = 0

function setup(thread) table.insert(threads, thread) end

function response(status, headers, body)
   if status ~= 200 or body ~= '{"jsonrpc":"2.0","id":1,"result":["wrk"]}' then wrong = wrong + 1 end
end

function done(summary)
   local total = 0
   for _, thread in ipairs(threads) do total = total + thread:get("wrong") end
   local errors = summary.errors
   print(string.format("requests=%d wrong=%d status=%d broken=%d", summary.requests, total, errors.status,
                       errors.connect + errors.read + errors.write + errors.timeout))
end
