#include "lib/events/event_rules.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

TopicLabel TopicLabels::of(std::string_view pattern) {
  const std::lock_guard lock(mutex_);
  auto found = std::ranges::find(names_, pattern);
  if (found == names_.end()) {
    if (names_.size() == kTopicLabelsMax) return kOtherTopics;
    names_.emplace_back(pattern);
    found = names_.end() - 1;
  }
  return static_cast<TopicLabel>(found - names_.begin());
}

std::vector<std::string> TopicLabels::names() const {
  const std::lock_guard lock(mutex_);
  return names_;
}

EventRules::EventRules(EventSettings settings, TopicLabels& labels) : settings_(std::move(settings)) {
  for (const auto& [text, topics] : settings_.topics) {
    auto pattern = TopicPattern::parse(text);
    if (!pattern) continue;
    std::optional<JsonPointer> key;
    if (!topics.key.empty()) {
      if (auto pointer = JsonPointer::parse(topics.key)) key = std::move(pointer.value());
    }
    rules_.push_back(std::make_unique<EventRule>(
        EventRule{std::move(pattern.value()), topics, std::move(key), labels.of(text)}));
    index_.at(rules_.back()->pattern) = rules_.back().get();
  }
}

const EventRule* EventRules::find(TopicMatches match) const {
  do {
    if (EventRule* const* const rule = index_.find(match)) return *rule;
  } while (match.next());
  return nullptr;
}

bool EventRules::have_history(const TopicPattern& pattern) const {
  const EventRule* const covering = find(pattern);
  if (covering == nullptr || !covering->has_history()) return false;
  return std::ranges::none_of(
      rules_, [&](const auto& rule) { return !rule->has_history() && pattern.covers(rule->pattern); });
}

SlowPolicy EventRules::slow_policy(const EventRule* rule) const {
  return rule == nullptr ? settings_.slow : rule->settings.slow.value_or(settings_.slow);
}

SlowPolicy EventRules::slow_policy(const std::vector<TopicPattern>& patterns) const {
  if (patterns.empty()) return settings_.slow;
  const SlowPolicy policy = slow_policy(find(patterns.front()));
  for (const TopicPattern& pattern : patterns) {
    if (slow_policy(find(pattern)) != policy) return SlowPolicy::close;
    const auto differs = [&](const auto& rule) {
      return pattern.covers(rule->pattern) && slow_policy(rule.get()) != policy;
    };
    if (std::ranges::any_of(rules_, differs)) return SlowPolicy::close;
  }
  return policy;
}

std::vector<TopicPattern> EventRules::lost_histories(const EventRules& newer) const {
  std::vector<TopicPattern> lost;
  for (const auto& rule : rules_) {
    if (!rule->has_history()) continue;
    const EventRule* const now = newer.find(rule->pattern);
    if (now == nullptr || !now->has_history()) lost.push_back(rule->pattern);
  }
  for (const auto& rule : newer.rules_) {
    const EventRule* const before = find(rule->pattern);
    const bool had = before != nullptr && before->has_history() && before->pattern != rule->pattern;
    if (had && !rule->has_history()) lost.push_back(rule->pattern);
  }
  return lost;
}

}  // namespace sluice::core
