// Replies as bytes. Everything appends to a string that the caller owns, so that a reply can be composed
// where it is sent from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace sluice::proto {

inline constexpr std::string_view kNullId = "null";

// The head and the tail of a result; the result's own JSON text goes between them.
void begin_result(std::string& out, std::string_view id);
inline void end_result(std::string& out) { out += '}'; }

void append_error(std::string& out, std::string_view id, const Error& error);
// Appends a reply with an error object that is JSON text already.
void append_error_text(std::string& out, std::string_view id, std::string_view error);
std::string error_reply(std::string_view id, const Error& error);

}  // namespace sluice::proto
