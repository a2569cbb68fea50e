// Classes of characters by their effect when a text is displayed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::proto {

inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

// Bytes of the valid UTF-8 character at the front; 0 for a byte that belongs to none.
inline std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = at(0);
  const auto continued = [&](std::size_t count) {
    const std::string_view rest = text.substr(1, count);
    return rest.size() == count && std::all_of(rest.begin(), rest.end(), is_continuation);
  };
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continued(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && at(1) < 0xA0;
    const bool surrogate = first == 0xED && at(1) >= 0xA0;
    return continued(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && at(1) < 0x90;
    const bool too_high = first == 0xF4 && at(1) >= 0x90;
    return continued(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

// The code point of one valid character.
inline char32_t code_point(std::string_view character) {
  constexpr std::array<unsigned, 5> kFirstBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = static_cast<unsigned char>(character[0]) & kFirstBits.at(character.size());
  for (const char byte : character.substr(1)) code = code << 6u | (static_cast<unsigned char>(byte) & 0x3Fu);
  return code;
}

// True if a character has an effect beyond its glyph when it is displayed: controls (C0, DEL and C1), line
// and paragraph separators, and format characters that steer or hide text.
inline bool acts_on_display(char32_t character) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr std::array<Range, 11> kActing = {{{0x00, 0x1F},
                                              {0x7F, 0x9F},
                                              {0xAD, 0xAD},
                                              {0x61C, 0x61C},
                                              {0x180E, 0x180E},
                                              {0x200B, 0x200F},
                                              {0x2028, 0x202E},
                                              {0x2060, 0x206F},
                                              {0xFEFF, 0xFEFF},
                                              {0xFFF9, 0xFFFB},
                                              {0xE0000, 0xE007F}}};
  return std::ranges::any_of(
      kActing, [&](const Range& range) { return range.first <= character && character <= range.last; });
}

// Appends the character as JSON writes it within a string: \uNNNN, or two of them (RFC 8259, section 7).
inline void append_escape(std::string& out, char32_t character) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr char32_t kAstral = 0x10000;
  if (character >= kAstral) {
    append_escape(out, 0xD800 + ((character - kAstral) >> 10u));
    return append_escape(out, 0xDC00 + ((character - kAstral) & 0x3FFu));
  }
  out.append("\\u");
  for (const unsigned shift : {12u, 8u, 4u, 0u}) out.push_back(kHex[character >> shift & 0xFu]);
}

}  // namespace sluice::proto
