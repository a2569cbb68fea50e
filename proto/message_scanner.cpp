#include "proto/message_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "proto/json_text.hpp"
#include "proto/plain_run.hpp"
#include "proto/plain_value.hpp"

namespace sluice::proto {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The library's own comparisons are not always inlined where link-time optimisation has much to choose from,
// which costs a tenth of a call. Of a length that is known to be the literal's:
template <std::size_t Size>
bool is(std::string_view name, const char (&literal)[Size]) {
  return std::memcmp(name.data(), literal, Size - 1) == 0;
}

Span span_of(const char* begin, const char* end, const char* base, ValueKind kind) {
  return {static_cast<std::uint32_t>(begin - base), static_cast<std::uint32_t>(end - begin), kind};
}

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() && std::memcmp(text.data(), beginning.data(), beginning.size()) == 0;
}

Span* member_named(Envelope& envelope, std::string_view name) {
  switch (name.size()) {
    case 2:
      return is(name, "id") ? &envelope.id : nullptr;
    case 5:
      return is(name, "error") ? &envelope.error : nullptr;
    case 6:
      if (is(name, "method")) return &envelope.method;
      if (is(name, "params")) return &envelope.params;
      return is(name, "result") ? &envelope.result : nullptr;
    case 7:
      return is(name, "jsonrpc") ? &envelope.jsonrpc : nullptr;
    case 10:
      return is(name, "timeout_ms") ? &envelope.timeout_ms : nullptr;
    case 11:
      return is(name, "traceparent") ? &envelope.traceparent : nullptr;
    default:
      return nullptr;
  }
}

// With these bytes most clients begin every call: as a library writes it without and with white space.
struct Beginning {
  std::string_view text;
  std::uint32_t version_at;
};
constexpr std::array<Beginning, 2> kUsualBeginnings = {
    {{R"({"jsonrpc":"2.0",)", 11}, {R"({"jsonrpc": "2.0", )", 12}}};

// Keys that nearly every call has, in their usual spelling: found by one comparison each.
constexpr std::string_view kIdKey = R"("id":)";
constexpr std::string_view kMethodKey = R"("method":)";
constexpr std::string_view kParamsKey = R"("params":)";
struct UsualKey {
  std::string_view text;
  Span Envelope::*member;
};
// Params are read as flat ones so far; those that contain containers are read twice.
constexpr std::ptrdiff_t kFlatBytesMax = 512;
constexpr std::array<UsualKey, 3> kUsualKeys = {
    {{kParamsKey, &Envelope::params}, {kIdKey, &Envelope::id}, {kMethodKey, &Envelope::method}}};

}  // namespace

void MessageScanner::stop_capturing() {
  capturing_ = false;
  capture_depth_ = 0;
  target_ = nullptr;
  position_ = 0;
}

MessageScanner::Status MessageScanner::scan(std::string_view text) {
  const char* const base = text.data();
  const char* const end = base + text.size();
  const char* p = base + position_;
  if (position_ == 0 && depth_ == 0 && capturing_) p = skip_usual_beginning(text);
  while (p < end && state_ < State::complete) {
    switch (state_) {
      case State::string:
        p = scan_string(p, base, end);
        break;
      case State::number:
        p = scan_number(p, base, end);
        break;
      case State::literal:
        p = scan_literal(p, base, end);
        break;
      default:
        p = scan_structure(p, base, end);
    }
  }
  position_ = static_cast<std::size_t>(p - base);
  if (state_ == State::refused) return Status::malformed;
  if (state_ == State::complete) return Status::complete;
  if (!capturing_) position_ = 0;
  return Status::incomplete;
}

MessageScanner::Status MessageScanner::finish() {
  if (state_ == State::complete) return Status::complete;
  if (state_ != State::number || depth_ != 0 || !number_may_end()) return Status::malformed;
  note_outer_end(position_);
  state_ = State::complete;
  return Status::complete;
}

// Spares the first four tokens of a call, a fifth of a short call's cost. What does not begin so, or not yet,
// is scanned from its first byte.
const char* MessageScanner::skip_usual_beginning(std::string_view text) {
  for (const Beginning& beginning : kUsualBeginnings) {
    if (!begins_with(text, beginning.text)) continue;
    note_message(ValueKind::object, 0);
    open(ValueKind::object);
    message_.single.jsonrpc = {beginning.version_at, 5, ValueKind::string};
    state_ = State::key;
    return skip_usual_members(text.data() + beginning.text.size(), text);
  }
  return text.data();
}

// An id of digits, a method of plain characters and params without containers in them need no state between
// their tokens, nor does the message's end behind them. From `p` on, where a key has to be; what is written
// in another way is left to scan_key() and what follows it.
const char* MessageScanner::skip_usual_members(const char* p, std::string_view text) {
  const char* const base = text.data();
  const char* const end = base + text.size();
  for (;;) {
    const std::string_view rest(p, static_cast<std::size_t>(end - p));
    const char* behind = end;
    if (begins_with(rest, kIdKey)) {
      behind = skip_usual_id(skip_space(p + kIdKey.size(), end), base, end);
    } else if (begins_with(rest, kMethodKey)) {
      behind = skip_usual_method(skip_space(p + kMethodKey.size(), end), base, end);
    } else if (begins_with(rest, kParamsKey)) {
      const char* const value = skip_space(p + kParamsKey.size(), end);
      behind = skip_usual_params(value, base, end);
      if (behind == end) {
        note_member(&message_.single.params);
        state_ = State::value;
        return value;
      }
    }
    if (behind == end) return p;
    if (*behind != ',') {
      close_container();
      return value_ended(behind + 1, base, end);
    }
    p = skip_space(behind + 1, end);
  }
}

// The end of a member: the next member, or the call's end.
inline bool ends_member(const char* p, const char* end) { return p < end && (*p == ',' || *p == '}'); }

const char* MessageScanner::skip_usual_id(const char* p, const char* base, const char* end) {
  const char* const behind = p < end && *p >= '1' ? skip_digits(p, end) : p;
  if (behind == p || !ends_member(behind, end)) return end;
  message_.single.id = span_of(p, behind, base, ValueKind::number);
  return behind;
}

const char* MessageScanner::skip_usual_method(const char* p, const char* base, const char* end) {
  if (p == end || *p != '"') return end;
  const char* const behind = skip_plain_scalar(p, end);
  if (!ends_member(behind, end)) return end;
  message_.single.method = span_of(p, behind, base, ValueKind::string);
  return behind;
}

const char* MessageScanner::skip_usual_params(const char* p, const char* base, const char* end) {
  if (p == end) return end;
  const char* const in_reach = p + std::min(end - p, kFlatBytesMax);
  const char* const behind = skip_flat_container(p, in_reach);
  if (behind == in_reach || !ends_member(behind, end)) return end;
  message_.single.params = span_of(p, behind, base, *p == '{' ? ValueKind::object : ValueKind::array);
  return behind;
}

// The end of a container, where it may be and is the right one.
inline const char* MessageScanner::scan_close(State where, char bracket, const char* p, const char* base,
                                              const char* end) {
  if (state_ != where || *p != bracket) return refuse(p);
  close_container();
  return value_ended(p + 1, base, end);
}

// From token to token, until one does not end in sight. A token that does is dealt with on the spot; what is
// in state_ and its like is only for those that do not.
const char* MessageScanner::scan_structure(const char* p, const char* base, const char* end) {
  while (p < end) {
    const char c = *p;
    // Bytes from 0x80 up are negative.
    if (c <= ' ') {
      if (!is_space(c)) return refuse(p);
      ++p;
      continue;
    }
    switch (state_) {
      case State::comma_or_close:
        p = scan_separator(p, base, end);
        break;
      case State::colon:
        if (c != ':') return refuse(p);
        state_ = State::value;
        ++p;
        break;
      case State::key_or_close:
      case State::key:
        p = c == '"' ? scan_key(p, base, end) : scan_close(State::key_or_close, '}', p, base, end);
        break;
      default:
        p = scan_value(p, base, end);
    }
    if (state_ >= State::string) return p;
  }
  return p;
}

const char* MessageScanner::scan_separator(const char* p, const char* base, const char* end) {
  if (*p == ',') {
    state_ = in_object_ ? State::key : State::value;
    return p + 1;
  }
  return scan_close(State::comma_or_close, in_object_ ? '}' : ']', p, base, end);
}

const char* MessageScanner::scan_key(const char* p, const char* base, const char* end) {
  const bool named = depth_ == capture_depth_ && envelope_ != nullptr;
  if (named) {
    const std::string_view text(p, static_cast<std::size_t>(end - p));
    for (const UsualKey& key : kUsualKeys) {
      if (!begins_with(text, key.text)) continue;
      note_member(&(envelope_->*key.member));
      state_ = State::value;
      return p + key.text.size();
    }
  }
  const char* const close = skip_plain(p + 1, end);
  if (close == end || *close != '"') {
    string_is_key_ = true;
    key_begin_ = static_cast<std::size_t>(p + 1 - base);
    state_ = State::string;
    return scan_string(close, base, end);
  }
  if (named) {
    note_member(member_named(*envelope_, {p + 1, static_cast<std::size_t>(close - p - 1)}));
  }
  return key_ended(close + 1, end);
}

// The first byte of a value, or of the end of an empty array.
const char* MessageScanner::scan_value(const char* p, const char* base, const char* end) {
  const char c = *p;
  if (c == '"') {
    const char* const close = skip_plain(p + 1, end);
    if (close < end && *close == '"') return value_found(ValueKind::string, p, close + 1, base, end);
    note_begin(ValueKind::string, p, base);
    string_is_key_ = false;
    state_ = State::string;
    return scan_string(close, base, end);
  }
  if (c == '{' || c == '[') {
    const ValueKind kind = c == '{' ? ValueKind::object : ValueKind::array;
    note_begin(kind, p, base);
    return open(kind) ? p + 1 : refuse(p);
  }
  if (c == '-' || is_digit(c)) return scan_new_number(p, base, end);
  if (c == ']' && state_ == State::value_or_close) return scan_close(state_, ']', p, base, end);
  literal_ = c == 't' ? "rue" : c == 'f' ? "alse" : c == 'n' ? "ull" : nullptr;
  if (literal_ == nullptr) return refuse(p);
  note_begin(c == 'n' ? ValueKind::null : ValueKind::boolean, p, base);
  state_ = State::literal;
  return scan_literal(p + 1, base, end);
}

const char* MessageScanner::scan_new_number(const char* p, const char* base, const char* end) {
  // Of most what follows is in sight.
  const char* const behind = skip_number(p, end);
  if (behind < end && (*behind == ',' || *behind == '}' || *behind == ']') && depth_ > 0) {
    return value_found(ValueKind::number, p, behind, base, end);
  }
  note_begin(ValueKind::number, p, base);
  state_ = State::number;
  number_part_ = *p == '-' ? NumberPart::minus : *p == '0' ? NumberPart::zero : NumberPart::integer;
  return scan_number(p + 1, base, end);
}

bool MessageScanner::open(ValueKind kind) {
  if (depth_ == kDepthMax) return false;
  const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
  std::uint64_t& word = kinds_[depth_ / 64];
  word = kind == ValueKind::object ? word | bit : word & ~bit;
  ++depth_;
  in_object_ = kind == ValueKind::object;
  state_ = in_object_ ? State::key_or_close : State::value_or_close;
  return true;
}

void MessageScanner::close_container() {
  --depth_;
  in_object_ = depth_ > 0 && ((kinds_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1) != 0;
}

inline void MessageScanner::note_message(ValueKind kind, std::uint32_t begin) {
  message_.kind = kind;
  message_.single.whole.set(begin, kind);
  envelope_ = &message_.single;
  capture_depth_ = kind == ValueKind::array ? 2 : 1;
}

// The message itself, or a batch's entry: members of calls are dealt with where they are found.
void MessageScanner::note_outer(ValueKind kind, std::size_t offset) {
  const auto begin = static_cast<std::uint32_t>(offset);
  if (depth_ == 0) return note_message(kind, begin);
  envelope_ = nullptr;
  if (message_.entry_count++ >= batch_entries_max_) return;
  envelope_ = &message_.entries.emplace_back();
  envelope_->whole.set(begin, kind);
}

void MessageScanner::note_outer_end(std::size_t offset) {
  Envelope* const ended = depth_ == 0 ? &message_.single : envelope_;
  if (ended != nullptr) ended->whole.size = static_cast<std::uint32_t>(offset) - ended->whole.begin;
}

// A name that came in pieces or has escapes. With escapes it may still be a member's name: a later parser of
// the text must find the same members.
void MessageScanner::note_other_key(std::string_view name) {
  if (envelope_ == nullptr) return;
  const bool plain = name.find('\\') == std::string_view::npos;
  note_member(plain ? member_named(*envelope_, name) : member_named(*envelope_, unescape(name)));
}

}  // namespace sluice::proto
