// JSON validator that reports the offset of the first error.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::client {

// The offset of the first error in `text`, which should be exactly one JSON value (RFC 8259, UTF-8); nothing
// if it is one. Unlike the server, this accepts lone surrogates and nesting of any depth: the receiver
// decides about them. The offset of an early end is text.size().
std::optional<std::size_t> json_error_offset(std::string_view text);

inline bool is_json(std::string_view text) { return !json_error_offset(text); }

}  // namespace sluice::client
