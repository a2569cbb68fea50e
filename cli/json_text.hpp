// Formatter of JSON text: indented, compact, unquoted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::client {

// JSON handled as text, as proto/json_text.hpp does: every digit, key order and escape comes out as it went
// in. All of them expect valid JSON (json_check.hpp).

// The characters of a JSON string; the text itself if it is not a string or its escapes
// are not valid Unicode.
std::string unquote_json(std::string_view string);

// Two spaces per level, one member or element a line; empty containers stay closed.
// No newline at the end.
std::string indent_json(std::string_view text);

// Without white space between tokens.
std::string compact_json(std::string_view text);

inline constexpr std::string_view kBlank = " \t\r\n";

// The end of the white space that begins at `at`.
std::size_t skip_blank(std::string_view text, std::size_t at);

std::string_view trim_blank(std::string_view text);

}  // namespace sluice::client
