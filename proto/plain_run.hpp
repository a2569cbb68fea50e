// Runs of bytes that need no second look.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::proto {

// The first byte from `p` on that is not a digit, or `end`. Eight bytes a step: ids often are long numbers.
inline const char* skip_digits(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - p >= 8; p += 8) {
      std::uint64_t bytes;
      std::memcpy(&bytes, p, sizeof bytes);
      // Digits become 0 to 9. The addition sets the high bit of every other byte. A carry changes only bytes
      // behind the first of those, so the first one found is right.
      const std::uint64_t values = bytes ^ 0x3030303030303030;
      const std::uint64_t others = ((values + 0x7676767676767676) | values) & 0x8080808080808080;
      if (others != 0) return p + std::countr_zero(others) / 8;
    }
  }
  while (p < end && *p >= '0' && *p <= '9') ++p;
  return p;
}

// The first byte from `p` on that is not plain within a string: a quote, a backslash, a control character or
// the start of a multi-byte sequence; or `end`. 16 bytes a step: this loop is most of the time of a long
// message. Always inlined: link-time optimisation stops doing so as the program grows, 50 instructions a
// call.
[[gnu::always_inline]] inline const char* skip_plain(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(0x20);
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Compared as signed numbers, both control characters and bytes from 0x80 up are below the space.
    const __m128i stop =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmplt_epi8(bytes, space));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p < end && *p != '"' && *p != '\\' && static_cast<signed char>(*p) >= 0x20) ++p;
  return p;
}

}  // namespace sluice::proto
