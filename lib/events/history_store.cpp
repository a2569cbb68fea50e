#include "lib/events/history_store.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::core {

void HistoryStore::add(const EventPtr& event, const TopicSettings& bounds) {
  auto found = topics_.find(event->topic());
  if (found == topics_.end()) {
    found = topics_.try_emplace(std::string(event->topic()), floor_, bounds).first;
    found->second.name = &found->first;
    by_use_.push_back(found->second);
  }
  Topic& topic = found->second;
  const std::size_t before = topic.history.bytes();
  topic.history.add(event, topic.bounds);
  bytes_ = bytes_ - before + topic.history.bytes();
  topic.unlink();
  by_use_.push_back(topic);
  while (topics_.size() > 1 && (topics_.size() > bounds_.topics_max || bytes_ > bounds_.bytes_max)) evict();
}

void HistoryStore::evict() {
  Topic& topic = *by_use_.front();
  floor_ = std::max(floor_, topic.history.newest_sequence());
  bytes_ -= topic.history.bytes();
  topics_.erase(topics_.find(*topic.name));
}

void HistoryStore::trim(Topic& topic, TimePoint now) {
  const std::size_t before = topic.history.bytes();
  topic.history.trim(topic.bounds, now);
  bytes_ = bytes_ - before + topic.history.bytes();
}

template <typename Visit>
void HistoryStore::for_each_match(const std::vector<TopicPattern>& patterns, TimePoint now,
                                  const Visit& visit) {
  for (const TopicPattern& pattern : patterns) {
    for (auto at = topics_.lower_bound(pattern.text());
         at != topics_.end() && at->first.starts_with(pattern.text()); ++at) {
      if (!pattern.matches(at->first)) {
        if (!pattern.is_prefix()) break;
        continue;
      }
      trim(at->second, now);
      visit(at->second.history);
      if (!pattern.is_prefix()) break;
    }
  }
}

Result<std::vector<EventPtr>, HistoryStore::Gone> HistoryStore::after(
    const std::vector<TopicPattern>& patterns, std::uint64_t sequence, std::uint64_t newest, TimePoint now) {
  std::uint64_t lost = 0;
  std::size_t count = 0;
  for (const TopicPattern& pattern : patterns) {
    if (pattern.is_prefix() || !topics_.contains(pattern.text())) lost = std::max(lost, floor_);
  }
  for_each_match(patterns, now, [&](const EventHistory& history) {
    lost = std::max(lost, history.lost());
    count += history.count_after(sequence);
  });
  if (sequence < lost) return Gone{lost};
  if (count > bounds_.replay_events_max) return Gone{newest};
  std::vector<EventPtr> events;
  events.reserve(count);
  for_each_match(patterns, now, [&](const EventHistory& history) { history.append_after(sequence, events); });
  return events;
}

std::vector<EventPtr> HistoryStore::last(const std::vector<TopicPattern>& patterns, TimePoint now) {
  std::vector<EventPtr> events;
  for_each_match(patterns, now, [&](const EventHistory& history) {
    if (!history.empty()) events.push_back(history.newest());
  });
  return events;
}

bool HistoryStore::expire(TimePoint now, std::size_t topics) noexcept {
  auto at = topics_.upper_bound(expired_up_to_);
  for (std::size_t i = 0; i < topics && at != topics_.end(); ++i, ++at) {
    trim(at->second, now);
    expired_up_to_ = at->first;
  }
  if (at != topics_.end()) return true;
  expired_up_to_.clear();
  return false;
}

void HistoryStore::apply(const EventRules& rules, std::uint64_t floor, TimePoint now) {
  for (auto at = topics_.begin(); at != topics_.end();) {
    Topic& topic = at->second;
    const EventRule* const rule = rules.find(at->first);
    if (rule != nullptr && rule->has_history()) {
      topic.bounds = rule->settings;
      trim(topic, now);
      ++at;
    } else {
      bytes_ -= topic.history.bytes();
      at = topics_.erase(at);
    }
  }
  floor_ = std::max(floor_, floor);
}

}  // namespace sluice::core
