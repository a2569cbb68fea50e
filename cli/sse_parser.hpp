// Parser of an event stream (Server-Sent Events).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::client {

// Cuts a stream of `text/event-stream` (HTML, section 9.2.6) into the data of its events. Comments and other
// fields than `data` are skipped; an event without data is skipped. An event that the stream's end cuts off
// is dropped, as the standard has it.
class SseParser {
 public:
  void append(std::string_view bytes) { pending_ += bytes; }

  // The data of the next whole event; nothing while it is incomplete. Several `data` lines are joined by line
  // feeds.
  std::optional<std::string> next();

  // Bytes that are kept, for a bound.
  std::size_t held_bytes() const { return pending_.size() + data_.size(); }

 private:
  std::optional<std::string_view> next_line();
  void take_line(std::string_view line);

  std::string pending_;
  std::size_t begin_ = 0;     // of the next line in pending_
  std::size_t searched_ = 0;  // bytes of pending_ known to hold no line's end behind begin_
  std::string data_;
  bool has_data_ = false;
  bool skip_line_feed_ = false;  // a CR ended the last line
  bool at_start_ = true;         // a byte order mark may come
};

}  // namespace sluice::client
