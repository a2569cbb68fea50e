#include "lib/time/backoff.hpp"

#include <algorithm>

namespace sluice::core {

std::chrono::milliseconds Backoff::bound(unsigned attempt) const {
  // kLongest has 32 bits: shifted by as many it still fits, and further doubling changes nothing.
  constexpr unsigned kDoublingsMax = 32;
  const std::uint64_t doubled = base_ms_ << std::min(attempt, kDoublingsMax);
  return std::chrono::milliseconds(std::min(doubled, max_ms_));
}

std::chrono::milliseconds Backoff::delay(unsigned attempt, std::uint64_t random_bits) const {
  // Scaling by a product instead of a remainder needs no division and has negligible bias (D. Lemire, "Fast
  // Random Integer Generation in an Interval", 2019).
  const auto choices = static_cast<std::uint64_t>(bound(attempt).count()) + 1;
  return std::chrono::milliseconds((random_bits >> 32) * choices >> 32);
}

}  // namespace sluice::core
