// Refusal: whether a request that a server has refused may succeed later.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::client {

// The least pause before the request is sent again, at most a minute; nothing if it would be refused again.
// `error` is a reply's error member, or that of a subscription's end, as valid JSON.
std::optional<std::chrono::milliseconds> retry_pause(std::string_view error);

// A member of the error's data; empty if there is no such member.
std::string_view error_data(std::string_view error, std::string_view name);

}  // namespace sluice::client
