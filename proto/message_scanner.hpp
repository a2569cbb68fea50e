// Validates one JSON text and finds the JSON-RPC members in it, in one pass that can stop at any byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/limits.hpp"
#include "proto/message.hpp"

namespace sluice::proto {

// A resumable JSON validator (RFC 8259: grammar, UTF-8, surrogate pairs, depth) that records the positions of
// the envelope's members in the same pass. No byte is read twice, however the text is cut up, except the
// first 512 of params that contain containers. It holds no bytes of the message. Not thread-safe; one per
// connection.
//
// Lone surrogates and a byte order mark are refused: what passes can be parsed by any JSON library.
class MessageScanner {
 public:
  enum class Status : std::uint8_t { incomplete, complete, malformed };

  explicit MessageScanner(std::size_t batch_entries_max = kBatchEntriesDefault)
      : batch_entries_max_(batch_entries_max) {}
  MessageScanner(const MessageScanner&) = delete;  // it points into its own message_
  MessageScanner& operator=(const MessageScanner&) = delete;

  void set_batch_entries_max(std::size_t count) { batch_entries_max_ = count; }

  // Forgets the current message and begins another.
  void reset();

  // Continues where the last call stopped. `text` is the message from its first byte (which may not be white
  // space) to the last byte received so far; it may have moved in memory since the last call.
  // complete: position() is one past the message's last byte. malformed: position() is the offending byte.
  Status scan(std::string_view text);

  // The input ends here: only a top-level number can be complete now.
  Status finish();

  // From now on scan() looks only for the message's end. It gets each new piece alone, from its first byte,
  // and position() counts within that piece.
  void stop_capturing();

  std::size_t position() const { return position_; }
  const Message& message() const { return message_; }

 private:
  enum class State : std::uint8_t {
    value,           // a value must begin
    value_or_close,  // after '[': a value or ']'
    key_or_close,    // after '{'
    key,             // after ',' in an object
    colon,
    comma_or_close,
    string,  // from here on: inside a token
    number,
    literal,
    complete,  // and here nothing more is read
    refused,
  };
  enum class StringPart : std::uint8_t { plain, escape, hex, low_backslash, low_u, continuation };
  enum class NumberPart : std::uint8_t {
    minus,
    zero,
    integer,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits
  };

  bool open(ValueKind kind);
  void close_container();
  bool number_may_end() const;
  const char* refuse(const char* p) {
    state_ = State::refused;
    return p;
  }

  const char* skip_usual_beginning(std::string_view text);
  const char* skip_usual_members(const char* p, std::string_view text);
  const char* skip_usual_id(const char* p, const char* base, const char* end);
  const char* skip_usual_method(const char* p, const char* base, const char* end);
  const char* skip_usual_params(const char* p, const char* base, const char* end);
  const char* scan_structure(const char* p, const char* base, const char* end);
  const char* scan_separator(const char* p, const char* base, const char* end);
  [[gnu::always_inline]] inline const char* scan_close(State where, char bracket, const char* p,
                                                       const char* base, const char* end);
  const char* scan_key(const char* p, const char* base, const char* end);
  const char* scan_value(const char* p, const char* base, const char* end);
  const char* scan_new_number(const char* p, const char* base, const char* end);
  const char* scan_string(const char* p, const char* base, const char* end);
  const char* string_step(const char* p);
  const char* begin_utf8(const char* p);
  bool end_hex_escape();
  const char* scan_number(const char* p, const char* base, const char* end);
  const char* scan_literal(const char* p, const char* base, const char* end);

  // A key whose closing quote is in front of `p`. Nearly always the colon follows at once.
  const char* key_ended(const char* p, const char* end) {
    const bool colon = p < end && *p == ':';
    state_ = colon ? State::value : State::colon;
    return colon ? p + 1 : p;
  }
  // A value that began earlier, or in the current text. `p` is one past it. Nearly always a comma follows
  // at once.
  [[gnu::always_inline]] const char* value_ended(const char* p, const char* base, const char* end) {
    note_end(p, base);
    return after_value(p, end);
  }
  const char* value_found(ValueKind kind, const char* begin, const char* p, const char* base,
                          const char* end) {
    note_begin(kind, begin, base);
    return value_ended(p, base, end);
  }
  const char* after_value(const char* p, const char* end) {
    if (depth_ == 0) {
      state_ = State::complete;
      return p;
    }
    const bool comma = p < end && *p == ',';
    state_ = !comma ? State::comma_or_close : in_object_ ? State::key : State::value;
    return comma ? p + 1 : p;
  }

  // Values further down than the envelope's members, which are most, cost one comparison.
  [[gnu::always_inline]] void note_begin(ValueKind kind, const char* p, const char* base) {
    if (depth_ > capture_depth_) return;
    const auto offset = static_cast<std::size_t>(p - base);
    if (depth_ == capture_depth_ && depth_ > 0) {
      // A nested array of a batch is at the members' depth too, but has no key before its values.
      if (target_ != nullptr) target_->set(static_cast<std::uint32_t>(offset), kind);
    } else if (capturing_) {
      note_outer(kind, offset);
    }
  }
  void note_end(const char* p, const char* base) {
    if (depth_ > capture_depth_) return;
    const auto offset = static_cast<std::size_t>(p - base);
    if (depth_ == capture_depth_ && depth_ > 0) {
      if (target_ == nullptr) return;
      target_->size = static_cast<std::uint32_t>(offset) - target_->begin;
      target_ = nullptr;
    } else if (capturing_) {
      note_outer_end(offset);
    }
  }
  void note_member(Span* member) {
    target_ = member;
    if (member != nullptr) *member = {};
  }
  // Run once per message or entry. Not inlined: otherwise note_begin() and note_end(), which run for each
  // token, would become too large to be inlined.
  [[gnu::noinline]] void note_outer(ValueKind kind, std::size_t offset);
  inline void note_message(ValueKind kind, std::uint32_t begin);
  [[gnu::noinline]] void note_outer_end(std::size_t offset);
  void note_other_key(std::string_view name);

  Message message_;
  std::size_t batch_entries_max_;
  std::size_t position_ = 0;
  std::size_t key_begin_ = 0;                          // behind its quote
  std::array<std::uint64_t, kDepthMax / 64> kinds_{};  // a bit a level: 1 object, 0 array
  std::size_t depth_ = 0;
  std::size_t capture_depth_ = 0;  // levels down to which values are noted; 0 until the first byte is seen
  Envelope* envelope_ = nullptr;   // the call whose members are being read
  Span* target_ = nullptr;         // the member whose value is being read
  const char* literal_ = nullptr;  // the rest of true, false or null
  std::uint32_t hex_value_ = 0;
  State state_ = State::value;
  StringPart string_part_ = StringPart::plain;
  NumberPart number_part_ = NumberPart::minus;
  std::uint8_t hex_digits_ = 0;
  std::uint8_t utf8_left_ = 0;
  unsigned char utf8_low_ = 0x80;
  unsigned char utf8_high_ = 0xBF;
  bool in_object_ = false;  // what the innermost open container is
  bool string_is_key_ = false;
  bool expect_low_surrogate_ = false;
  bool capturing_ = true;
};

inline void MessageScanner::reset() {
  message_.kind = ValueKind::none;
  message_.single = {};
  // A large batch's entries are not kept for a connection that may never send another.
  if (message_.entries.capacity() > 0) std::vector<Envelope>().swap(message_.entries);
  message_.entry_count = 0;
  position_ = depth_ = capture_depth_ = 0;
  envelope_ = nullptr;
  target_ = nullptr;
  state_ = State::value;
  string_part_ = StringPart::plain;
  in_object_ = false;
  expect_low_surrogate_ = false;
  capturing_ = true;
}

}  // namespace sluice::proto
