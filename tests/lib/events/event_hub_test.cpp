#include "lib/events/event_hub.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

std::vector<TopicPattern> patterns(std::initializer_list<std::string_view> texts) {
  std::vector<TopicPattern> parsed;
  for (const std::string_view text : texts) parsed.push_back(TopicPattern::parse(text).value());
  return parsed;
}

struct Hub {
  explicit Hub(EventSettings settings = {}, std::size_t threads = 2)
      : hub(std::move(settings), kEpoch), wakers(threads) {
    for (CountingWaker& waker : wakers) hub.add_mailbox(waker);
  }
  Published publish(std::string_view topic, std::string_view data = "1") {
    const auto published = hub.publish(topic, data, now);
    REQUIRE(published);
    return published.value();
  }
  std::vector<std::uint64_t> take(std::size_t mailbox) {
    EventBatch batch;
    hub.take(mailbox, batch);
    std::vector<std::uint64_t> sequences;
    for (const EventPtr& event : batch.events) sequences.push_back(event->sequence());
    return sequences;
  }
  Result<EventSnapshot, proto::Error> subscribe(std::initializer_list<std::string_view> texts,
                                                const StartFrom& from = FromNow{}, std::size_t mailbox = 0) {
    return hub.subscribe(patterns(texts), from, mailbox, now);
  }

  TimePoint now{1h};
  EventHub hub;
  std::vector<CountingWaker> wakers;
};

using Sequences = std::vector<std::uint64_t>;

TEST_CASE("EventHub: all topics have one sequence") {
  Hub hub;
  CHECK(hub.publish("a").position == EventPosition{kEpoch, 1});
  CHECK(hub.publish("b").position == EventPosition{kEpoch, 2});
}

TEST_CASE("EventHub: subscribers are counted by pattern, each once") {
  Hub hub;
  REQUIRE(hub.subscribe({"a.b", "c"}));
  REQUIRE(hub.subscribe({"a.*"}, FromNow{}, 1));
  REQUIRE(hub.subscribe({"*"}));
  CHECK(hub.publish("a.b").subscribers == 3);
  CHECK(hub.publish("a.c").subscribers == 2);
  CHECK(hub.publish("c").subscribers == 2);
  CHECK(hub.publish("d").subscribers == 1);
  hub.hub.unsubscribe(patterns({"a.*"}), 1);
  CHECK(hub.publish("a.b").subscribers == 2);
  CHECK(hub.hub.counts().subscriptions == 2);
}

TEST_CASE("EventHub: only threads with a subscriber get an event, once, and are woken once") {
  Hub hub;
  REQUIRE(hub.subscribe({"a"}));
  REQUIRE(hub.subscribe({"*"}));
  REQUIRE(hub.subscribe({"b"}, FromNow{}, 1));
  hub.publish("a");
  hub.publish("a");
  CHECK(hub.wakers[0].wakes == 1);
  CHECK(hub.wakers[1].wakes == 0);
  hub.publish("b");
  CHECK(hub.take(0) == Sequences{1, 2, 3});
  CHECK(hub.take(1) == Sequences{3});
  hub.publish("a");
  CHECK(hub.wakers[0].wakes == 2);
}

TEST_CASE("EventHub: a thread that could not be woken is woken with the next event") {
  Hub hub;
  REQUIRE(hub.subscribe({"a"}));
  hub.wakers[0].out_of_memory = true;
  hub.publish("a");
  hub.wakers[0].out_of_memory = false;
  hub.publish("b");
  CHECK(hub.wakers[0].wakes == 2);
  hub.publish("a");
  CHECK(hub.wakers[0].wakes == 2);
}

TEST_CASE("EventHub: more threads than are woken at a time are all woken") {
  Hub hub({}, 40);
  for (std::size_t i = 0; i < 40; ++i) REQUIRE(hub.subscribe({"a"}, FromNow{}, i));
  CHECK(hub.publish("a").subscribers == 40);
  for (const CountingWaker& waker : hub.wakers) CHECK(waker.wakes == 1);
}

TEST_CASE("EventHub: invalid names and events that are too big are refused") {
  EventSettings settings;
  settings.event_bytes_max = 10;
  Hub hub(settings);
  CHECK(hub.hub.publish("a..b", "1", hub.now).error().code == -32602);
  CHECK(json::parse(hub.hub.publish("", "1", hub.now).error().data).at("path") == "/topic");
  const auto refused = hub.hub.publish("a", "\"12345678X\"", hub.now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == -32007);
  CHECK(json::parse(refused.error().data).at("limit") == 10);
  CHECK(hub.publish("a", "\"12345678\"").position.sequence == 1);
}

TEST_CASE("EventHub: a publisher is refused if a thread is too far behind, and nothing is published") {
  Hub hub(with_history("a", 10'000));
  REQUIRE(hub.subscribe({"a"}));
  REQUIRE(hub.subscribe({"*"}, FromNow{}, 1));
  const std::string data = "\"" + std::string(200'000, 'x') + "\"";
  std::uint64_t published = 0;
  while (hub.hub.publish("a", data, hub.now)) ++published;
  CHECK(hub.hub.counts().mailbox_bytes <= 2 * kMailboxBytesMax);
  CHECK(hub.hub.publish("a", data, hub.now).error().code == -32009);
  CHECK(hub.take(0).size() == published);
  CHECK(hub.hub.publish("a", data, hub.now).error().code == -32009);  // the other thread
  CHECK(hub.take(1).size() == published);
  CHECK(hub.publish("a", data).position.sequence == published + 1);
  CHECK(hub.take(0).size() == 1);
}

TEST_CASE("EventHub: subscriptions of the server are bounded") {
  EventSettings settings;
  settings.subscriptions_max = 2;
  Hub hub(settings);
  REQUIRE(hub.subscribe({"a"}));
  REQUIRE(hub.subscribe({"a"}));
  const auto refused = hub.subscribe({"a"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == -32006);
  hub.hub.unsubscribe(patterns({"a"}), 0);
  CHECK(hub.subscribe({"a"}));
}

TEST_CASE("EventHub: a subscription begins with what came after a position, in order of sequence") {
  Hub hub(with_history("*", 10));
  for (const char* topic : {"a", "b", "c", "a"}) hub.publish(topic);
  const auto snapshot = hub.subscribe({"a", "b"}, EventPosition{kEpoch, 1});
  REQUIRE(snapshot);
  CHECK(snapshot.value().sequence == 4);
  REQUIRE(snapshot.value().replay.size() == 2);
  CHECK(snapshot.value().replay[0]->sequence() == 2);
  CHECK(snapshot.value().replay[1]->sequence() == 4);
}

TEST_CASE("EventHub: positions that cannot be resumed from are gone") {
  Hub hub(with_history("a", 2));
  for (int i = 0; i < 5; ++i) hub.publish("a");
  const auto oldest = [&](std::initializer_list<std::string_view> texts, EventPosition from) {
    const auto refused = hub.subscribe(texts, from);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == -32015);
    const json data = json::parse(refused.error().data);
    CHECK(data.at("reason") == "gone");
    CHECK(data.at("epoch") == "abcdef0123456789");
    return EventPosition::parse(data.at("oldest").get<std::string>()).value().sequence;
  };
  CHECK(oldest({"a"}, {kEpoch, 2}) == 3);      // lost
  CHECK(oldest({"a"}, {kEpoch + 1, 4}) == 3);  // of another run
  CHECK(oldest({"a"}, {kEpoch, 6}) == 3);      // of the future
  CHECK(oldest({"b"}, {kEpoch, 5}) == 5);      // without a history
  CHECK(oldest({"*"}, {kEpoch, 5}) == 5);      // a part without
  CHECK(hub.subscribe({"a"}, EventPosition{kEpoch, 3}));
  CHECK(hub.hub.counts().subscriptions == 1);
}

TEST_CASE("EventHub: a topic that gets a history at a reload is complete from then on") {
  Hub hub;
  hub.publish("a");
  hub.hub.apply(with_history("a", 10), hub.now);
  hub.publish("a");
  CHECK_FALSE(hub.subscribe({"a"}, EventPosition{kEpoch, 0}));
  CHECK(hub.subscribe({"a"}, EventPosition{kEpoch, 1}).value().replay.size() == 1);
}

TEST_CASE("EventHub: a reload that leaves histories as they are loses none") {
  EventSettings settings = with_history("a.*", 10);
  Hub hub(settings);
  hub.publish("a.x");
  settings.queue_events_max = 7;
  hub.hub.apply(settings, hub.now);
  CHECK(hub.subscribe({"a.*"}, EventPosition{kEpoch, 0}).value().replay.size() == 1);
}

TEST_CASE("EventHub: events are counted by configured pattern") {
  Hub hub(with_history("a.*", 10));
  for (const char* topic : {"a.x", "a.y", "b"}) hub.publish(topic);
  CHECK(hub.hub.label_names() == std::vector<std::string>{"other", "a.*"});
  const HubCounts counts = hub.hub.counts();
  CHECK(counts.published[0] == 1);
  CHECK(counts.published[1] == 2);
  CHECK(counts.history_bytes > 0);
  hub.hub.expire(hub.now + 1h);
  CHECK(hub.hub.counts().history_bytes == 0);
}

}  // namespace
}  // namespace sluice::core::testing
