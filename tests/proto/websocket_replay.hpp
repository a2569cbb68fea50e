// Composes a WebSocket client's bytes, passes them to the decoder piece by piece, and records its events in a
// form that can be compared. Shared by the unit tests and the fuzz targets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "proto/websocket_decoder.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {

// The first byte of a frame: its opcode, and whether it is its message's last.
inline constexpr unsigned kFinal = 0x80;
inline constexpr unsigned kContinuation = 0x0;
inline constexpr unsigned kText = 0x1;
inline constexpr unsigned kBinary = 0x2;
inline constexpr unsigned kClose = 0x8;
inline constexpr unsigned kPing = 0x9;
inline constexpr unsigned kPong = 0xA;

inline constexpr std::string_view kMask = "\x37\xFA\x21\x3D";

inline std::string big_endian(std::uint64_t number, std::size_t bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes) & 0xFF);
  return out;
}

// The head of a client's frame. `length_bytes` of 0, 2 or 8: how many hold the length behind the first two.
inline std::string frame_head(unsigned first, std::uint64_t length, std::size_t length_bytes) {
  const std::uint64_t short_length = length_bytes == 0 ? length : length_bytes == 2 ? 126 : 127;
  std::string out{static_cast<char>(first), static_cast<char>(0x80 | short_length)};
  return out.append(big_endian(length, length_bytes)).append(kMask);
}

inline std::size_t length_bytes_for(std::size_t length) {
  return length < 126 ? 0 : length <= 0xFFFF ? 2 : 8;
}

inline std::string masked(std::string_view payload) {
  std::string out(payload);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ kMask[i % kMask.size()]);
  return out;
}

inline std::string frame(unsigned first, std::string_view payload) {
  return frame_head(first, payload.size(), length_bytes_for(payload.size())) + masked(payload);
}

inline std::string text_frame(std::string_view payload) { return frame(kFinal | kText, payload); }

// `text` as a message of frames of at most `size` bytes.
inline std::string fragmented(std::string_view text, std::size_t size) {
  std::string out;
  unsigned opcode = kText;
  for (; text.size() > size; text.remove_prefix(size), opcode = kContinuation)
    out += frame(opcode, text.substr(0, size));
  return out + frame(kFinal | opcode, text);
}

// The event in short, such as `text hello`, `ping`, `close 1000 bye`, `too_big`, `failed 1002`.
inline std::string in_short(const WebSocketEvent& event) {
  static constexpr std::string_view kNames[] = {"need_more", "text",    "ping",  "pong",
                                                "close",     "too_big", "failed"};
  using Kind = WebSocketEvent::Kind;
  std::string line(kNames[static_cast<std::size_t>(event.kind)]);
  if (event.kind == Kind::close || event.kind == Kind::failed)
    line += " " + std::to_string(static_cast<unsigned>(event.code));
  const bool has_text = event.kind != Kind::failed && !event.text.empty();
  return has_text ? line + " " + std::string(event.text) : line;
}

// A decoder's connection whose bytes come in pieces. Its window lies somewhere else at each step, in memory
// that ends with it.
class WebSocketReplay {
 public:
  explicit WebSocketReplay(WebSocketDecoder& decoder) : decoder_(decoder) {}

  const Lines& events() const { return events_; }
  bool over() const { return over_; }

  void receive(std::string_view piece) {
    // A head and a control frame's payload are all that has to wait for the rest.
    constexpr std::size_t kWaitingMax = 14 + kWebSocketControlBytesMax;
    waiting_ += piece;
    for (bool needs_more = false; !needs_more && !over_;) {
      const auto window = std::make_unique<char[]>(waiting_.size());
      waiting_.copy(window.get(), waiting_.size());
      const WebSocketEvent event = decoder_.next({window.get(), waiting_.size()});
      if (event.consumed > waiting_.size()) throw std::logic_error("more consumed than there is");
      needs_more = event.kind == WebSocketEvent::Kind::need_more;
      if (needs_more && waiting_.size() - event.consumed >= kWaitingMax)
        throw std::logic_error("too much waits");
      if (needs_more && !event.text.empty()) throw std::logic_error("need_more has a text");
      over_ = event.kind == WebSocketEvent::Kind::failed || event.kind == WebSocketEvent::Kind::close;
      if (!needs_more && !over_ && event.consumed == 0) throw std::logic_error("an event without progress");
      if (!needs_more) events_.push_back(in_short(event));
      waiting_.erase(0, event.consumed);
    }
    if (over_ && decoder_.in_message()) throw std::logic_error("in a message after the end");
  }

 private:
  WebSocketDecoder& decoder_;
  std::string waiting_;
  Lines events_;
  bool over_ = false;
};

// Everything that `input` is in pieces of the sizes that `next_size(first byte)` gives.
template <typename NextSize>
Lines replay_websocket(std::size_t message_bytes_max, std::string_view input, NextSize next_size) {
  WebSocketDecoder decoder(message_bytes_max);
  WebSocketReplay connection(decoder);
  for (std::size_t sent = 0; sent < input.size() && !connection.over();) {
    const std::size_t size = std::min(input.size() - sent, next_size(sent));
    connection.receive(input.substr(sent, size));
    sent += size;
  }
  return connection.events();
}

inline Lines replay_websocket_whole(std::size_t message_bytes_max, std::string_view input) {
  return replay_websocket(message_bytes_max, input, [&](std::size_t) { return input.size(); });
}

}  // namespace sluice::proto::testing
