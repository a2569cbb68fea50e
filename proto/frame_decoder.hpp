// Frame decoder: splits a byte stream into messages, and resynchronises after malformed ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/foreign_lines.hpp"
#include "proto/limits.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::proto {

// Framing of messages on a byte stream, and of the replies to them.
enum class Framing : std::uint8_t {
  stream,  // JSON values one after another; replies end with one newline
  header,  // a `Content-Length: N` block before each, as the Language Server Protocol has it
};

// The result of decoding the front of the window.
struct FrameEvent {
  enum class Kind : std::uint8_t {
    need_more,  // nothing whole yet
    message,    // `text`, and the decoder's message() describes it
    malformed,  // answer -32700; the decoder resumes at the next message
    too_big,    // answer -32007; the decoder resumes behind the message, if its end comes
    lost,       // framing is lost: close. The event before reported the error, if there is one to answer
    foreign,    // a broken line is another protocol's: close, see foreign(). It follows malformed
  };
  Kind kind = Kind::need_more;
  std::size_t consumed = 0;  // bytes to drop from the front of the window once the event is dealt with
  std::string_view text;
  std::size_t offset = 0;  // malformed: the offending byte, counted from the message's first
};

// Decodes a window of bytes that starts where the last event's `consumed` ended and may have grown and moved
// since. Holds no bytes itself. Reads each byte once, except those between the last newline and the error in
// a malformed message, and those that the scanner reads twice. Not thread-safe; one per connection.
class FrameDecoder {
 public:
  FrameDecoder(Framing framing, MessageLimits limits);

  FrameEvent next(std::string_view window);

  // Decodes the rest of the window after the peer's last byte. Never need_more twice for the same rest.
  FrameEvent finish(std::string_view window);

  // The message of the last event of kind message; valid until the next call of next().
  const Message& message() const { return scanner_.message(); }

  // Ends a stream at the first line of another protocol, see ForeignLines. For what strangers send.
  void refuse_foreign_lines() { refuses_foreign_ = true; }
  // The protocol of the foreign line. Valid after the event `foreign`.
  ForeignProtocol foreign() const { return foreign_; }

  // Bounds apply from the next message on.
  void set_limits(MessageLimits limits);

  // True while a message has begun and its end has not been seen.
  bool in_message() const { return in_message_ || skipping(); }
  // True while bytes are dropped until a message's end.
  bool skipping() const { return skip_ != Skip::nothing; }
  // Bytes that the current message needs in the window in all, if known; else 0.
  std::size_t bytes_wanted() const { return bytes_wanted_; }

  Framing framing() const { return framing_; }

 private:
  enum class Skip : std::uint8_t { nothing, to_newline, oversize_value, counted };
  struct HeaderBlock {
    std::size_t bytes = 0;
    std::optional<std::size_t> content_length;
    bool valid = true;
  };

  FrameEvent next_behind_skipped(std::string_view window);
  FrameEvent next_in_stream(std::string_view window);
  static bool begins_with_mark(std::string_view text);
  FrameEvent next_behind_mark(std::string_view window, std::size_t lead);
  FrameEvent next_with_headers(std::string_view window);
  FrameEvent body(std::string_view window, std::size_t lead, HeaderBlock head);
  FrameEvent resynchronise(std::string_view window, std::size_t lead);
  bool becomes_foreign(std::string_view skipped);
  FrameEvent begin_skipping_value(std::size_t scanned_bytes);
  // Drops the bytes to skip; nothing once the skip is over (`used` bytes were skipped).
  std::optional<FrameEvent> skip(std::string_view window, std::size_t& used);
  std::optional<HeaderBlock> header_block(std::string_view text);
  static void read_header_line(std::string_view line, HeaderBlock& head);

  MessageScanner scanner_;
  MessageLimits limits_;
  std::size_t skip_bytes_ = 0;  // counted: bytes left; oversize_value: bytes that may still be skipped
  std::size_t header_scanned_ = 0;
  std::size_t bytes_wanted_ = 0;
  Framing framing_;
  Skip skip_ = Skip::nothing;
  bool in_message_ = false;
  bool behind_mark_ = false;  // a byte order mark was read, and nothing behind it
  bool lost_ = false;
  bool refuses_foreign_ = false;
  bool foreign_due_ = false;  // the next event is foreign
  ForeignProtocol foreign_ = ForeignProtocol::none;
  ForeignLines lines_;  // what is skipped, where refuses_foreign_
};

}  // namespace sluice::proto
