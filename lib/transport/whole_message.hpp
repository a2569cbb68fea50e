// Messages that come whole, as HTTP bodies and WebSocket messages do.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/dispatch/conversation.hpp"

namespace sluice::core {

// Hands `text`, which has to be one JSON value with nothing but white space around it, to the
// conversation; what is anything else is answered there with a parse error. I/O thread only.
void receive_whole(Conversation& conversation, const Limits& limits, std::string_view text,
                   std::uint64_t exchange, const CallDefaults& defaults = {});

}  // namespace sluice::core
