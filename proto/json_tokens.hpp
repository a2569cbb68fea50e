// Tokens of valid JSON text: white space and strings.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::proto {

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Bytes of the string at the front of `text`, quotes included.
inline std::size_t string_size(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace sluice::proto
