// Restart policy: when an ended process is started again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/time/backoff.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// At once after a useful life, then with exponential backoff and full jitter. Not thread-safe; time
// and randomness are passed in.
class RestartPolicy {
 public:
  static constexpr auto kFirstDelay = std::chrono::milliseconds(100);
  static constexpr auto kLongestDelay = std::chrono::seconds(30);
  static constexpr auto kHealthyTime = std::chrono::seconds(10);  // a life so long was useful
  static constexpr std::size_t kCrashLoop = 5;                    // ends in a row that were of none

  // A life has ended after `lived`, or has not begun (zero). `served`: it has answered calls. How long to
  // wait.
  std::chrono::milliseconds ended(std::chrono::nanoseconds lived, bool served, std::uint64_t random_bits) {
    if (served || lived >= kHealthyTime) useless_ = 0;
    ++useless_;
    if (useless_ == 1) return std::chrono::milliseconds(0);
    const Backoff backoff(kFirstDelay, kLongestDelay);
    return backoff.delay(static_cast<unsigned>(useless_ - 2), random_bits) + std::chrono::milliseconds(1);
  }

  bool crash_looping() const { return useless_ >= kCrashLoop; }

 private:
  std::size_t useless_ = 0;  // ends since the last useful life
};

}  // namespace sluice::core
