// A server's WebSocket frames as bytes: whole and unmasked. Everything appends to a string that the caller
// owns, so that a frame can be composed where it is sent from. std::bad_alloc leaves the string as it was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/websocket_frame.hpp"

namespace sluice::proto {

// `text` must be UTF-8.
void append_text_frame(std::string& out, std::string_view text);
// Begins a text frame, with room for `bytes` of text, which the caller appends.
void begin_text_frame(std::string& out, std::size_t bytes);

// A payload over kWebSocketControlBytesMax is cut there.
void append_ping(std::string& out, std::string_view payload);
void append_pong(std::string& out, std::string_view payload);

// `none` is a close frame without a payload. A reason that is too long is cut between two characters.
void append_close(std::string& out, WebSocketClose code, std::string_view reason = {});

}  // namespace sluice::proto
