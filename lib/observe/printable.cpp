#include "lib/observe/printable.hpp"

#include <algorithm>
#include <array>

#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kPrintableBytesMax = 256;

// Bytes of the valid UTF-8 character at the front; 0 for a byte that belongs to none.
std::size_t utf8_length(std::string_view text) {
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

// Of one valid character.
char32_t code_point(std::string_view character) {
  constexpr std::array<unsigned, 5> kFirstBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = static_cast<unsigned char>(character[0]) & kFirstBits.at(character.size());
  for (const char byte : character.substr(1)) code = code << 6u | (static_cast<unsigned char>(byte) & 0x3Fu);
  return code;
}

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode's controls, line and paragraph separators, and format characters that steer or hide text.
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

void append_unicode_escape(std::string& out, char32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.append("\\u");
  for (const unsigned shift : {12u, 8u, 4u, 0u}) out.push_back(kHex[unit >> shift & 0xFu]);
}

}  // namespace

bool acts_on_display(char32_t character) {
  return std::ranges::any_of(
      kActing, [&](const Range& range) { return range.first <= character && character <= range.last; });
}

void append_harmless_json(std::string& out, std::string_view json) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  constexpr char32_t kAstral = 0x10000;
  while (!json.empty()) {
    const std::size_t length = utf8_length(json);
    const std::string_view character = json.substr(0, length == 0 ? 1 : length);
    const char32_t code = length == 0 ? 0 : code_point(character);
    if (length == 0) {
      out.append(kReplacement);
    } else if (code < ' ') {
      out.push_back(' ');  // white space between tokens; a string holds none
    } else if (!acts_on_display(code)) {
      out.append(character);
    } else if (code < kAstral) {
      append_unicode_escape(out, code);
    } else {
      append_unicode_escape(out, 0xD800 + ((code - kAstral) >> 10u));
      append_unicode_escape(out, 0xDC00 + ((code - kAstral) & 0x3FFu));
    }
    json.remove_prefix(character.size());
  }
}

bool append_harmless(std::string& out, std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kEscapeBytes = 4;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const bool escape = length == 0 || acts_on_display(code_point(character));
    const std::size_t needed = escape ? kEscapeBytes * character.size() : character.size();
    if (out.size() + needed > bytes_max) return false;
    if (!escape) out.append(character);
    for (const char byte : escape ? character : std::string_view()) {
      const auto value = static_cast<unsigned char>(byte);
      out.append("\\x").push_back(kHex[value >> 4u]);
      out.push_back(kHex[value & 0xFu]);
    }
    text.remove_prefix(character.size());
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  if (append_harmless(out, text, kPrintableBytesMax)) return out;
  out.clear();
  append_harmless(out, text, kPrintableBytesMax - kCutMark.size());
  return out.append(kCutMark);
}

}  // namespace sluice::core
