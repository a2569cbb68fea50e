// Event rules: the settings of events, found by topic.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/topic_pattern.hpp"
#include "lib/events/event.hpp"
#include "lib/events/json_pointer.hpp"
#include "lib/events/settings.hpp"
#include "lib/events/topic_index.hpp"

namespace sluice::core {

// Labels of topics in metrics: configured patterns, else "other". A label is never removed, so that its
// counts stay. Thread-safe.
class TopicLabels {
 public:
  // The label of the pattern. Beyond kTopicLabelsMax: kOtherTopics.
  TopicLabel of(std::string_view pattern);
  // By label.
  std::vector<std::string> names() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_{"other"};
};

// Of the topics that one configured pattern names.
struct EventRule {
  TopicPattern pattern;
  TopicSettings settings;
  std::optional<JsonPointer> key;
  TopicLabel label = kOtherTopics;

  bool has_history() const { return settings.history_events_max > 0; }
};

// Immutable; any thread.
class EventRules {
 public:
  // Entries without a valid pattern, or whose key is not a JSON pointer, are left out: settings were
  // validated.
  EventRules(EventSettings settings, TopicLabels& labels);

  const EventSettings& settings() const { return settings_; }

  // The rule of the longest pattern that matches, or null. Does not allocate.
  const EventRule* find(std::string_view topic) const { return find(TopicMatches(topic)); }
  // The rule of the longest pattern that covers `pattern`, or null.
  const EventRule* find(const TopicPattern& pattern) const { return find(TopicMatches(pattern)); }

  // Whether all topics that `pattern` matches have a history.
  bool have_history(const TopicPattern& pattern) const;
  // What a subscription's events do that wait beyond its limits: as its topics have it. Where they differ, it
  // ends, so that nothing is lost unnoticed.
  SlowPolicy slow_policy(const std::vector<TopicPattern>& patterns) const;
  // Patterns with a history here that have none in `newer`.
  std::vector<TopicPattern> lost_histories(const EventRules& newer) const;

 private:
  const EventRule* find(TopicMatches match) const;
  SlowPolicy slow_policy(const EventRule* rule) const;

  EventSettings settings_;
  TopicIndex<EventRule*> index_;
  std::vector<std::unique_ptr<EventRule>> rules_;
};

}  // namespace sluice::core
