#include "lib/observe/printable.hpp"

#include <algorithm>

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

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  // U+0080 to U+009F steer terminals as well.
  return character.size() == 2 && first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

bool append_harmless(std::string& out, std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kEscapeBytes = 4;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const bool escape = length == 0 || is_control(character);
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
