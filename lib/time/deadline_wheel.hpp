// Many deadlines, few timers.
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

// What happens when a deadline passes. Lives inside the object that waits; removing it is always safe.
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

// A hierarchical timing wheel (G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", 1987,
// scheme 7): setting and clearing a deadline cost O(1), whatever their number. Ticks are 1 ms; a deadline
// is reported in the tick that follows it, never before it. Bitmaps of the slots in use tell when to look
// next, so that nobody has to poll.
// Not thread-safe: one per I/O thread. Owns nothing; the time is always passed in.
class DeadlineWheel {
 public:
  explicit DeadlineWheel(TimePoint origin) : origin_(origin) {}

  // Sets or moves the deadline. One that has passed already is reported by the next advance().
  void set(Deadline& deadline, TimePoint when);
  void clear(Deadline& deadline);
  static bool is_set(const Deadline& deadline) { return deadline.linked(); }

  // Reports every deadline that has passed by `now`. Those may set and clear others meanwhile. What one of
  // them throws is thrown once all of its tick have been told; call it again then.
  void advance(TimePoint now);

  // When advance() must be called next: never later than the earliest deadline's tick, possibly earlier.
  // Nothing when no deadline is set.
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
  std::uint64_t tick_ = 0;  // the last tick that was dealt with
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
  mutable std::array<std::uint64_t, kLevels> used_{};  // a bit a slot; may be set for one emptied since
};

}  // namespace sluice::core
