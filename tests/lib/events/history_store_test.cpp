#include "lib/events/history_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

TopicSettings settings_of(std::size_t events, std::size_t bytes = 1 << 20) {
  TopicSettings settings;
  settings.history_events_max = events;
  settings.history_bytes_max = bytes;
  return settings;
}

class Histories {
 public:
  explicit Histories(TopicSettings settings, HistoryBounds bounds = {})
      : store(bounds), settings_(settings) {}

  void add(std::string_view topic, std::string_view data = "1") {
    auto event = std::make_shared<Event>(topic, data, kEpoch, now);
    event->set_sequence(++sequence);
    store.add(event, settings_);
  }
  // The sequences after one, or the oldest one that is complete, negative.
  std::vector<std::int64_t> after(std::vector<std::string_view> texts, std::uint64_t from) {
    std::vector<TopicPattern> patterns;
    for (const auto text : texts) patterns.push_back(TopicPattern::parse(text).value());
    const auto events = store.after(patterns, from, sequence, now);
    if (!events) return {-static_cast<std::int64_t>(events.error().oldest)};
    return sequences(events.value());
  }
  std::vector<std::int64_t> last(std::string_view text) {
    return sequences(store.last({TopicPattern::parse(text).value()}, now));
  }

  HistoryStore store;
  std::uint64_t sequence = 0;
  TimePoint now{1h};

 private:
  static std::vector<std::int64_t> sequences(const std::vector<EventPtr>& events) {
    std::vector<std::int64_t> numbers;
    for (const EventPtr& event : events) numbers.push_back(static_cast<std::int64_t>(event->sequence()));
    std::ranges::sort(numbers);
    return numbers;
  }
  TopicSettings settings_;
};

using Sequences = std::vector<std::int64_t>;

TEST_CASE("HistoryStore: it knows the events of matching topics after a sequence") {
  Histories histories(settings_of(10));
  for (const char* topic : {"a.x", "b", "a.y", "a.x"}) histories.add(topic);
  CHECK(histories.after({"a.*"}, 0) == Sequences{1, 3, 4});
  CHECK(histories.after({"a.*"}, 1) == Sequences{3, 4});
  CHECK(histories.after({"a.x", "b"}, 1) == Sequences{2, 4});
  CHECK(histories.after({"*"}, 4).empty());
  CHECK(histories.after({"new"}, 0).empty());
}

TEST_CASE("HistoryStore: a prefix is not confused by names that sort between its topics") {
  Histories histories(settings_of(10));
  for (const char* topic : {"a-b", "a.x", "a", "aa.x", "a.x.y"}) histories.add(topic);
  CHECK(histories.after({"a.*"}, 0) == Sequences{2, 5});
  CHECK(histories.after({"a"}, 0) == Sequences{3});
}

TEST_CASE("HistoryStore: beyond the number of events positions are gone") {
  Histories histories(settings_of(3));
  for (int i = 0; i < 5; ++i) histories.add("a");
  CHECK(histories.after({"a"}, 2) == Sequences{3, 4, 5});
  CHECK(histories.after({"a"}, 1) == Sequences{-2});
  CHECK(histories.after({"*"}, 0) == Sequences{-2});
}

TEST_CASE("HistoryStore: another topic's events do not age a position") {
  Histories histories(settings_of(3));
  histories.add("a");
  for (int i = 0; i < 50; ++i) histories.add("b");
  CHECK(histories.after({"a"}, 0) == Sequences{1});
}

TEST_CASE("HistoryStore: bytes of a topic are bounded, but its newest event stays") {
  Histories histories(settings_of(100, 1000));
  for (int i = 0; i < 10; ++i) histories.add("a", "\"" + std::string(200, 'x') + "\"");
  CHECK(histories.store.bytes() <= 1000);
  CHECK(histories.after({"a"}, 0).front() < 0);
  histories.add("a", "\"" + std::string(5000, 'x') + "\"");
  CHECK(histories.after({"a"}, 10) == Sequences{11});
}

TEST_CASE("HistoryStore: events that are too old are gone, whether or not they were dropped yet") {
  Histories histories(settings_of(100));
  histories.add("a");
  histories.now += 6min;
  histories.add("a");
  histories.now += 5min;
  CHECK(histories.after({"a"}, 1) == Sequences{2});
  CHECK(histories.after({"a"}, 0) == Sequences{-1});
  histories.now += 1h;
  CHECK(histories.last("a").empty());
  CHECK(histories.after({"a"}, 1) == Sequences{-2});
  CHECK(histories.after({"a"}, 2).empty());
}

TEST_CASE("HistoryStore: expiry visits some topics at a time, and all of them in the end") {
  Histories histories(settings_of(100));
  for (int i = 0; i < 100; ++i) histories.add("t" + std::to_string(i));
  histories.now += 1h;
  CHECK(histories.store.expire(histories.now, 30));
  CHECK(histories.store.bytes() > 0);
  while (histories.store.expire(histories.now, 30)) continue;
  CHECK(histories.store.bytes() == 0);
}

TEST_CASE("HistoryStore: the last event of each topic") {
  Histories histories(settings_of(2));
  for (const char* topic : {"a.x", "a.y", "a.x", "b"}) histories.add(topic);
  CHECK(histories.last("a.*") == Sequences{2, 3});
  CHECK(histories.last("c").empty());
}

TEST_CASE(
    "HistoryStore: beyond the number of topics the least recently published one goes, and is never missing "
    "unnoticed") {
  Histories histories(settings_of(10), {.topics_max = 2});
  for (const char* topic : {"a", "b", "a", "c"}) histories.add(topic);
  CHECK(histories.store.topics() == 2);
  CHECK(histories.after({"a"}, 0) == Sequences{1, 3});
  CHECK(histories.after({"b"}, 1) == Sequences{-2});
  CHECK(histories.after({"b"}, 2).empty());
  CHECK(histories.after({"*"}, 1) == Sequences{-2});
  CHECK(histories.after({"*"}, 2) == Sequences{3, 4});
  histories.add("b");
  CHECK(histories.after({"b"}, 1).front() < 0);
}

TEST_CASE("HistoryStore: beyond all bytes the least recently published topic goes") {
  Histories histories(settings_of(10), {.bytes_max = 500});
  histories.add("a", "\"" + std::string(300, 'x') + "\"");
  histories.add("b", "\"" + std::string(300, 'x') + "\"");
  CHECK(histories.store.topics() == 1);
  CHECK(histories.after({"a"}, 0) == Sequences{-1});
}

TEST_CASE("HistoryStore: more events than one subscription may begin with are refused") {
  Histories histories(settings_of(100), {.replay_events_max = 10});
  for (int i = 0; i < 20; ++i) histories.add("a");
  CHECK(histories.after({"a"}, 10).size() == 10);
  CHECK(histories.after({"a"}, 9) == Sequences{-20});
}

}  // namespace
}  // namespace sluice::core::testing
