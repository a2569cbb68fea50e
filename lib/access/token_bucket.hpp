// Token bucket: a rate of calls with a burst.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Bounds of the settings; the product of interval and burst still fits into a clock.
inline constexpr double kRateMin = 0.001;  // calls per second
inline constexpr double kRateMax = 1e6;
inline constexpr std::size_t kBurstMax = 2'000'000;

// Size and fill rate of a bucket. Default: no limit.
struct Rate {
  Rate() = default;
  // `burst` 0: two seconds' worth, at least 1.
  Rate(double calls_per_second, std::size_t burst);

  bool limited() const { return interval.count() > 0; }

  std::chrono::nanoseconds interval{0};  // between two tokens
  std::chrono::nanoseconds span{0};      // for an empty bucket to fill
};

// A token bucket, kept as the moment at which it will be full again: the generic cell rate algorithm
// (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). A call moves that moment by one interval. It
// is refused if that would be more than a whole bucket ahead. One number suffices: no lock, and no timer to
// fill it. Thread-safe; the time is passed in. The rate may change between calls.
class TokenBucket {
 public:
  // Zero if a token was taken, else the wait for one if no other call takes it.
  std::chrono::nanoseconds try_take(const Rate& rate, TimePoint now);

  // Returns a token whose call was not admitted.
  void refund(const Rate& rate) { full_at_ns_.fetch_sub(rate.interval.count(), std::memory_order_relaxed); }

  // Whether the bucket may be forgotten.
  bool full(TimePoint now) const {
    return full_at_ns_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }

 private:
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace sluice::core
