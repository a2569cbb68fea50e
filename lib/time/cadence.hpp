// Moments at which something is due again and again.
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

  // The first of them after `now`. What lies before it is missed, and not made up for.
  TimePoint next(TimePoint now) const {
    if (now < begin_) return begin_;
    return begin_ + interval_ * ((now - begin_) / interval_ + 1);
  }

 private:
  TimePoint begin_;
  std::chrono::nanoseconds interval_;
};

}  // namespace sluice::core
