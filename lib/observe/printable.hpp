// Text from outside, on its way into a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::core {

// What stands for what was left out.
inline constexpr std::string_view kCutMark = "...";

inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

// Appends `text` with control characters and bytes that are not UTF-8 as \xNN, as long as `out` stays
// within `bytes_max`. False if something was left out.
bool append_harmless(std::string& out, std::string_view text, std::size_t bytes_max);

}  // namespace sluice::core
