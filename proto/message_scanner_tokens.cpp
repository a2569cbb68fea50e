// The inside of strings, numbers and literals, also where one comes in pieces.
#include <array>
#include <cstring>
#include <string_view>

#include "proto/message_scanner.hpp"
#include "proto/plain_run.hpp"

namespace sluice::proto {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_continuation(char c) { return static_cast<signed char>(c) < -0x40; }

// The second byte of an escape of two bytes.
constexpr auto kShortEscapes = [] {
  std::array<bool, 256> is{};
  for (const unsigned char c : std::string_view(R"("\/bfnrt)")) is[c] = true;
  return is;
}();

// The value of the four digits of an escape that begins at `p`, if it is one and is in sight; else -1.
int code_unit(const char* p, const char* end) {
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
  int value = 0;
  for (int at = 2; at < 6; ++at) {
    const int digit = hex_digit(p[at]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// Past an escape, or the two of a surrogate pair; `p` where it is wrong or not whole.
const char* skip_escape(const char* p, const char* end) {
  if (end - p >= 2 && kShortEscapes[static_cast<unsigned char>(p[1])]) return p + 2;
  const int value = code_unit(p, end);
  if (value < 0xD800 || value > 0xDFFF) return value < 0 ? p : p + 6;
  const int second = value < 0xDC00 ? code_unit(p + 6, end) : -1;
  return second >= 0xDC00 && second <= 0xDFFF ? p + 12 : p;
}

// Past characters of several bytes, up to one that is rare, wrong or not whole. See begin_utf8().
const char* skip_characters(const char* p, const char* end) {
  while (end - p >= 4) {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte >= 0xC2 && byte <= 0xDF && is_continuation(p[1])) {
      p += 2;
    } else if (byte > 0xE0 && byte <= 0xEF && byte != 0xED && is_continuation(p[1]) &&
               is_continuation(p[2])) {
      p += 3;
    } else if (byte >= 0xF0 && byte <= 0xF3 && is_continuation(p[1]) && is_continuation(p[2]) &&
               is_continuation(p[3]) && (byte > 0xF0 || static_cast<unsigned char>(p[1]) >= 0x90)) {
      p += 4;
    } else {
      break;
    }
  }
  return p;
}

}  // namespace

const char* MessageScanner::scan_string(const char* p, const char* base, const char* end) {
  for (;;) {
    while (string_part_ != StringPart::plain) {
      if (p == end) return p;
      p = string_step(p);
      if (state_ == State::refused) return p;
    }
    p = skip_plain(p, end);
    if (p == end) return p;
    if (*p == '"') break;
    const char* const behind = *p == '\\' ? skip_escape(p, end) : skip_characters(p, end);
    if (behind != p) {
      p = behind;
    } else if (*p == '\\') {
      string_part_ = StringPart::escape;
      ++p;
    } else {
      p = begin_utf8(p);
      if (state_ == State::refused) return p;
    }
  }
  ++p;
  if (!string_is_key_) return value_ended(p, base, end);
  if (depth_ == capture_depth_ && capturing_) {
    const std::string_view name(base + key_begin_, static_cast<std::size_t>(p - 1 - base) - key_begin_);
    note_other_key(name);
  }
  return key_ended(p, end);
}

// One byte of an escape or of a multi-byte sequence.
const char* MessageScanner::string_step(const char* p) {
  const char c = *p;
  bool valid = true;
  switch (string_part_) {
    case StringPart::escape:
      hex_digits_ = 0;
      hex_value_ = 0;
      string_part_ = c == 'u' ? StringPart::hex : StringPart::plain;
      valid = std::strchr("\"\\/bfnrtu", c) != nullptr && c != '\0';
      break;
    case StringPart::hex: {
      const int digit = hex_digit(c);
      valid = digit >= 0;
      hex_value_ = hex_value_ * 16 + static_cast<std::uint32_t>(digit);
      if (valid && ++hex_digits_ == 4) valid = end_hex_escape();
      break;
    }
    case StringPart::low_backslash:
      valid = c == '\\';
      string_part_ = StringPart::low_u;
      break;
    case StringPart::low_u:
      valid = c == 'u';
      hex_digits_ = 0;
      hex_value_ = 0;
      string_part_ = StringPart::hex;
      break;
    case StringPart::continuation: {
      const auto byte = static_cast<unsigned char>(c);
      valid = byte >= utf8_low_ && byte <= utf8_high_;
      utf8_low_ = 0x80;
      utf8_high_ = 0xBF;
      if (--utf8_left_ == 0) string_part_ = StringPart::plain;
      break;
    }
    case StringPart::plain:
      break;
  }
  return valid ? p + 1 : refuse(p);
}

bool MessageScanner::end_hex_escape() {
  const bool high = hex_value_ >= 0xD800 && hex_value_ <= 0xDBFF;
  const bool low = hex_value_ >= 0xDC00 && hex_value_ <= 0xDFFF;
  if (low != expect_low_surrogate_) return false;
  expect_low_surrogate_ = high;
  string_part_ = high ? StringPart::low_backslash : StringPart::plain;
  return true;
}

// The bounds of the second byte exclude overlong forms, surrogates and what is past U+10FFFF
// (Unicode 15.0, table 3-7, "Well-Formed UTF-8 Byte Sequences").
const char* MessageScanner::begin_utf8(const char* p) {
  const auto byte = static_cast<unsigned char>(*p);
  utf8_low_ = 0x80;
  utf8_high_ = 0xBF;
  if (byte >= 0xC2 && byte <= 0xDF) {
    utf8_left_ = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    utf8_left_ = 2;
    if (byte == 0xE0) utf8_low_ = 0xA0;
    if (byte == 0xED) utf8_high_ = 0x9F;
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    utf8_left_ = 3;
    if (byte == 0xF0) utf8_low_ = 0x90;
    if (byte == 0xF4) utf8_high_ = 0x8F;
  } else {
    return refuse(p);
  }
  string_part_ = StringPart::continuation;
  return p + 1;
}

bool MessageScanner::number_may_end() const {
  return number_part_ == NumberPart::zero || number_part_ == NumberPart::integer ||
         number_part_ == NumberPart::fraction || number_part_ == NumberPart::exponent_digits;
}

const char* MessageScanner::scan_number(const char* p, const char* base, const char* end) {
  using enum NumberPart;
  if (number_part_ == integer) {
    while (p < end && is_digit(*p)) ++p;
  }
  for (; p < end; ++p) {
    const char c = *p;
    const bool exponent_mark = c == 'e' || c == 'E';
    if (is_digit(c)) {
      if (number_part_ == zero) return refuse(p);
      if (number_part_ == minus) number_part_ = c == '0' ? zero : integer;
      if (number_part_ == point) number_part_ = fraction;
      if (number_part_ == exponent || number_part_ == exponent_sign) number_part_ = exponent_digits;
    } else if (c == '.' && (number_part_ == zero || number_part_ == integer)) {
      number_part_ = point;
    } else if (exponent_mark &&
               (number_part_ == zero || number_part_ == integer || number_part_ == fraction)) {
      number_part_ = exponent;
    } else if ((c == '+' || c == '-') && number_part_ == exponent) {
      number_part_ = exponent_sign;
    } else {
      return number_may_end() ? value_ended(p, base, end) : refuse(p);
    }
  }
  return p;
}

const char* MessageScanner::scan_literal(const char* p, const char* base, const char* end) {
  while (p < end && *literal_ != '\0') {
    if (*p != *literal_) return refuse(p);
    ++p;
    ++literal_;
  }
  return *literal_ == '\0' ? value_ended(p, base, end) : p;
}

}  // namespace sluice::proto
