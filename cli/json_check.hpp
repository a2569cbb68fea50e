#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::client {

// Where `text` stops being exactly one JSON value (RFC 8259, UTF-8), or nothing if it is one. Lone
// surrogates and nesting of any depth are good, unlike for the server: what they mean is for the receiver to
// judge. An end that comes too early is at text.size().
std::optional<std::size_t> json_error_offset(std::string_view text);

inline bool is_json(std::string_view text) { return !json_error_offset(text); }

}  // namespace sluice::client
