// Constants of both directions of a WebSocket (RFC 6455, sections 5.2 and 7.4).
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::proto {

enum class WebSocketOpcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

// Close codes. Those from 3000 to 4999 belong to applications and have no names here.
enum class WebSocketClose : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported = 1003,   // a binary message
  none = 1005,          // a close frame that names no reason; never on the wire
  invalid_text = 1007,  // not UTF-8
  policy = 1008,
  too_big = 1009,
  internal = 1011,
};

// Payload bytes of a ping, pong or close frame.
inline constexpr std::size_t kWebSocketControlBytesMax = 125;

}  // namespace sluice::proto
