// Units of durations, and the longest one that is accepted.
#pragma once

#include <chrono>

namespace sluice::core {

using std::chrono::milliseconds;
using std::chrono::seconds;

// No time limit is longer. Long enough for every use, and no sum of two overflows a clock.
inline constexpr milliseconds kLongestWait = std::chrono::hours(24 * 365);

}  // namespace sluice::core
