// JSON text on one line, whatever its reader takes for the end of a line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::proto {

// Bytes of the line separator at the front of `text`, or 0: LF, CR, NEL (U+0085), U+2028 or U+2029. The other
// characters that some readers split at (VT, FF, FS, GS, RS) can't stand in JSON text as they are.
inline std::size_t separator_size(std::string_view text) {
  if (text.starts_with('\n') || text.starts_with('\r')) return 1;
  if (text.starts_with("\xC2\x85")) return 2;
  return text.starts_with("\xE2\x80\xA8") || text.starts_with("\xE2\x80\xA9") ? 3 : 0;
}

// True if every reader sees `text` as one line. `text` is valid UTF-8.
bool is_one_line(std::string_view text);

// Appends valid JSON text as one line: as it is where it is one, else without the white space between its
// tokens and with the separators in its strings escaped.
void append_one_line(std::string& out, std::string_view json);

// Appends the inside of a JSON string, with the separators in it escaped.
void append_one_line_inside(std::string& out, std::string_view inside);

}  // namespace sluice::proto
