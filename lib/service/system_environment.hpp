// System environment: randomness and waiting, for code that takes both as parameters.
#pragma once

#include <cstdint>
#include <stop_token>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// 64 random bits, for jitter, not for secrets. Any thread.
std::uint64_t random_bits() noexcept;

// Waits until then or until stop is requested. Does not allocate.
void sleep_until(TimePoint until, const std::stop_token& stop) noexcept;

}  // namespace sluice::core
