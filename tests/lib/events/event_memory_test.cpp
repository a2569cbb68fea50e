// Events while memory runs out.
#include <doctest/doctest.h>

#include <new>
#include <string>

#include "tests/lib/events/event_parts.hpp"
#include "tests/support/failing_allocator.hpp"

namespace sluice::core::testing {
namespace {

using sluice::testing::fail_allocations;

// Runs `task`, whose allocations fail from the n-th on, for n = 0, 1, ... until none fails.
template <typename Task>
std::size_t with_each_failure(const Task& task) {
  for (std::size_t n = 0;; ++n) {
    bool failed = false;
    fail_allocations(n, 1);
    try {
      task();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    fail_allocations(0, 0);
    if (!failed) return n;
    REQUIRE(n < 1000);
  }
}

TEST_CASE("Events: what could not be published for lack of memory was not published") {
  EventDaemon daemon(with_history("*", 100));
  EventClient client(daemon);
  client.subscribe(R"({"topic":["a","b.*"]})");
  const std::string topic = "a";
  const std::string data = "\"" + std::string(100, 'x') + "\"";
  std::uint64_t published = 0;
  const std::size_t failures = with_each_failure([&] {
    const auto result = daemon.hub.publish(topic, data, daemon.now);
    published += result ? 1 : 0;
  });
  CHECK(failures > 0);
  CHECK(published == 1);
  CHECK(daemon.publish("a").sequence == 2);
  CHECK(client.take().size() == 2);
}

TEST_CASE("Events: a subscription that failed for lack of memory leaves nothing behind") {
  EventDaemon daemon(with_history("*", 100));
  daemon.publish("a");
  EventClient client(daemon);
  const auto request =
      request_of(R"({"topic":["a","a-longer-name-than-fits-inside.*","c"],"filter":{"/x":1},"from":"last"})");
  std::size_t subscribed = 0;
  const std::size_t failures = with_each_failure([&] {
    SubscribeRequest copy = request;
    const auto id = client.set().subscribe(std::move(copy), MethodStyle::dot, 1, daemon.now);
    subscribed += id ? 1 : 0;
  });
  CHECK(failures > 5);
  CHECK(subscribed == 1);
  CHECK(client.set().size() == 1);
  CHECK(daemon.hub.counts().subscriptions == 1);
  CHECK(daemon.hub.publish("c", "1", daemon.now).value().subscribers == 1);
  client.disconnect();
  CHECK(daemon.hub.publish("c", "1", daemon.now).value().subscribers == 0);
}

TEST_CASE("Events: a subscription whose event finds no memory ends, rather than missing it unnoticed") {
  EventDaemon daemon;
  EventClient client(daemon);
  EventClient other(daemon);
  client.subscribe(R"(["a"])");
  other.subscribe(R"(["a"])");
  daemon.publish("a", "1");
  fail_allocations(0, 1);
  daemon.run();
  fail_allocations(0, 0);
  std::size_t ended = 0;
  std::size_t received = 0;
  for (EventClient* const each : {&client, &other}) {
    for (const json& message : each->take()) ++(message.at("params").contains("error") ? ended : received);
  }
  CHECK(ended == 1);
  CHECK(received == 1);
  CHECK(daemon.fanout.counts().dropped(kOtherTopics, EventDrop::slow) == 1);
}

TEST_CASE("Events: what could not be written for lack of memory is written later") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"({"topic":"a"})");
  daemon.publish("a", "1");
  daemon.run();
  struct Output final : EventOutput {
    void write(const EventMessage&) override { throw std::bad_alloc(); }
  } full;
  CHECK_THROWS_AS(client.set().deliver(full, kAnyRoom, daemon.now), std::bad_alloc);
  const auto messages = client.take();
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].at("params").at("n") == 1);
}

TEST_CASE("EventQueue: a push that fails changes nothing") {
  EventCounts counts;
  EventQueue queue({.policy = SlowPolicy::conflate}, {});
  std::uint64_t sequence = 0;
  for (const std::string topic : {"a", "b", "a", "c"}) {
    const auto event = std::make_shared<Event>(topic, "1", kEpoch, TimePoint{});
    event->set_sequence(++sequence);
    with_each_failure([&] { queue.push(event, TimePoint{}, counts); });
  }
  CHECK(queue.events() == 3);
  for (const std::uint64_t expected : {2, 3, 4}) {
    CHECK(queue.front().sequence() == expected);
    queue.pop();
  }
  CHECK(queue.bytes() == 0);
}

}  // namespace
}  // namespace sluice::core::testing
