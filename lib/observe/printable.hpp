// Text from outside, on its way into a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::core {

// What stands for what was left out.
inline constexpr std::string_view kCutMark = "...";

inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

// Whether a character, shown to somebody, does more than stand for itself: controls (C0, DEL and C1), those
// that change the direction of text or end a line, and those that can't be seen.
bool acts_on_display(char32_t character);

// Appends `text` with such characters and bytes that are not UTF-8 as \xNN, as long as `out` stays within
// `bytes_max`. False if something was left out.
bool append_harmless(std::string& out, std::string_view text, std::size_t bytes_max);

// Appends JSON text with such characters as \uNNNN, so that it means the same and is on one line. Bytes that
// are not UTF-8 become U+FFFD.
void append_harmless_json(std::string& out, std::string_view json);

}  // namespace sluice::core
