// Time source of an event loop: this machine's clock, or a virtual time.
#pragma once

#include <cstdint>

#include "lib/time/quick_clock.hpp"

namespace sluice::core {

// Source of QuickClock. A virtual time passes only when its owner, a test, sets it.
class LoopTime {
 public:
  LoopTime() : has_ticks_(ProcessorTime::has_ticks()) {}
  // `virtual_now` outlives the loop.
  explicit LoopTime(const TimePoint& virtual_now) : virtual_now_(&virtual_now) {}

  bool is_virtual() const { return virtual_now_ != nullptr; }

  bool has_ticks() const { return has_ticks_; }
  static std::uint64_t ticks() { return ProcessorTime::ticks(); }
  TimePoint now() const { return is_virtual() ? *virtual_now_ : ProcessorTime::now(); }

 private:
  const TimePoint* virtual_now_ = nullptr;
  bool has_ticks_ = false;
};

}  // namespace sluice::core
