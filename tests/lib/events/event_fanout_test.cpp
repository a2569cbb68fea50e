#include "lib/events/event_fanout.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/events/event_fanout_task.hpp"
#include "tests/lib/events/event_parts.hpp"
#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::core::testing {
namespace {

using Clients = std::vector<std::unique_ptr<EventClient>>;

Clients clients_of(EventDaemon& daemon, std::size_t count, std::string_view params) {
  Clients clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<EventClient>(daemon));
    clients.back()->subscribe(params);
  }
  return clients;
}

TEST_CASE("EventFanout: one run processes a number of events, and goes on in the next") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"({"topic":"a","queue":1024})");
  for (std::size_t i = 0; i < 2 * EventFanout::kEventsMax + 1; ++i) daemon.publish("a", "1");
  CHECK(daemon.fanout.run(daemon.now));
  CHECK(client.set().queue_bytes() > 0);
  CHECK(daemon.fanout.run(daemon.now));
  CHECK_FALSE(daemon.fanout.run(daemon.now));
  CHECK_FALSE(daemon.fanout.run(daemon.now));
  CHECK(client.count() == 2 * EventFanout::kEventsMax + 1);
}

TEST_CASE("EventFanout: deliveries of one run are bounded, also within one event") {
  EventDaemon daemon;
  EventClient client(daemon);
  constexpr std::size_t kSubscriptions = 1000;
  client.subscribe_many(kSubscriptions, R"({"topic":["a.b","c"]})");
  for (int i = 0; i < 40; ++i) daemon.publish("a.b");
  std::size_t runs = 1;
  while (daemon.fanout.run(daemon.now)) ++runs;
  CHECK(runs >= 40 * kSubscriptions / EventFanout::kDeliveriesMax);
  CHECK(client.count() == 40 * kSubscriptions);
}

TEST_CASE("EventFanout: text that filters read counts as deliveries") {
  EventDaemon daemon;
  const Clients clients = clients_of(daemon, 100, R"({"topic":"a","filter":{"/x":1}})");
  for (int i = 0; i < 10; ++i) daemon.publish("a", R"({"y":")" + std::string(100'000, 'y') + R"("})");
  std::size_t runs = 1;
  while (daemon.fanout.run(daemon.now)) ++runs;
  CHECK(runs > 10);
}

TEST_CASE("EventFanout: subscribers that come and go within an event get it once, or not at all") {
  EventDaemon daemon;
  EventClient client(daemon);
  constexpr std::size_t kSubscriptions = 600;
  const auto ids = client.subscribe_many(kSubscriptions, R"({"topic":["a.*","b"]})");
  for (int i = 0; i < 60; ++i) daemon.publish("a.b", std::to_string(i));
  std::size_t removed = 0;
  while (daemon.fanout.run(daemon.now)) {
    for (int i = 0; i < 37 && removed < ids.size() / 2; ++i)
      CHECK(client.set().unsubscribe(ids[2 * removed++]));
    const auto late = client.try_subscribe(R"(["*"])");
    if (late) client.set().replied(client.last_exchange(), daemon.now);
  }
  daemon.pass(20ms);
  std::map<std::string, std::vector<json>> results;
  for (const json& message : client.take()) {
    const json& params = message.at("params");
    results[params.at("subscription").get<std::string>()].push_back(params.at("result"));
  }
  CHECK(results.size() == kSubscriptions - removed);
  for (const auto& [id, values] : results) REQUIRE(values == numbers(0, 59));
}

TEST_CASE("EventFanout: what is published and matches is delivered, or dropped and counted") {
  for (const SlowPolicy policy : {SlowPolicy::close, SlowPolicy::drop_oldest, SlowPolicy::conflate}) {
    EventSettings settings;
    settings.slow = policy;
    settings.queue_events_max = 8;
    EventDaemon daemon(settings);
    const Clients clients = clients_of(daemon, 10, R"(["a.*"])");
    std::size_t matching = 0;
    for (int i = 0; i < 1000; ++i) {
      const auto published = daemon.hub.publish("a." + std::to_string(i % 5), "1", daemon.now);
      matching += published.value().subscribers;
      daemon.pass(1ms);
      daemon.run();
      // Some read everything, some little, some nothing.
      for (std::size_t c = 0; c < clients.size(); ++c)
        clients[c]->read(c < 3 ? kAnyRoom : c < 8 ? i % (c + 2) == 0 : 0);
    }
    for (const auto& client : clients) client->count();
    const EventCounts& counts = daemon.fanout.counts();
    CHECK(counts.delivered(kOtherTopics) + counts.dropped(kOtherTopics, EventDrop::slow) +
              counts.dropped(kOtherTopics, EventDrop::conflated) ==
          matching);
    CHECK(counts.queue_bytes.get() == 0);
    CHECK((counts.ended(SubscriptionEnd::slow) > 0) == (policy == SlowPolicy::close));
  }
}

TEST_CASE("EventFanout: the time from publishing to output is observed") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  daemon.publish("a");
  daemon.pass(3ms);
  client.take();
  CHECK(daemon.fanout.counts().latency().sum_ns() == 3'000'000);
}

TEST_CASE("EventFanoutTask: it runs at the end of an iteration of its loop") {
  sluice::testing::VirtualLoop virtual_loop;
  EventHub hub({}, kEpoch);
  EventFanoutTask task(virtual_loop.loop, hub, [] { return std::uint64_t{1}; });
  struct Sink final : EventSink {
    void on_events() override { ++notified; }
    std::size_t notified = 0;
  } sink;
  SubscriptionSet set(task.fanout(), sink);
  REQUIRE(set.subscribe(request_of(R"(["a"])"), MethodStyle::dot, 1, virtual_loop.now));
  REQUIRE(hub.publish("a", "1", virtual_loop.now));
  CHECK(set.queue_bytes() == 0);
  virtual_loop.serve();
  CHECK(set.queue_bytes() > 0);
  set.replied(1, virtual_loop.now);
  virtual_loop.serve();
  CHECK(sink.notified == 1);
}

}  // namespace
}  // namespace sluice::core::testing
