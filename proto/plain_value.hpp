// Fast path for complete scalars and flat containers, without the scanner's state machine.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "proto/plain_run.hpp"

namespace sluice::proto {

// Skips one space, if there is one.
inline const char* skip_space(const char* p, const char* end) { return p < end && *p == ' ' ? p + 1 : p; }

// Skips a complete number that begins at `p`; `end` if it is not a number or may be incomplete.
inline const char* skip_number(const char* p, const char* end) {
  if (*p == '-' && ++p == end) return end;
  const char* const integer = p;
  p = skip_digits(p, end);
  if (p == integer || (*integer == '0' && p > integer + 1)) return end;
  if (p < end && *p == '.') {
    const char* const fraction = p + 1;
    p = skip_digits(fraction, end);
    if (p == fraction) return end;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    const char* exponent = p + 1;
    if (exponent < end && (*exponent == '+' || *exponent == '-')) ++exponent;
    p = skip_digits(exponent, end);
    if (p == exponent) return end;
  }
  return p;
}

// Skips a string without escapes, a number, true, false or null; `end` as above.
inline const char* skip_plain_scalar(const char* p, const char* end) {
  const auto literal = [&](std::string_view text) {
    const bool there = static_cast<std::size_t>(end - p) >= text.size();
    return there && std::memcmp(p, text.data(), text.size()) == 0 ? p + text.size() : end;
  };
  switch (*p) {
    case '"':
      p = skip_plain(p + 1, end);
      return p < end && *p == '"' ? p + 1 : end;
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return skip_number(p, end);
  }
}

// Skips an object or an array of such values, written without white space or with a space behind each colon
// and comma.
inline const char* skip_flat_container(const char* p, const char* end) {
  const bool object = *p == '{';
  if (!object && *p != '[') return end;
  const char close = object ? '}' : ']';
  if (++p < end && *p == close) return p + 1;
  while (p < end) {
    if (object) {
      if (*p != '"') return end;
      p = skip_plain(p + 1, end);
      if (end - p < 2 || p[0] != '"' || p[1] != ':') return end;
      p = skip_space(p + 2, end);
      if (p == end) return end;
    }
    p = skip_plain_scalar(p, end);
    if (p == end) return end;
    if (*p == close) return p + 1;
    if (*p != ',') return end;
    p = skip_space(p + 1, end);
  }
  return end;
}

}  // namespace sluice::proto
