// Which settings of events are valid.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

#include "lib/server/event_rules.hpp"
#include "lib/server/settings.hpp"

namespace sluice::core {
namespace {

// Empty: the settings are valid.
std::string refusal_of(const Settings& settings) {
  try {
    static_cast<void>(resolved(settings));
  } catch (const std::invalid_argument& refusal) {
    return refusal.what();
  }
  return "";
}

template <typename Change>
std::string refusal_after(Change change) {
  Settings settings;
  change(settings.events);
  return refusal_of(settings);
}

std::string refusal_of_topic(const std::string& pattern) {
  return refusal_after([&](EventSettings& events) { events.topics[pattern]; });
}

// With one setting of the topic "a".
template <typename T>
std::string refusal_with(T TopicSettings::*field, const std::type_identity_t<T>& value) {
  return refusal_after([&](EventSettings& events) { events.topics["a"].*field = value; });
}

TEST_CASE("Event rules: the defaults are valid and stay as they are") {
  CHECK(refusal_of(Settings()).empty());
  CHECK(resolved(Settings()).events == EventSettings());
}

TEST_CASE("Event rules: limits are at least 1 and at most what their keys take") {
  const auto check = [](std::size_t EventSettings::*field, std::size_t most, const std::string& key) {
    CAPTURE(key);
    const auto with = [field](std::size_t value) {
      return refusal_after([=](EventSettings& events) { events.*field = value; });
    };
    CHECK(with(1).empty());
    CHECK(with(most).empty());
    for (const std::size_t value : {std::size_t{0}, most + 1})
      CHECK(with(value) ==
            "events." + key + " is not allowed; it takes a number from 1 to " + std::to_string(most));
  };
  check(&EventSettings::connection_subscriptions_max, kConnectionSubscriptionsMax, "max_subscriptions");
  check(&EventSettings::subscriptions_max, kSubscriptionsMax, "max_subscriptions_total");
  check(&EventSettings::queue_events_max, kEventsMax, "queue");
  check(&EventSettings::queue_bytes_max, kEventQueueBytesMax, "queue_bytes");
  check(&EventSettings::event_bytes_max, std::size_t{1} << 30, "max_event");
}

TEST_CASE("Event rules: times are not negative, and very long ones are the longest wait") {
  const auto with = [](milliseconds EventSettings::*field, milliseconds value) {
    return refusal_after([=](EventSettings& events) { events.*field = value; });
  };
  CHECK(with(&EventSettings::slow_grace, milliseconds(0)).empty());
  CHECK(with(&EventSettings::slow_grace, milliseconds(-1)).starts_with("events.slow_grace"));
  CHECK(with(&EventSettings::heartbeat, milliseconds(1)).empty());
  CHECK(with(&EventSettings::heartbeat, milliseconds(0)).starts_with("events.heartbeat"));
  CHECK(with(&EventSettings::first_event_delay, milliseconds(0)).empty());
  CHECK(with(&EventSettings::first_event_delay, kFirstEventDelayMax).empty());
  CHECK(with(&EventSettings::first_event_delay, kFirstEventDelayMax + milliseconds(1)) ==
        "events.first_event_delay is not allowed; it takes a time from 0 to 10000 ms");

  Settings settings;
  settings.events.slow_grace = settings.events.heartbeat = milliseconds::max();
  settings.events.topics["a"].history_age_max = milliseconds::max();
  const EventSettings events = resolved(settings).events;
  CHECK(events.slow_grace == kLongestWait);
  CHECK(events.heartbeat == kLongestWait);
  CHECK(events.topics.at("a").history_age_max == kLongestWait);
}

TEST_CASE("Event rules: entries of topics are names, prefixes or all") {
  for (const char* text : {"orders", "orders.eu-1", "orders.*", "*"}) CHECK(refusal_of_topic(text).empty());
  CHECK(refusal_of_topic(std::string(255, 'a')).empty());
  for (const std::string& text :
       {std::string(), std::string("a..b"), std::string("a*"), std::string("!a"), std::string(256, 'a')}) {
    CAPTURE(text);
    CHECK(refusal_of_topic(text).starts_with("topic.\"" + text + "\" is not allowed; it takes a topic"));
  }
}

TEST_CASE("Event rules: bounds of a topic's history") {
  CHECK(refusal_with(&TopicSettings::history_events_max, kEventsMax).empty());
  CHECK(
      refusal_with(&TopicSettings::history_events_max, kEventsMax + 1).starts_with("topic.\"a\".history is"));
  CHECK(refusal_with(&TopicSettings::history_bytes_max, 0).starts_with("topic.\"a\".history_bytes"));
  CHECK(refusal_with(&TopicSettings::history_bytes_max, kEventQueueBytesMax).empty());
  CHECK(
      refusal_with(&TopicSettings::history_age_max, milliseconds(0)).starts_with("topic.\"a\".history_age"));
}

TEST_CASE("Event rules: a key is a JSON pointer") {
  for (const char* key : {"", "/", "/id", "/order/id", "/a~0b~1c", "/0"}) {
    CAPTURE(key);
    CHECK(refusal_with(&TopicSettings::key, key).empty());
  }
  CHECK(refusal_with(&TopicSettings::key, "/" + std::string(254, 'k')).empty());
  for (const std::string& key :
       {std::string("id"), std::string("/a~"), std::string("/a~2"), "/" + std::string(255, 'k')}) {
    CAPTURE(key);
    CHECK(refusal_with(&TopicSettings::key, key)
              .starts_with("topic.\"a\".key is not allowed; it takes a JSON pointer"));
  }
}

TEST_CASE("Event rules: the number of entries of topics is bounded") {
  Settings settings;
  for (std::size_t i = 0; i < kTopicEntriesMax; ++i) settings.events.topics["a" + std::to_string(i)];
  CHECK(refusal_of(settings).empty());
  settings.events.topics["one-more"];
  CHECK(refusal_of(settings) == "topic is not allowed; it takes at most 1024 entries");
}

TEST_CASE("Event rules: the path of events differs from all paths of listeners") {
  Settings settings;
  for (const char* path : {"", "/events", "/a/b"}) {
    settings.events.http_path = path;
    CHECK(refusal_of(settings).empty());
  }
  for (const char* path : {"events", "/a b", "/a?b"}) {
    settings.events.http_path = path;
    CHECK(refusal_of(settings).starts_with("events.http_path is not allowed; it takes a path such as"));
  }
  settings.events.http_path = "/readyz";
  CHECK(refusal_of(settings) ==
        "events.http_path = \"/readyz\" is health_path of tcp://127.0.0.1:7070 already; it takes another "
        "path, or "
        "\"\" for none");
  settings.events.http_path = "/";
  CHECK(refusal_of(settings).starts_with("events.http_path = \"/\" is http_path of tcp://127.0.0.1:7070"));
  settings.listeners.front().http_path = "/rpc";
  CHECK(refusal_of(settings).empty());
}

}  // namespace
}  // namespace sluice::core
