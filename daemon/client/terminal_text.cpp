#include "daemon/client/terminal_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

namespace sluice::client {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// C0, DEL and C1; soft hyphen; marks, embeddings, overrides and isolates of direction;
// line and paragraph separators; what has no width; tags.
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

bool acts(char32_t code) {
  if (code == '\n' || code == '\t') return false;
  return std::any_of(kActing.begin(), kActing.end(),
                     [code](const Range& range) { return range.first <= code && code <= range.last; });
}

struct Character {
  std::size_t size = 1;
  char32_t code = 0;
  bool valid = false;
};

// The one at the front of `text`, which is not empty.
Character first_character(std::string_view text) {
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {1, first, true};
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || size > text.size()) return {};
  char32_t code = first & (0xFFu >> (size + 1));
  for (const char each : text.substr(1, size - 1)) {
    const auto byte = static_cast<unsigned char>(each);
    if ((byte & 0xC0u) != 0x80u) return {};
    code = code << 6u | (byte & 0x3Fu);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast.at(size) || code > 0x10FFFF || surrogate) return {};
  return {size, code, true};
}

void append_escape(std::string& out, char32_t unit) {
  std::array<char, 8> escape{};
  std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(unit));
  out += escape.data();
}

}  // namespace

std::string terminal_text(std::string_view text) {
  constexpr char32_t kAstral = 0x10000;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.valid) {
      out += "\xEF\xBF\xBD";
    } else if (!acts(character.code)) {
      out += text.substr(0, character.size);
    } else if (character.code < kAstral) {
      append_escape(out, character.code);
    } else {
      append_escape(out, 0xD800 + ((character.code - kAstral) >> 10u));
      append_escape(out, 0xDC00 + ((character.code - kAstral) & 0x3FFu));
    }
    text.remove_prefix(character.size);
  }
  return out;
}

}  // namespace sluice::client
