// Escaping of external text for log lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/display_text.hpp"

namespace sluice::core {

// Mark of omitted text.
inline constexpr std::string_view kCutMark = "...";

using proto::is_continuation;

// External text, escaped for a log line: control bytes as \xNN, cut at 256 bytes.
std::string printable(std::string_view text);

// Appends `text`, with characters that act on a display (proto::acts_on_display()) and bytes that are not
// UTF-8 as \xNN, as long as `out` stays within `bytes_max`. False if something was left out.
bool append_harmless(std::string& out, std::string_view text, std::size_t bytes_max);

// Appends JSON text with such characters as \uNNNN. It keeps its meaning and stays on one line. Bytes that
// are not UTF-8 become U+FFFD.
void append_harmless_json(std::string& out, std::string_view json);

}  // namespace sluice::core
