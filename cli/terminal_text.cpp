#include "cli/terminal_text.hpp"

#include <cstddef>

#include "proto/display_text.hpp"

namespace sluice::client {

std::string terminal_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = proto::utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const char32_t code = length == 0 ? 0 : proto::code_point(character);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (code == '\n' || code == '\t' || !proto::acts_on_display(code)) {
      out += character;
    } else {
      proto::append_escape(out, code);
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace sluice::client
