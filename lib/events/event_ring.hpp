// Event ring: a FIFO queue of references to events that takes no memory while it is empty.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "lib/events/event.hpp"

namespace sluice::core {

// Pushing and popping cost O(1), amortised. Entries may be null.
class EventRing {
 public:
  EventRing() = default;
  explicit EventRing(std::vector<EventPtr> events) : events_(std::move(events)) {}

  bool empty() const { return head_ == events_.size(); }
  std::size_t size() const { return events_.size() - head_; }
  // Of those that wait.
  EventPtr& operator[](std::size_t index) { return events_[head_ + index]; }
  EventPtr& front() { return events_[head_]; }

  // If it throws, nothing has changed.
  void push(EventPtr event) { events_.push_back(std::move(event)); }
  EventPtr pop() {
    EventPtr event = std::move(events_[head_++]);
    if (empty()) {
      clear();
    } else if (head_ >= kCompactAfter && head_ >= events_.size() / 2) {
      events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    return event;
  }
  void pop_newest() { events_.pop_back(); }
  // Removes null entries, also those popped. Does not throw.
  void remove_nulls() {
    std::erase(events_, nullptr);
    head_ = 0;
  }
  void clear() {
    head_ = 0;
    if (events_.capacity() > kCapacityKept) {
      std::vector<EventPtr>().swap(events_);
    } else {
      events_.clear();
    }
  }

 private:
  static constexpr std::size_t kCompactAfter = 32;
  static constexpr std::size_t kCapacityKept = 32;

  std::vector<EventPtr> events_;
  std::size_t head_ = 0;
};

}  // namespace sluice::core
