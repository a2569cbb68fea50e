#include "daemon/client/json_check.hpp"

#include <string>

namespace sluice::client {
namespace {

bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_hex(int c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// One pass over one text. Every step returns false at the first byte that does not
// fit and leaves at_ there.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  bool check();
  std::size_t at() const { return at_; }

 private:
  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  bool take(int c);
  void blank();
  bool begin_value();
  bool end_value();
  bool key();
  bool scalar();
  bool literal(std::string_view word);
  bool digits();
  bool number();
  bool string();
  bool escape();
  bool utf8();

  std::string_view text_;
  std::size_t at_ = 0;
  std::string open_;  // the brackets that are open, outermost first
};

bool Checker::take(int c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

void Checker::blank() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
}

// Takes openings until a scalar or an empty container has ended.
bool Checker::begin_value() {
  while (true) {
    blank();
    if (take('[')) {
      blank();
      if (take(']')) return true;
      open_ += '[';
    } else if (take('{')) {
      blank();
      if (take('}')) return true;
      open_ += '{';
      if (!key()) return false;
    } else {
      return scalar();
    }
  }
}

// Takes what may follow a value: closings, then the end of the text, or a comma
// (and a key) that calls for one more value, in which case open_ is not empty.
bool Checker::end_value() {
  while (!open_.empty()) {
    blank();
    if (take(',')) return open_.back() == '[' || key();
    if (!take(open_.back() == '[' ? ']' : '}')) return false;
    open_.pop_back();
  }
  blank();
  return at_ == text_.size();
}

bool Checker::check() {
  do {
    if (!begin_value() || !end_value()) return false;
  } while (!open_.empty());
  return true;
}

bool Checker::literal(std::string_view word) {
  for (const char c : word) {
    if (!take(c)) return false;
  }
  return true;
}

bool Checker::digits() {
  if (!is_digit(peek())) return false;
  while (is_digit(peek())) ++at_;
  return true;
}

bool Checker::number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (!take('e') && !take('E')) return true;
  if (!take('+')) take('-');
  return digits();
}

bool Checker::escape() {
  if (take('u')) {
    for (int i = 0; i < 4; ++i) {
      if (!is_hex(peek())) return false;
      ++at_;
    }
    return true;
  }
  const int c = peek();
  if (c < 0 || std::string_view("\"\\/bfnrt").find(static_cast<char>(c)) == std::string_view::npos)
    return false;
  ++at_;
  return true;
}

// One character of more than one byte: no overlong form, no surrogate, nothing past U+10FFFF.
bool Checker::utf8() {
  const int lead = peek();
  const int more = lead >= 0xC2 && lead <= 0xDF   ? 1
                   : lead >= 0xE0 && lead <= 0xEF ? 2
                   : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                  : 0;
  if (more == 0) return false;
  ++at_;
  int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (int i = 0; i < more; ++i, low = 0x80, high = 0xBF) {
    if (peek() < low || peek() > high) return false;
    ++at_;
  }
  return true;
}

bool Checker::string() {
  if (!take('"')) return false;
  while (!take('"')) {
    if (peek() < 0x20) return false;
    if (peek() >= 0x80) {
      if (!utf8()) return false;
    } else if (take('\\')) {
      if (!escape()) return false;
    } else {
      ++at_;
    }
  }
  return true;
}

bool Checker::scalar() {
  switch (peek()) {
    case '"':
      return string();
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

bool Checker::key() {
  blank();
  if (!string()) return false;
  blank();
  return take(':');
}

}  // namespace

std::optional<std::size_t> json_error_offset(std::string_view text) {
  Checker checker(text);
  if (checker.check()) return std::nullopt;
  return checker.at();
}

}  // namespace sluice::client
