#include "lib/events/event_history.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

void EventHistory::add(EventPtr event, const TopicSettings& bounds) {
  const std::size_t bytes = event->bytes();
  events_.push_back(std::move(event));
  bytes_ += bytes;
  while (events_.size() > 1 && beyond(bounds)) drop_oldest();
}

void EventHistory::trim(const TopicSettings& bounds, TimePoint now) {
  const auto old = [&] { return now - events_.front()->published() > bounds.history_age_max; };
  while (!events_.empty() && old()) drop_oldest();
  while (events_.size() > 1 && beyond(bounds)) drop_oldest();
}

void EventHistory::drop_oldest() {
  lost_ = events_.front()->sequence();
  bytes_ -= events_.front()->bytes();
  events_.pop_front();
}

std::deque<EventPtr>::const_iterator EventHistory::after(std::uint64_t sequence) const {
  return std::ranges::upper_bound(events_, sequence, {},
                                  [](const EventPtr& event) { return event->sequence(); });
}

void EventHistory::append_after(std::uint64_t sequence, std::vector<EventPtr>& out) const {
  out.insert(out.end(), after(sequence), events_.end());
}

std::size_t EventHistory::count_after(std::uint64_t sequence) const {
  return static_cast<std::size_t>(events_.end() - after(sequence));
}

}  // namespace sluice::core
