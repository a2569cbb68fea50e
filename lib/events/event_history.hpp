// Event history: the last events of one topic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "lib/events/event.hpp"
#include "lib/events/settings.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Bounded by events, bytes and age. It knows from which sequence on it is complete. Not thread-safe.
class EventHistory {
 public:
  // Events up to the sequence `lost` may be missing.
  explicit EventHistory(std::uint64_t lost) : lost_(lost) {}

  // Appends the newest event of the topic. Drops the oldest ones beyond the bounds, but never this one. If it
  // throws, nothing has changed.
  void add(EventPtr event, const TopicSettings& bounds);
  // Drops what is beyond the bounds at this time.
  void trim(const TopicSettings& bounds, TimePoint now);

  // All events of the topic after this sequence are here.
  std::uint64_t lost() const { return lost_; }
  // Appends those after the sequence to `out`, in their order.
  void append_after(std::uint64_t sequence, std::vector<EventPtr>& out) const;
  std::size_t count_after(std::uint64_t sequence) const;

  bool empty() const { return events_.empty(); }
  const EventPtr& newest() const { return events_.back(); }
  std::size_t events() const { return events_.size(); }
  std::size_t bytes() const { return bytes_; }
  // The newest that was ever added, or that may be missing.
  std::uint64_t newest_sequence() const { return events_.empty() ? lost_ : events_.back()->sequence(); }

 private:
  bool beyond(const TopicSettings& bounds) const {
    return events_.size() > bounds.history_events_max || bytes_ > bounds.history_bytes_max;
  }
  void drop_oldest();
  std::deque<EventPtr>::const_iterator after(std::uint64_t sequence) const;

  std::deque<EventPtr> events_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_;
};

}  // namespace sluice::core
