// Whether an I/O thread looks for events a little longer before it sleeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace sluice::core {

// Falling asleep and being woken is most of what a lone call takes: a client that sends its next call once it
// has the last one's answer gets 45,000 a second instead of 16,000, at no more CPU time for each. So a thread
// that has run dry goes on looking for events, as long as that takes it no more time than sleeping does:
// each look is paid kPrice and costs what it took. Where that does not add up, as on an idle machine or where
// events are far apart, it rests, which is to sleep at once, twice as long each time. Not thread-safe.
// After the kernel's halt polling (virt/kvm/kvm_main.c), which fits how long it looks instead.
class BusyPoll {
 public:
  using Duration = std::chrono::nanoseconds;
  // CPU time of falling asleep and being woken, about, on a virtual machine.
  static constexpr Duration kPrice = std::chrono::microseconds(20);
  static constexpr Duration kWindow = 2 * kPrice;       // the longest look
  static constexpr Duration kSavingsMax = 16 * kPrice;  // what luck so far can pay for
  // What a new attempt may cost: a client that fell asleep itself is late for the first few times.
  static constexpr Duration kAdvance = kSavingsMax / 2;
  // With more than this for workers to do, they need the processor more than their I/O thread, which could
  // only wait for them.
  static constexpr Duration kWorkMax = std::chrono::microseconds(5);
  static constexpr std::size_t kRestMax = 4096;  // events

  // To be asked before each event: whether it is one of a rest.
  bool backing_off() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

  // A look has taken so long, whether or not something came.
  void looked(Duration took) {
    savings_ = std::min(savings_ + kPrice - took, kSavingsMax);
    // Not for one that was lucky among others that were not: rests would stay short where they should grow.
    if (savings_ == kSavingsMax) rest_ /= 2;
    if (savings_ >= Duration::zero()) return;
    savings_ = kAdvance;
    left_ = rest_ = std::clamp<std::size_t>(2 * rest_, 1, kRestMax);
  }

 private:
  Duration savings_ = kAdvance;
  std::size_t rest_ = 0;  // events; the last one
  std::size_t left_ = 0;  // of the one that goes on
};

}  // namespace sluice::core
