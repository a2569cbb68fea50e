#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice::client {

// JSON handled as text: values are never turned into numbers or maps, so every digit,
// key order and escape comes out as it went in. All but quote() expect valid JSON
// (json_check.hpp); on anything else they return nonsense, but stay in bounds.

// `text` as a JSON string with its quotes. Bytes from 0x80 up are copied.
std::string quote_json(std::string_view text);

// The characters of a JSON string; the text itself if it is no string or its escapes
// are no Unicode text.
std::string unquote_json(std::string_view string);

// Two spaces per level, one member or element a line; empty containers stay closed.
// No newline at the end.
std::string indent_json(std::string_view text);

// Without white space between tokens.
std::string compact_json(std::string_view text);

std::string_view trim_blank(std::string_view text);

// Calls `visit` with each member's key (as written, with quotes) and value, in order.
// Nothing is visited if the value is no object.
using MemberVisitor = std::function<void(std::string_view key, std::string_view value)>;
void visit_members(std::string_view object, const MemberVisitor& visit);

// Calls `visit` with each element, in order. Nothing is visited if it is no array.
using ElementVisitor = std::function<void(std::string_view element)>;
void visit_elements(std::string_view array, const ElementVisitor& visit);

// The value of the last member called `name`, or an empty view.
std::string_view find_member(std::string_view object, std::string_view name);

// Where the string or value that starts at `at` ends, and where white space ends.
const char* skip_string(const char* at, const char* end);
const char* skip_value(const char* at, const char* end);
const char* skip_blank(const char* at, const char* end);

}  // namespace sluice::client
