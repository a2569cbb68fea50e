#include "lib/events/subscription_end.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lib/events/subscription_set.hpp"
#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

json error_of(const json& message) { return message.at("params").at("error"); }

TEST_CASE("Ends of subscriptions: each has its code and reason") {
  const EventPosition position{kEpoch, 9};
  const auto text = [&](SubscriptionEnd end, std::uint64_t random = 0) {
    const proto::Error error = end_error(end, position, random);
    return std::to_string(error.code) + error.data;
  };
  CHECK(text(SubscriptionEnd::slow) == R"(-32000{"reason":"slow"})");
  CHECK(text(SubscriptionEnd::gap) == R"(-32000{"reason":"gap"})");
  CHECK(text(SubscriptionEnd::topic_gone) == R"(-32000{"reason":"topic_gone"})");
  CHECK(text(SubscriptionEnd::revoked) == R"(-32016{"reason":"revoked"})");
  CHECK(text(SubscriptionEnd::draining, 12'345) ==
        R"(-32012{"reason":"draining","pos":"abcdef0123456789-0000000000000009","retry_after_ms":2345})");
  CHECK(text(SubscriptionEnd::backend_down) == R"(-32013{"reason":"backend_down","retry_after_ms":1000})");
}

TEST_CASE("Ends of subscriptions: a slow one is over after the grace, and what waited is not sent") {
  EventSettings settings;
  settings.queue_events_max = 4;
  EventDaemon daemon(settings);
  EventClient client(daemon);
  const std::string id = client.subscribe(R"(["a"])");
  const std::string other = client.subscribe(R"(["b"])");
  for (int i = 0; i < 5; ++i) daemon.publish("a");
  CHECK(client.take(0).empty());
  CHECK(client.set().deadline() == daemon.now + 5s);
  daemon.pass(5s);
  const auto messages = client.take();
  REQUIRE(messages.size() == 1);
  CHECK(client.texts[0] ==
        R"({"jsonrpc":"2.0","method":"rpc.subscription","params":{"subscription":")" + id +
            R"(","error":{"code":-32000,"message":"Subscription ended","data":{"reason":"slow"}}}})");
  daemon.publish("a");
  daemon.publish("b");
  CHECK(client.take().at(0).at("params").at("subscription") == other);
  CHECK(client.set().size() == 1);
  CHECK(daemon.fanout.counts().dropped(kOtherTopics, EventDrop::slow) == 5);
  CHECK(daemon.fanout.counts().ended(SubscriptionEnd::slow) == 1);
  CHECK_FALSE(client.set().unsubscribe(id));
}

TEST_CASE("Ends of subscriptions: beyond four times the bounds it is over at once, and holds no memory") {
  EventSettings settings;
  settings.queue_events_max = 4;
  EventDaemon daemon(settings);
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  for (int i = 0; i < 30; ++i) daemon.publish("a");
  daemon.run();
  CHECK(client.set().queue_bytes() == 0);
  CHECK(daemon.hub.publish("a", "1", daemon.now).value().subscribers == 0);
  const auto messages = client.take();
  REQUIRE(messages.size() == 1);
  CHECK(error_of(messages[0]).at("data").at("reason") == "slow");
  CHECK(daemon.fanout.counts().dropped(kOtherTopics, EventDrop::slow) == 17);
}

TEST_CASE("Ends of subscriptions: a server that shuts down sends what waits, and where to resume") {
  EventDaemon daemon(with_history("*", 100));
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  for (const char* topic : {"a", "b", "a"}) daemon.publish(topic);
  daemon.run();
  daemon.publish("b");
  client.notified = 0;
  client.set().end_all(SubscriptionEnd::draining);
  const EventPosition later = daemon.publish("a");
  const auto messages = client.take();
  REQUIRE(messages.size() == 3);
  const json data = error_of(messages[2]).at("data");
  CHECK(data.at("reason") == "draining");
  CHECK(data.at("retry_after_ms") < 5000);
  CHECK(EventPosition::parse(data.at("pos").get<std::string>()).value().sequence == later.sequence - 1);
  CHECK(client.set().size() == 0);
}

TEST_CASE("Ends of subscriptions: the position to resume from is before events that were not matched yet") {
  EventDaemon daemon(with_history("*", 100));
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  daemon.publish("a", "1");
  daemon.run();
  daemon.publish("a", "2");
  client.set().end_all(SubscriptionEnd::draining);
  const auto messages = client.take();
  REQUIRE(messages.size() == 2);
  CHECK(error_of(messages[1]).at("data").at("pos") == "abcdef0123456789-0000000000000001");
}

TEST_CASE("Ends of subscriptions: the connection is notified of an end without an event") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  client.notified = 0;
  daemon.waker.wakes = 0;
  client.set().end_all(SubscriptionEnd::gap);
  CHECK(daemon.waker.wakes == 1);
  daemon.run();
  CHECK(client.notified == 1);
}

TEST_CASE("Ends of subscriptions: one that is no longer allowed gets no later event") {
  EventDaemon daemon;
  EventClient client(daemon);
  const std::string lost = client.subscribe(R"({"topic":["a","b"]})");
  client.subscribe(R"(["a"])");
  client.set().revoke(TopicRights({TopicPattern::parse("a").value()}));
  daemon.publish("a");
  const auto messages = client.take();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].at("params").at("subscription") == lost);
  CHECK(error_of(messages[0]).at("code") == -32016);
  CHECK(error_of(messages[0]).at("data").at("reason") == "revoked");
  CHECK(messages[1].at("params").at("n") == 1);
}

TEST_CASE("Ends of subscriptions: a reload that takes a history away ends those that match its topics") {
  EventDaemon daemon(with_history("a.*", 10));
  EventClient client(daemon);
  const std::string lost = client.subscribe(R"({"topic":["a.x","b"]})");
  const std::string wide = client.subscribe(R"(["*"])");
  client.subscribe(R"(["b"])");
  daemon.publish("a.x");
  daemon.hub.apply(EventSettings(), daemon.now);
  daemon.publish("b");
  std::vector<std::string> ended;
  std::size_t events = 0;
  for (const json& message : client.take()) {
    if (!message.at("params").contains("error")) {
      ++events;
      continue;
    }
    CHECK(error_of(message).at("data").at("reason") == "topic_gone");
    ended.push_back(message.at("params").at("subscription"));
  }
  std::ranges::sort(ended);
  CHECK(ended == std::vector<std::string>{lost, wide});
  CHECK(events >= 3);
  CHECK(client.set().size() == 1);
  CHECK(daemon.hub.counts().subscriptions == 1);
}

TEST_CASE("Ends of subscriptions: an end waits for the reply, too") {
  EventDaemon daemon;
  EventClient client(daemon);
  REQUIRE(client.try_subscribe(R"(["a"])"));
  client.set().end_all(SubscriptionEnd::gap);
  CHECK(client.take().empty());
  client.set().replied(client.last_exchange(), daemon.now);
  daemon.pass(20ms);
  CHECK(client.take().size() == 1);
}

}  // namespace
}  // namespace sluice::core::testing
