// Busy polling: whether an I/O thread polls for events a while before it sleeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace sluice::core {

// Falling asleep and waking up is most of the time of a single call. A client that sends its next call after
// each response gets 45,000 a second instead of 16,000, at no more CPU time for each. So a thread without
// work goes on polling, as long as that takes no more CPU time than sleeping: each successful poll earns
// kPrice and costs its duration. If that does not pay off, as on an idle machine or with rare events, the
// thread backs off: it sleeps at once, for twice as many events each time. Not thread-safe.
// After the kernel's halt polling (virt/kvm/kvm_main.c), which adapts the polling time instead.
class BusyPoll {
 public:
  using Duration = std::chrono::nanoseconds;
  // Approximate CPU time of falling asleep and waking up, on a virtual machine.
  static constexpr Duration kPrice = std::chrono::microseconds(20);
  static constexpr Duration kWindow = 2 * kPrice;       // the longest poll
  static constexpr Duration kSavingsMax = 16 * kPrice;  // upper bound of savings
  // Credit of a new attempt: a client that fell asleep itself is late for the first few times.
  static constexpr Duration kAdvance = kSavingsMax / 2;
  // If workers have more work than this, they need the processor more than their I/O thread, which would only
  // wait for them.
  static constexpr Duration kWorkMax = std::chrono::microseconds(5);
  static constexpr std::size_t kBackOffMax = 4096;  // events

  // Call this before each event: whether the event is within a back-off.
  bool backing_off() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

  // A poll took this long, with or without an event.
  void looked(Duration took) {
    savings_ = std::min(savings_ + kPrice - took, kSavingsMax);
    // Only after lasting success: otherwise back-offs would stay short where they should grow.
    if (savings_ == kSavingsMax) back_off_ /= 2;
    if (savings_ >= Duration::zero()) return;
    savings_ = kAdvance;
    left_ = back_off_ = std::clamp<std::size_t>(2 * back_off_, 1, kBackOffMax);
  }

 private:
  Duration savings_ = kAdvance;
  std::size_t back_off_ = 0;  // length of the last back-off, in events
  std::size_t left_ = 0;      // events left of the current one
};

}  // namespace sluice::core
