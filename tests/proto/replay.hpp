// Gives bytes to the protocol layer piece by piece, and writes down what it makes of them in a form that
// can be compared. Shared by the unit tests and the fuzz targets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "proto/frame_decoder.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::proto::testing {

inline std::string_view name_of(ValueKind kind) {
  static constexpr std::string_view kNames[] = {"none",   "object",  "array", "string",
                                                "number", "boolean", "null"};
  return kNames[static_cast<std::size_t>(kind)];
}

inline std::string_view name_of(FrameEvent::Kind kind) {
  static constexpr std::string_view kNames[] = {"need_more", "message", "malformed",
                                                "too_big",   "lost",    "foreign"};
  return kNames[static_cast<std::size_t>(kind)];
}

inline std::string_view name_of(MessageScanner::Status status) {
  static constexpr std::string_view kNames[] = {"incomplete", "complete", "malformed"};
  return kNames[static_cast<std::size_t>(status)];
}

inline void describe(std::string& out, std::string_view name, Span span) {
  if (!span.present()) return;
  out.append(" ").append(name).append("=").append(name_of(span.kind)).append("@");
  out += std::to_string(span.begin) + "+" + std::to_string(span.size);
}

inline std::string describe(const Envelope& envelope) {
  std::string out;
  describe(out, "whole", envelope.whole);
  describe(out, "jsonrpc", envelope.jsonrpc);
  describe(out, "id", envelope.id);
  describe(out, "method", envelope.method);
  describe(out, "params", envelope.params);
  describe(out, "timeout_ms", envelope.timeout_ms);
  describe(out, "traceparent", envelope.traceparent);
  return out;
}

// All that is known of a message, such as `object whole=object@0+8 id=number@6+1`.
inline std::string describe(const Message& message) {
  std::string out(name_of(message.kind));
  out += describe(message.single);
  if (message.is_batch()) out += " entries " + std::to_string(message.entry_count);
  for (const auto& entry : message.entries) out += " [" + describe(entry).substr(1) + "]";
  return out;
}

// A scanner's verdict on one text, and its offset.
struct Verdict {
  MessageScanner::Status status = MessageScanner::Status::incomplete;
  std::size_t position = 0;
  std::string message;  // of a complete one

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Scans the longer and longer fronts of `text` that `next_size(first byte)` asks for, each at an address of
// its own and with nothing readable behind it, and says that the input ends where it still wants more.
template <typename NextSize>
Verdict scan_pieces(MessageScanner& scanner, std::string_view text, NextSize next_size) {
  scanner.reset();
  auto status = MessageScanner::Status::incomplete;
  for (std::size_t known = 0; known < text.size() && status == MessageScanner::Status::incomplete;) {
    known += std::min(text.size() - known, next_size(known));
    const auto copy = std::make_unique<char[]>(known);
    text.copy(copy.get(), known);
    status = scanner.scan({copy.get(), known});
  }
  if (status == MessageScanner::Status::incomplete) status = scanner.finish();
  Verdict verdict{status, scanner.position(), {}};
  if (status == MessageScanner::Status::complete) verdict.message = describe(scanner.message());
  return verdict;
}

inline Verdict scan_whole(std::string_view text) {
  MessageScanner scanner;
  return scan_pieces(scanner, text, [&](std::size_t) { return text.size(); });
}

// An event that is not need_more.
struct Seen {
  FrameEvent::Kind kind = FrameEvent::Kind::need_more;
  std::size_t begin = 0;   // message: its offset among all the bytes
  std::size_t offset = 0;  // malformed
  std::string text;        // message
  std::string message;

  friend bool operator==(const Seen&, const Seen&) = default;
};

// A decoder's connection whose bytes come in pieces. Its window lies somewhere else at each step, in memory
// that ends with it.
class Replay {
 public:
  explicit Replay(FrameDecoder& decoder) : decoder_(decoder) {}

  const std::vector<Seen>& events() const { return events_; }
  bool lost() const { return lost_; }

  void receive(std::string_view piece) {
    waiting_ += piece;
    for (bool needs_more = false; !needs_more && !lost_;) {
      const auto window = copy_of_waiting();
      const FrameEvent event = decoder_.next({window.get(), waiting_.size()});
      needs_more = event.kind == FrameEvent::Kind::need_more;
      if (needs_more && !event.text.empty()) throw std::logic_error("need_more has a text");
      if (!needs_more && event.consumed == 0 && event.kind < FrameEvent::Kind::lost) {
        throw std::logic_error("an event without progress");
      }
      take(event, window.get());
    }
  }

  void end() {
    if (lost_) return;
    const auto window = copy_of_waiting();
    take(decoder_.finish({window.get(), waiting_.size()}), window.get());
    if (decoder_.finish({}).kind != FrameEvent::Kind::need_more) throw std::logic_error("more than one end");
  }

 private:
  std::unique_ptr<char[]> copy_of_waiting() const {
    auto copy = std::make_unique<char[]>(waiting_.size());
    waiting_.copy(copy.get(), waiting_.size());
    return copy;
  }

  void take(const FrameEvent& event, const char* window) {
    if (event.consumed > waiting_.size()) throw std::logic_error("more consumed than there is");
    lost_ = event.kind == FrameEvent::Kind::lost;
    if (event.kind != FrameEvent::Kind::need_more) {
      Seen seen{event.kind, 0, event.offset, {}, {}};
      if (event.kind == FrameEvent::Kind::message) {
        const auto at = static_cast<std::size_t>(event.text.data() - window);
        if (at + event.text.size() > event.consumed) throw std::logic_error("a text that is not consumed");
        seen.begin = consumed_ + at;
        seen.text = event.text;
        seen.message = describe(decoder_.message());
      }
      events_.push_back(std::move(seen));
    }
    waiting_.erase(0, event.consumed);
    consumed_ += event.consumed;
  }

  FrameDecoder& decoder_;
  std::string waiting_;
  std::vector<Seen> events_;
  std::size_t consumed_ = 0;
  bool lost_ = false;
};

// Everything that `input` is in pieces of the sizes that `next_size(first byte)` gives.
template <typename NextSize>
std::vector<Seen> replay(Framing framing, MessageLimits limits, std::string_view input, NextSize next_size) {
  FrameDecoder decoder(framing, limits);
  Replay connection(decoder);
  for (std::size_t sent = 0; sent < input.size() && !connection.lost();) {
    const std::size_t size = std::min(input.size() - sent, next_size(sent));
    connection.receive(input.substr(sent, size));
    sent += size;
  }
  connection.end();
  return connection.events();
}

inline std::vector<Seen> replay_whole(Framing framing, MessageLimits limits, std::string_view input) {
  return replay(framing, limits, input, [&](std::size_t) { return input.size(); });
}

// The transcript in short: `message TEXT`, `malformed OFFSET`, `too_big`, `lost`.
struct Lines : std::vector<std::string> {
  using vector::vector;
  friend std::ostream& operator<<(std::ostream& out, const Lines& lines) {
    for (const auto& line : lines) out << "<" << line << "> ";
    return out;
  }
};

inline Lines in_short(const std::vector<Seen>& events) {
  Lines lines;
  for (const auto& event : events) {
    std::string line(name_of(event.kind));
    if (event.kind == FrameEvent::Kind::message) line += " " + event.text;
    if (event.kind == FrameEvent::Kind::malformed) line += " " + std::to_string(event.offset);
    lines.push_back(std::move(line));
  }
  return lines;
}

// Sizes that a test replays everything at; the last is "all at once".
inline std::vector<std::size_t> fragment_sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 1; size <= 31; ++size) sizes.push_back(size);
  sizes.push_back(static_cast<std::size_t>(-1));
  return sizes;
}

}  // namespace sluice::proto::testing
