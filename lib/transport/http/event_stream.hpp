// Event stream: framing of a text/event-stream response, the body that Server-Sent Events come in.
#pragma once

#include <string>
#include <string_view>

#include "lib/events/event_sink.hpp"

namespace sluice::core {

// Each function appends whole events or comments, in a chunk of their own if the response is chunked. They
// throw std::bad_alloc; then nothing is appended. Texts must be without line breaks.
class EventStream {
 public:
  explicit EventStream(bool chunked) : chunked_(chunked) {}

  // How long a browser waits before it connects again.
  void append_retry(std::string& out) const;
  void append_data(std::string& out, std::string_view text) const;
  // An event that tells why there will be none. The client forgets the position that it asked for, which will
  // not become valid again.
  void append_refusal(std::string& out, std::string_view text) const;
  void append_event(std::string& out, const EventMessage& message) const;
  // A comment, which shows that the connection is alive.
  void append_heartbeat(std::string& out) const;
  // Ends the body. Without chunks, only the connection's end does.
  void append_end(std::string& out) const;

 private:
  template <typename... Pieces>
  void append(std::string& out, Pieces... pieces) const;

  bool chunked_;
};

}  // namespace sluice::core
