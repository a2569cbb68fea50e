// Event queue: the events that wait for one subscription.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/events/event_counts.hpp"
#include "lib/events/event_ring.hpp"
#include "lib/events/settings.hpp"

namespace sluice::core {

// Bounds of an event queue. One event may wait, whatever its size.
struct QueueBounds {
  std::size_t events_max = 1024;
  std::size_t bytes_max = 1024 * 1024;
  SlowPolicy policy = SlowPolicy::close;
  std::chrono::milliseconds grace = std::chrono::seconds(5);
};

// In order of sequence. What waits is references. Beyond its bounds it drops its oldest events
// (SlowPolicy::drop_oldest), or overflows: then the subscription must end after a grace, or at once beyond
// kBoundsFactor times the bounds. Under SlowPolicy::conflate an event replaces one of the same key that
// waits; if there are too many keys, it overflows. Not thread-safe; the time is passed in.
class EventQueue {
 public:
  static constexpr std::size_t kBoundsFactor = 4;

  // `replay` waits before all else, and beside the bounds.
  EventQueue(const QueueBounds& bounds, std::vector<EventPtr> replay);

  // If it throws, nothing has changed.
  void push(EventPtr event, TimePoint now, EventCounts& counts);

  bool empty() const { return replay_.empty() && live_.empty(); }
  std::size_t events() const { return replay_.size() + live_.size() - nulls_; }
  // Beside the replay.
  std::size_t bytes() const { return bytes_; }

  // The next event. Not if it is empty.
  const Event& front() { return replay_.empty() ? *live_.front() : *replay_.front(); }
  // How many events were dropped right before the next one.
  std::uint64_t dropped() const { return replay_.empty() ? dropped_ : 0; }
  void pop();

  // Whether the subscription must end.
  bool too_slow(TimePoint now) const {
    return far_beyond_ || (overflow_since_ && now - *overflow_since_ >= bounds_.grace);
  }
  // When it must end, if nothing is popped until then.
  std::optional<TimePoint> too_slow_at() const {
    if (!overflow_since_) return std::nullopt;
    return *overflow_since_ + bounds_.grace;
  }
  // Drops all that wait.
  void discard(EventCounts& counts);

 private:
  static constexpr std::size_t kNullsKept = 16;

  // Position of the waiting event of each key, counted from the queue's first event ever.
  using ByKey = std::unordered_map<std::string_view, std::uint64_t>;

  std::size_t live_events() const { return live_.size() - nulls_; }
  bool beyond(std::size_t factor) const {
    const std::size_t events = live_events();
    return events > 1 && (events > factor * bounds_.events_max || bytes_ > factor * bounds_.bytes_max);
  }
  void conflate(const EventPtr& event, EventCounts& counts);
  EventPtr pop_live();
  void pop_nulls();
  void compact();
  void note_overflow(TimePoint now);

  QueueBounds bounds_;
  EventRing replay_;
  EventRing live_;  // its first entry is not null
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::optional<TimePoint> overflow_since_;
  bool far_beyond_ = false;
  // Of SlowPolicy::conflate.
  std::unique_ptr<ByKey> by_key_;
  std::uint64_t popped_ = 0;  // entries that live_ has had before its first
  std::size_t nulls_ = 0;     // entries of live_ that were replaced
};

}  // namespace sluice::core
