// Mean time: an exponentially weighted moving average (EWMA).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sluice::core {

// The newest duration has the weight of a sixteenth, the first of all. Written by one thread, read by any.
class MeanTime {
 public:
  void observe(std::chrono::nanoseconds took) {
    const std::int64_t mean = ns_.load(std::memory_order_relaxed);
    const std::int64_t newest = took.count();
    ns_.store(mean == 0 ? newest : mean + (newest - mean) / 16, std::memory_order_relaxed);
  }

  // Zero before the first observation.
  std::chrono::nanoseconds approx() const {
    return std::chrono::nanoseconds(ns_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<std::int64_t> ns_{0};
};

}  // namespace sluice::core
