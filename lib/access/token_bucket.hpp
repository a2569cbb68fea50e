// How often a client may call: so many calls a second, and some more at once after a pause.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Bounds of what may be asked for; the product of interval and burst still fits into a clock.
inline constexpr double kRateMin = 0.001;  // calls per second
inline constexpr double kRateMax = 1e6;
inline constexpr std::size_t kBurstMax = 2'000'000;

// The size of a bucket and how quickly it fills. Default: no limit.
struct Rate {
  Rate() = default;
  // `burst` 0: what two seconds bring, at least 1.
  Rate(double calls_per_second, std::size_t burst);

  bool limited() const { return interval.count() > 0; }

  std::chrono::nanoseconds interval{0};  // after which one more call has its token
  std::chrono::nanoseconds span{0};      // in which an empty bucket becomes full
};

// A token bucket, kept as the moment at which it will be full again: the generic cell rate algorithm
// (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). A call moves that moment on by one interval
// and is refused where it would come to lie more than a whole bucket ahead. One number, so that no lock is
// needed and nothing runs to fill it. Thread-safe; the time is passed in. The rate may change between calls.
class TokenBucket {
 public:
  // Zero where a token was taken, else how long to wait for one, if nobody else takes it.
  std::chrono::nanoseconds try_take(const Rate& rate, TimePoint now);

  // Gives back a token that has just been taken and came to no use.
  void refund(const Rate& rate) { full_at_ns_.fetch_sub(rate.interval.count(), std::memory_order_relaxed); }

  // Whether nothing is lost by forgetting it.
  bool full(TimePoint now) const {
    return full_at_ns_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }

 private:
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace sluice::core
