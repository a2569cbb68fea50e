// Parser of durations such as 250ms.
#pragma once

#include <chrono>
#include <string_view>

#include "cli/result.hpp"

namespace sluice::client {

// Reads a positive number with its unit: us, ms, s, m or h, as "250ms" or "1.5s".
// A bare number is refused, since nothing says what it counts. The server's configuration allows no
// fractions. Errors: usage, in one line without the name of the option.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace sluice::client
