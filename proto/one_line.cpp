#include "proto/one_line.hpp"

#include <bit>

#include "proto/json_tokens.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::proto {
namespace {

// Whether a separator may begin with it.
bool begins_separator(char c) { return c == '\n' || c == '\r' || c == '\xC2' || c == '\xE2'; }

// The first byte from `p` on with which a separator may begin, or `end`.
const char* skip_ordinary(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Compared as signed numbers, both control characters and bytes from 0x80 up are below the space.
    if (_mm_movemask_epi8(_mm_cmplt_epi8(bytes, space)) == 0) continue;
    const auto is = [&bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    const __m128i found =
        _mm_or_si128(_mm_or_si128(is('\n'), is('\r')), _mm_or_si128(is('\xC2'), is('\xE2')));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  while (p < end && !begins_separator(*p)) ++p;
  return p;
}

// Where the first separator in `text` begins; the size of `text` without one.
std::size_t find_separator(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* p = text.data();; ++p) {
    p = skip_ordinary(p, end);
    const auto at = static_cast<std::size_t>(p - text.data());
    if (p == end || separator_size(text.substr(at)) > 0) return at;
  }
}

void append_tokens(std::string& out, std::string_view json) {
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      const std::size_t size = string_size(json.substr(at));
      append_one_line_inside(out, json.substr(at, size));
      at += size;
    } else if (is_space(json[at])) {
      ++at;
    } else {
      out += json[at++];
    }
  }
}

}  // namespace

bool is_one_line(std::string_view text) { return find_separator(text) == text.size(); }

void append_one_line(std::string& out, std::string_view json) {
  if (is_one_line(json)) {
    out += json;
  } else {
    append_tokens(out, json);
  }
}

void append_one_line_inside(std::string& out, std::string_view inside) {
  while (!inside.empty()) {
    const std::size_t at = find_separator(inside);
    out.append(inside, 0, at);
    inside.remove_prefix(at);
    const std::size_t size = separator_size(inside);
    if (size == 2) out += "\\u0085";
    if (size == 3) out += inside[2] == '\xA8' ? "\\u2028" : "\\u2029";
    inside.remove_prefix(size);
  }
}

}  // namespace sluice::proto
