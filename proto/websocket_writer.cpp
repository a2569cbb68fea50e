#include "proto/websocket_writer.hpp"

#include <algorithm>

namespace sluice::proto {
namespace {

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes) & 0xFF);
}

// If memory runs out, nothing is appended: half a frame would corrupt the stream.
void append_frame_head(std::string& out, WebSocketOpcode opcode, std::size_t size) {
  constexpr std::size_t kHeadBytesMax = 10;
  constexpr unsigned kFinal = 0x80;
  out.reserve(out.size() + kHeadBytesMax + size);
  out += static_cast<char>(kFinal | static_cast<unsigned>(opcode));
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size <= 0xFFFF) {
    out += static_cast<char>(126);
    append_big_endian(out, size, 2);
  } else {
    out += static_cast<char>(127);
    append_big_endian(out, size, 8);
  }
}

void append_control(std::string& out, WebSocketOpcode opcode, std::string_view payload) {
  payload = payload.substr(0, kWebSocketControlBytesMax);
  append_frame_head(out, opcode, payload.size());
  out += payload;
}

// The longest front of `text` of at most `size` bytes that does not end inside of a character.
std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

void begin_text_frame(std::string& out, std::size_t bytes) {
  append_frame_head(out, WebSocketOpcode::text, bytes);
}

void append_text_frame(std::string& out, std::string_view text) {
  begin_text_frame(out, text.size());
  out += text;
}

void append_ping(std::string& out, std::string_view payload) {
  append_control(out, WebSocketOpcode::ping, payload);
}

void append_pong(std::string& out, std::string_view payload) {
  append_control(out, WebSocketOpcode::pong, payload);
}

void append_close(std::string& out, WebSocketClose code, std::string_view reason) {
  if (code == WebSocketClose::none) return append_frame_head(out, WebSocketOpcode::close, 0);
  reason = cut(reason, kWebSocketControlBytesMax - 2);
  append_frame_head(out, WebSocketOpcode::close, 2 + reason.size());
  append_big_endian(out, static_cast<std::uint16_t>(code), 2);
  out += reason;
}

}  // namespace sluice::proto
