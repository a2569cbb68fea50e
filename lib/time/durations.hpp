// Units of durations, and the longest one that is accepted.
#pragma once

#include <chrono>

namespace sluice::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The longest time limit. Long enough for every use, and the sum of two does not overflow a clock.
inline constexpr milliseconds kLongestWait = std::chrono::hours(24 * 365);

}  // namespace sluice::core
