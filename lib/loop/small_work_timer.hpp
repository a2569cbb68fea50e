// Timer of work for many connections that is too brief to be timed one by one.
#pragma once

#include <chrono>

#include "lib/loop/loop_time.hpp"
#include "lib/loop/slice_queue.hpp"
#include "lib/time/quick_clock.hpp"

namespace sluice::core {

// Reads the clock only where a peer is charged. On the I/O thread.
class SmallWorkTimer {
 public:
  SmallWorkTimer(const SliceQueue& slices, QuickClock<LoopTime>& clock)
      : slices_(slices), clock_(clock), charges_(slices.has_competition()) {
    if (charges_) [[unlikely]]
      begin();
  }

  // Time since construction, without what peers were charged by the clock meanwhile; 0 while no peer is
  // charged.
  std::chrono::nanoseconds took() const {
    if (!charges_) [[likely]]
      return std::chrono::nanoseconds(0);
    return clock_.now() - began_ - (slices_.charged() - charged_);
  }

 private:
  void begin() {
    charged_ = slices_.charged();
    began_ = clock_.now();
  }

  const SliceQueue& slices_;
  QuickClock<LoopTime>& clock_;
  const bool charges_;
  std::chrono::nanoseconds charged_;  // these two are set only if it charges
  TimePoint began_;
};

}  // namespace sluice::core
