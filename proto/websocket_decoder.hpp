// WebSocket decoder: splits a client's bytes into messages and control frames (RFC 6455, the server's side).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"
#include "proto/websocket_frame.hpp"

namespace sluice::proto {

// The result of decoding the front of the window.
struct WebSocketEvent {
  enum class Kind : std::uint8_t {
    need_more,  // nothing whole yet
    text,       // a whole message, unmasked, its fragments joined
    ping,       // answer with a pong of the same payload
    pong,
    close,    // answer with a close frame of the same code, unless one was sent, and close
    too_big,  // answer -32007; the decoder resumes behind the message, if its end comes
    failed,   // close with that code. Of a message that is too long to be skipped it follows too_big
  };
  Kind kind = Kind::need_more;
  std::size_t consumed = 0;  // bytes to drop from the front of the window once the event is dealt with
  // text: the message. ping, pong: the payload. close: the reason. failed: what is wrong, for the client.
  // Points into the decoder, not the window; valid until the next call of next() or release().
  std::string_view text;
  WebSocketClose code = WebSocketClose::none;  // close, failed
};

// Decodes a window of bytes that starts where the last event's `consumed` ended and may have grown and moved
// since. Takes payloads out of the window as they come; only a frame's head (14 bytes at most) and a control
// frame (125 more) must lie in it whole, and may be read twice. Not thread-safe; one per connection.
//
// A message is assembled in a buffer that grows with the bytes that came, whatever length is declared, to
// at most twice the limit. Where there is no memory for it next() throws std::bad_alloc: the connection can
// only be closed then.
//
// After close and failed all bytes are ignored: need_more, or failed again, with all consumed.
class WebSocketDecoder {
 public:
  explicit WebSocketDecoder(std::size_t message_bytes_max = kMessageBytesDefault)
      : message_bytes_max_(message_bytes_max) {}

  WebSocketEvent next(std::string_view window);

  // Holds from the next frame on; to be changed between messages.
  void set_message_bytes_max(std::size_t bytes) { message_bytes_max_ = bytes; }

  // True while a frame or a message has begun and its end has not been seen. Control frames between a
  // message's fragments do not end it: a limit on a message's time must not start again at them.
  bool in_message() const { return in_head_ || in_frame_ || in_fragments_; }
  // True while bytes are dropped until a message's end. Control frames are processed meanwhile.
  bool skipping() const { return skipping_; }

  // The received part of an unfinished text message, or empty.
  std::string_view partial() const { return in_fragments_ && !skipping_ ? message_ : std::string_view(); }
  // Memory of the buffer.
  std::size_t held_bytes() const { return message_.capacity(); }

  // Releases the buffer, and with it the last event's text, unless a message is unfinished.
  void release();

 private:
  struct Head {
    WebSocketOpcode opcode;
    bool final;
    std::size_t bytes;  // its own
    std::uint64_t payload_bytes;
    std::array<char, 4> mask;
  };

  // Nothing: continue at `used`, which the first two advance.
  std::optional<WebSocketEvent> take_payload(std::string_view window, std::size_t& used);
  std::optional<WebSocketEvent> begin_frame(std::string_view window, std::size_t& used);
  std::optional<WebSocketEvent> begin_data_frame(const Head& head);
  std::optional<WebSocketEvent> skip_frame(const Head& head);

  WebSocketEvent control_frame(const Head& head, std::string_view masked);
  WebSocketEvent close_frame(std::string_view payload);
  WebSocketEvent fail(WebSocketClose code, const char* what);
  bool append_unmasked(std::string_view masked);
  void drop_message() { std::string().swap(message_); }
  void end();

  std::string message_;  // the received part of the current message; also the last text's memory
  std::size_t message_bytes_max_;
  std::uint64_t payload_left_ = 0;  // in_frame_: bytes of the data frame still to come
  std::uint64_t skip_left_ = 0;     // skipping_: bytes of frames that may still be skipped
  std::array<char, 4> mask_{};      // in_frame_: rotated so that its first byte applies to the next byte
  std::array<char, kWebSocketControlBytesMax> control_{};
  const char* failure_ = nullptr;
  WebSocketClose failure_code_ = WebSocketClose::none;
  Utf8Validator utf8_;
  bool in_head_ = false;       // only a part of a frame's head or of a control frame was received
  bool in_frame_ = false;      // in a data frame's payload
  bool in_fragments_ = false;  // a message has begun and its final frame has not ended
  bool final_ = false;         // in_frame_: it is the message's last
  bool skipping_ = false;
  bool over_ = false;
};

}  // namespace sluice::proto
