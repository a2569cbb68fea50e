// A call as it is sent to a backend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/call/active_call.hpp"

namespace sluice::core {

// Appends the call as one JSON object, with what is left of its time and its trace context; `id` takes the
// place of its own (not in a notification), `method` is its name there. Params are the client's own bytes, on
// one line.
void append_call(std::string& out, const ActiveCall& call, std::string_view method, std::uint64_t id,
                 TimePoint now);

// The notification that nobody waits for the answer to `id` any more. A request would have to be answered;
// rpc.cancel without an id of its own asks for the same and is not.
void append_cancel(std::string& out, std::uint64_t id);

}  // namespace sluice::core
