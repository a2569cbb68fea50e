#include "lib/access/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::core {

Rate::Rate(double calls_per_second, std::size_t burst) {
  static constexpr double kNanosPerSecond = 1e9;
  if (!(calls_per_second > 0)) return;
  const double rate = std::clamp(calls_per_second, kRateMin, kRateMax);
  if (burst == 0) burst = static_cast<std::size_t>(std::max(1.0, std::ceil(2 * rate)));
  burst = std::min(burst, kBurstMax);
  // Rounded up, so that the rate is never exceeded.
  interval = std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(kNanosPerSecond / rate)));
  span = interval * static_cast<std::int64_t>(burst);
}

std::chrono::nanoseconds TokenBucket::try_take(const Rate& rate, TimePoint now) {
  const std::int64_t at = now.time_since_epoch().count();
  std::int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
  for (;;) {
    // A slower rate before this one may have left it more than a whole bucket ahead.
    const std::int64_t begin = std::clamp(full_at, at, at + rate.span.count());
    const std::int64_t next = begin + rate.interval.count();
    if (next > at + rate.span.count()) return std::chrono::nanoseconds(next - at - rate.span.count());
    if (full_at_ns_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return {};
  }
}

}  // namespace sluice::core
