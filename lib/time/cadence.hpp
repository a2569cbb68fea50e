// Cadence: the moments of a periodic task.
#pragma once

#include <algorithm>
#include <chrono>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// The moments `begin`, `begin` + `interval` and so on. Pure; time is passed in.
class Cadence {
 public:
  Cadence(TimePoint begin, std::chrono::nanoseconds interval)
      : begin_(begin), interval_(std::max(interval, std::chrono::nanoseconds(1))) {}

  // The first moment after `now`. Missed moments are skipped.
  TimePoint next(TimePoint now) const {
    if (now < begin_) return begin_;
    return begin_ + interval_ * ((now - begin_) / interval_ + 1);
  }

 private:
  TimePoint begin_;
  std::chrono::nanoseconds interval_;
};

}  // namespace sluice::core
