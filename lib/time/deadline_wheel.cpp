#include "lib/time/deadline_wheel.hpp"

#include <algorithm>
#include <bit>
#include <exception>

namespace sluice::core {

void DeadlineWheel::set(Deadline& deadline, TimePoint when) {
  deadline.unlink();
  const auto since = std::chrono::ceil<std::chrono::milliseconds>(when - origin_).count();
  deadline.tick_ = std::max<std::uint64_t>(since < 0 ? 0 : static_cast<std::uint64_t>(since), tick_ + 1);
  insert(deadline);
}

void DeadlineWheel::clear(Deadline& deadline) { deadline.unlink(); }

// Level n holds deadlines within 64^(n+1) ticks, with a slot for each 64^n of them.
void DeadlineWheel::insert(Deadline& deadline) {
  static constexpr std::uint64_t kHorizon = (std::uint64_t{1} << (kSlotBits * kLevels)) - 1;
  const std::uint64_t tick = std::min(deadline.tick_, tick_ + kHorizon - kSlots);
  const std::uint64_t differing = (tick ^ tick_) | 1;
  const int level = std::min(static_cast<int>(std::bit_width(differing) - 1) / kSlotBits, kLevels - 1);
  const std::uint64_t slot = (tick >> (kSlotBits * level)) % kSlots;
  slots_[static_cast<std::size_t>(level)][slot].push_back(deadline);
  used_[static_cast<std::size_t>(level)] |= std::uint64_t{1} << slot;
}

void DeadlineWheel::advance(TimePoint now) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(now - origin_).count();
  const auto target = since < 0 ? 0 : static_cast<std::uint64_t>(since);
  while (tick_ < target) {
    const auto next = next_tick();
    if (!next || *next > target) {
      tick_ = target;
      return;
    }
    tick_ = *next;
    // From the top down: deadlines of a coarse slot may be due in this very tick.
    for (int level = kLevels - 1; level > 0; --level) {
      const int shift = kSlotBits * level;
      if ((tick_ & ((std::uint64_t{1} << shift) - 1)) == 0) cascade(level, (tick_ >> shift) % kSlots);
    }
    used_[0] &= ~(std::uint64_t{1} << (tick_ % kSlots));
    fire_slot(slots_[0][tick_ % kSlots], now);
  }
}

void DeadlineWheel::cascade(int level, std::uint64_t slot) {
  Slot& from = slots_[static_cast<std::size_t>(level)][slot];
  used_[static_cast<std::size_t>(level)] &= ~(std::uint64_t{1} << slot);
  Slot moving;
  while (Deadline* deadline = from.pop_front()) moving.push_back(*deadline);
  while (Deadline* deadline = moving.pop_front()) insert(*deadline);
}

// A deadline may set itself again, though never for this tick. So the slot becomes empty.
void DeadlineWheel::fire_slot(Slot& slot, TimePoint now) {
  std::exception_ptr thrown;
  while (Deadline* deadline = slot.pop_front()) {
    if (deadline->tick_ > tick_) {
      insert(*deadline);
      if (slot.front() == deadline) break;
      continue;
    }
    try {
      deadline->on_deadline(now);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

// The next tick at which a slot in use begins. Slots that clear() has emptied cost one look and are
// forgotten.
std::optional<std::uint64_t> DeadlineWheel::next_tick() const {
  std::optional<std::uint64_t> earliest;
  for (int level = 0; level < kLevels; ++level) {
    const int shift = kSlotBits * level;
    const std::uint64_t position = tick_ >> shift;
    const std::uint64_t bits = used_[static_cast<std::size_t>(level)];
    if (bits == 0) continue;
    // Rotated so that bit 0 is the slot after the current one.
    const std::uint64_t ahead = std::rotr(bits, static_cast<int>((position + 1) % kSlots));
    const std::uint64_t tick = (position + 1 + static_cast<std::uint64_t>(std::countr_zero(ahead))) << shift;
    if (!earliest || tick < *earliest) earliest = tick;
  }
  return earliest;
}

std::optional<TimePoint> DeadlineWheel::next_wake() const {
  const auto tick = next_tick();
  if (!tick) return std::nullopt;
  return origin_ + std::chrono::milliseconds(*tick);
}

}  // namespace sluice::core
