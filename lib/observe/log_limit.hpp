// Log rate limit: keeps frequent events from filling the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Lets one line through per interval and counts the others. Thread-safe; time is passed in.
class LogLimit {
 public:
  explicit LogLimit(std::chrono::nanoseconds interval) : interval_(interval) {}

  // Nothing if the line is to be left out, else how many were left out since the last one.
  std::optional<std::uint64_t> admit(TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (last_ && now - *last_ < interval_) {
      ++left_out_;
      return std::nullopt;
    }
    last_ = now;
    return std::exchange(left_out_, 0);
  }

 private:
  const std::chrono::nanoseconds interval_;
  std::mutex mutex_;
  std::optional<TimePoint> last_;
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice::core
