#include "lib/observe/printable.hpp"

#include "proto/display_text.hpp"

namespace sluice::core {

using proto::acts_on_display;
using proto::code_point;
using proto::utf8_length;

namespace {

constexpr std::size_t kPrintableBytesMax = 256;

}  // namespace

void append_harmless_json(std::string& out, std::string_view json) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while (!json.empty()) {
    const std::size_t length = utf8_length(json);
    const std::string_view character = json.substr(0, length == 0 ? 1 : length);
    const char32_t code = length == 0 ? 0 : code_point(character);
    if (length == 0) {
      out.append(kReplacement);
    } else if (code < ' ') {
      out.push_back(' ');  // white space between tokens; a string contains none
    } else if (!acts_on_display(code)) {
      out.append(character);
    } else {
      proto::append_escape(out, code);
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
