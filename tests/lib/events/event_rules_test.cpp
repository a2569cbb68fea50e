#include "lib/events/event_rules.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

TopicPattern pattern(std::string_view text) { return TopicPattern::parse(text).value(); }

std::string rule_of(const EventRules& rules, std::string_view topic) {
  const EventRule* const rule = rules.find(topic);
  return rule == nullptr ? "" : rule->pattern.to_string();
}

EventSettings histories(std::initializer_list<std::pair<const char*, std::size_t>> topics) {
  EventSettings settings;
  for (const auto& [text, events] : topics) settings.topics[text].history_events_max = events;
  return settings;
}

TEST_CASE("EventRules: the longest pattern that matches counts") {
  TopicLabels labels;
  const EventRules rules(histories({{"a.b", 1}, {"a.*", 1}, {"a.b.*", 1}}), labels);
  CHECK(rule_of(rules, "a.b") == "a.b");
  CHECK(rule_of(rules, "a.b.c") == "a.b.*");
  CHECK(rule_of(rules, "a.c.d") == "a.*");
  CHECK(rule_of(rules, "a").empty());
  const EventRules all(histories({{"*", 1}}), labels);
  CHECK(rule_of(all, "x.y") == "*");
}

TEST_CASE("EventRules: a label in metrics is the configured pattern, and stays") {
  TopicLabels labels;
  const EventRules rules(histories({{"a", 1}, {"b.*", 1}}), labels);
  const EventRules newer(histories({{"b.*", 1}, {"c", 1}}), labels);
  CHECK(rules.find("b.x")->label == newer.find("b.x")->label);
  CHECK(labels.names() == std::vector<std::string>{"other", "a", "b.*", "c"});
}

TEST_CASE("EventRules: beyond a number of labels topics are counted as others") {
  TopicLabels labels;
  for (std::size_t i = 1; i < kTopicLabelsMax; ++i) labels.of("t" + std::to_string(i));
  CHECK(labels.of("more") == kOtherTopics);
  CHECK(labels.names().size() == kTopicLabelsMax);
}

TEST_CASE("EventRules: a pattern has a history if all its topics have one") {
  TopicLabels labels;
  const EventRules rules(histories({{"a.*", 5}, {"a.x", 0}, {"b", 5}}), labels);
  CHECK(rules.have_history(pattern("a.y")));
  CHECK(rules.have_history(pattern("a.y.*")));
  CHECK_FALSE(rules.have_history(pattern("a.x")));
  CHECK_FALSE(rules.have_history(pattern("a.*")));
  CHECK_FALSE(rules.have_history(pattern("b.*")));
  CHECK_FALSE(rules.have_history(pattern("*")));
}

TEST_CASE("EventRules: where topics of a subscription differ in their policy, it ends if it is slow") {
  TopicLabels labels;
  EventSettings settings;
  settings.slow = SlowPolicy::drop_oldest;
  settings.topics["a.*"].slow = SlowPolicy::conflate;
  const EventRules rules(settings, labels);
  CHECK(rules.slow_policy({pattern("a.b")}) == SlowPolicy::conflate);
  CHECK(rules.slow_policy({pattern("b")}) == SlowPolicy::drop_oldest);
  CHECK(rules.slow_policy({pattern("a.b"), pattern("b")}) == SlowPolicy::close);
  CHECK(rules.slow_policy({pattern("*")}) == SlowPolicy::close);
}

TEST_CASE("EventRules: a history is lost if its topics have none in newer rules") {
  TopicLabels labels;
  const EventRules rules(histories({{"a.*", 5}, {"b", 5}}), labels);
  CHECK(rules.lost_histories(EventRules(histories({{"*", 1}}), labels)).empty());
  CHECK(rules.lost_histories(EventRules(histories({{"a.*", 5}, {"b", 0}}), labels)) ==
        std::vector{pattern("b")});
  CHECK(rules.lost_histories(EventRules(histories({{"a.*", 5}, {"b", 5}, {"a.x", 0}}), labels)) ==
        std::vector{pattern("a.x")});
  CHECK(rules.lost_histories(EventRules(EventSettings(), labels)).size() == 2);
}

}  // namespace
}  // namespace sluice::core::testing
