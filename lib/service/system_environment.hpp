// The world's own randomness and passing of time, for what takes both as parameters.
#pragma once

#include <cstdint>
#include <stop_token>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// 64 random bits, for jitter and nothing that has to be secret. Any thread.
std::uint64_t random_bits() noexcept;

// Waits until then or until stop is requested. Allocates nothing.
void sleep_until(TimePoint until, const std::stop_token& stop) noexcept;

}  // namespace sluice::core
