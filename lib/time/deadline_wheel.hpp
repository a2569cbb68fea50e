// Deadline wheel: many deadlines on one timer (hierarchical timing wheel).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct WheelTag;

// Base class of objects with a deadline. Destroying or clearing it is always safe.
class Deadline : public ListHook<WheelTag> {
 public:
  virtual void on_deadline(TimePoint now) = 0;

 protected:
  Deadline() = default;
  virtual ~Deadline() { unlink(); }

 private:
  friend class DeadlineWheel;
  std::uint64_t tick_ = 0;
};

// A hierarchical timing wheel (G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme
// 7): setting and clearing a deadline cost O(1), whatever their number. Ticks are 1 ms. A deadline is
// reported in the tick that follows it, never before it. Bitmaps of the slots in use show when to look next,
// so that the loop need not poll.
// Not thread-safe: one per I/O thread. Owns nothing; the time is always passed in.
class DeadlineWheel {
 public:
  explicit DeadlineWheel(TimePoint origin) : origin_(origin) {}

  // Sets or moves the deadline. A deadline in the past is reported by the next advance().
  void set(Deadline& deadline, TimePoint when);
  void clear(Deadline& deadline);
  static bool is_set(const Deadline& deadline) { return deadline.linked(); }

  // Reports every deadline that has passed by `now`. The callbacks may set and clear others. An exception of
  // one is thrown after all deadlines of its tick were reported; call this again then.
  void advance(TimePoint now);

  // When advance() must be called next: never later than the earliest deadline's tick, possibly earlier.
  // Nothing if no deadline is set.
  std::optional<TimePoint> next_wake() const;

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr std::uint64_t kSlots = 1u << kSlotBits;
  using Slot = IntrusiveList<Deadline, WheelTag>;

  void insert(Deadline& deadline);
  void fire_slot(Slot& slot, TimePoint now);
  void cascade(int level, std::uint64_t slot);
  std::optional<std::uint64_t> next_tick() const;

  TimePoint origin_;
  std::uint64_t tick_ = 0;  // the last processed tick
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
  mutable std::array<std::uint64_t, kLevels>
      used_{};  // one bit a slot; may be set for a slot that has become empty
};

}  // namespace sluice::core
