#include "cli/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::client {

Backoff::milliseconds Backoff::next(TimePoint now, double spread) {
  const auto since = std::exchange(open_since_, std::nullopt);
  if (since && now - *since >= kStable) pause_ = milliseconds(0);
  pause_ = std::clamp(2 * pause_, kShortest, kLongest);
  const auto half = static_cast<double>(pause_.count()) / 2;
  return milliseconds(static_cast<std::int64_t>(half + half * spread));
}

}  // namespace sluice::client
