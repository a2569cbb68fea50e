// WebSocket handshake: the Sec-WebSocket-Accept value (RFC 6455, section 4.2.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// The Sec-WebSocket-Accept for a client's Sec-WebSocket-Key, without white space around it. Nothing if the
// key is not the base64 of 16 bytes: answer 400. Any thread. Throws std::bad_alloc.
std::optional<std::string> websocket_accept(std::string_view key);

}  // namespace sluice::core
