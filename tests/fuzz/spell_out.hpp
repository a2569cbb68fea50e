// Inputs that a fuzzer composes of pieces.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::fuzz {

// ASCII stands for itself, any other byte for one of `pieces`.
inline std::string spell_out(std::string_view bytes, std::span<const std::string_view> pieces) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += pieces[byte % pieces.size()];
    }
  }
  return out;
}

}  // namespace sluice::fuzz
