#include "lib/events/event_queue.hpp"

#include <utility>

namespace sluice::core {

EventQueue::EventQueue(const QueueBounds& bounds, std::vector<EventPtr> replay)
    : bounds_(bounds), replay_(std::move(replay)) {
  if (bounds_.policy == SlowPolicy::conflate) by_key_ = std::make_unique<ByKey>();
}

void EventQueue::push(EventPtr event, TimePoint now, EventCounts& counts) {
  const std::size_t bytes = event->bytes();
  if (by_key_ != nullptr) {
    conflate(event, counts);
  } else {
    live_.push(std::move(event));
  }
  bytes_ += bytes;
  while (bounds_.policy == SlowPolicy::drop_oldest && beyond(1)) {
    counts.count_dropped(*pop_live(), EventDrop::slow);
    ++dropped_;
  }
  note_overflow(now);
}

void EventQueue::note_overflow(TimePoint now) {
  if (!beyond(1)) {
    overflow_since_.reset();
  } else if (!overflow_since_) {
    overflow_since_ = now;
  }
  far_beyond_ = far_beyond_ || beyond(kBoundsFactor);
}

// Appends the event; what it replaces becomes null, so that others keep their position.
void EventQueue::conflate(const EventPtr& event, EventCounts& counts) {
  live_.push(event);
  const std::uint64_t position = popped_ + live_.size() - 1;
  ByKey::iterator found;
  try {
    found = by_key_->try_emplace(event->conflation_key(), position).first;
  } catch (...) {
    live_.pop_newest();
    throw;
  }
  if (found->second == position) return;
  EventPtr& replaced = live_[found->second - popped_];
  counts.count_dropped(*replaced, EventDrop::conflated);
  bytes_ -= replaced->bytes();
  auto node = by_key_->extract(found);  // its key is a view into the event that goes
  node.key() = event->conflation_key();
  node.mapped() = position;
  by_key_->insert(std::move(node));
  replaced.reset();
  ++nulls_;
  pop_nulls();
  if (nulls_ > kNullsKept && nulls_ > live_.size() / 2) compact();
}

void EventQueue::pop_nulls() {
  while (!live_.empty() && live_.front() == nullptr) {
    live_.pop();
    ++popped_;
    --nulls_;
  }
}

void EventQueue::compact() {
  live_.remove_nulls();
  nulls_ = 0;
  for (std::size_t i = 0; i < live_.size(); ++i)
    by_key_->find(live_[i]->conflation_key())->second = popped_ + i;
}

EventPtr EventQueue::pop_live() {
  if (by_key_ != nullptr) by_key_->erase(live_.front()->conflation_key());
  EventPtr event = live_.pop();
  ++popped_;
  bytes_ -= event->bytes();
  pop_nulls();
  return event;
}

void EventQueue::pop() {
  if (!replay_.empty()) {
    replay_.pop();
    return;
  }
  pop_live();
  dropped_ = 0;
  if (!beyond(1)) overflow_since_.reset();
}

void EventQueue::discard(EventCounts& counts) {
  replay_.clear();
  while (!live_.empty()) counts.count_dropped(*pop_live(), EventDrop::slow);
  overflow_since_.reset();
}

}  // namespace sluice::core
