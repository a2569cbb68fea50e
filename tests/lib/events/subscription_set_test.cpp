#include "lib/events/subscription_set.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

TEST_CASE("SubscriptionSet: events come as notifications, with the data byte for byte") {
  EventDaemon daemon;
  EventClient client(daemon);
  const std::string id = client.subscribe(R"({"topic":"orders.*"})");
  CHECK(id == "0x00000000000000010000000000000002");
  daemon.publish("orders.eu", R"({"a" : 1.0})");
  daemon.publish("other");
  daemon.publish("orders.us", "[]");
  client.take();
  CHECK(
      client.texts ==
      std::vector<std::string>{
          R"({"jsonrpc":"2.0","method":"rpc.subscription","params":{"subscription":")" + id +
              R"(","n":1,"topic":"orders.eu","pos":"abcdef0123456789-0000000000000001","result":{"a" : 1.0}}})",
          R"({"jsonrpc":"2.0","method":"rpc.subscription","params":{"subscription":")" + id +
              R"(","n":2,"topic":"orders.us","pos":"abcdef0123456789-0000000000000003","result":[]}})"});
  CHECK(client.positions ==
        std::vector<std::string>{"abcdef0123456789-0000000000000001", "abcdef0123456789-0000000000000003"});
}

TEST_CASE("SubscriptionSet: clients that subscribe by the other name get notifications of the other name") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"(["a"])", MethodStyle::underscore);
  daemon.publish("a");
  CHECK(client.take().at(0).at("method") == "rpc_subscription");
}

TEST_CASE("SubscriptionSet: nothing comes before the reply, and a delay after it") {
  EventDaemon daemon;
  EventClient client(daemon);
  REQUIRE(client.try_subscribe(R"(["a"])"));
  daemon.publish("a", "1");
  daemon.pass(1h);
  CHECK(client.take().empty());
  client.set().replied(client.last_exchange(), daemon.now);
  daemon.publish("a", "2");
  CHECK(client.set().deadline() == daemon.now + 20ms);
  daemon.pass(19ms);
  CHECK(client.take().empty());
  daemon.pass(1ms);
  CHECK(client.results() == numbers(1, 2));
}

TEST_CASE("SubscriptionSet: a reply makes only the subscriptions of its exchange ready") {
  EventDaemon daemon;
  EventClient client(daemon);
  REQUIRE(client.try_subscribe(R"(["a"])"));
  client.subscribe(R"(["b"])");
  daemon.publish("a", "1");
  daemon.publish("b", "2");
  CHECK(client.results() == numbers(2, 2));
}

TEST_CASE("SubscriptionSet: patterns of one subscription that overlap deliver an event once") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"({"topic":["a.b","a.*","c"]})");
  daemon.publish("a.b", "1");
  daemon.publish("c", "2");
  CHECK(client.results() == numbers(1, 2));
}

TEST_CASE(
    "SubscriptionSet: events that are published before are not delivered, even if they are on their way") {
  EventDaemon daemon;
  EventClient early(daemon);
  EventClient late(daemon);
  early.subscribe(R"(["a"])");
  daemon.publish("a", "1");
  REQUIRE(late.try_subscribe(R"(["a"])"));
  late.set().replied(late.last_exchange(), daemon.now);
  daemon.publish("a", "2");
  daemon.pass(20ms);
  CHECK(late.results() == numbers(2, 2));
  CHECK(early.results() == numbers(1, 2));
}

TEST_CASE("SubscriptionSet: a filter decides which events come, also of a replay, and n counts these") {
  EventDaemon daemon(with_history("a", 10));
  EventClient client(daemon);
  for (const char* data : {R"({"x":1})", R"({"x":2})"}) daemon.publish("a", data);
  client.subscribe(R"({"topic":"a","filter":{"/x":2},"from":"abcdef0123456789-0000000000000000"})");
  for (const char* data : {R"({"x":1})", R"({"x":2.0})"}) daemon.publish("a", data);
  const auto messages = client.take();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].at("params").at("n") == 1);
  CHECK(messages[1].at("params").at("n") == 2);
  CHECK(messages[1].at("params").at("result") == json{{"x", 2.0}});
}

TEST_CASE("SubscriptionSet: a subscription may begin with the last event of each topic") {
  EventDaemon daemon(with_history("a.*", 10));
  EventClient client(daemon);
  daemon.publish("a.x", "1");
  daemon.publish("a.y", "2");
  daemon.publish("a.x", "3");
  client.subscribe(R"({"topic":"a.*","from":"last"})");
  daemon.publish("a.x", "4");
  CHECK(client.results() == numbers(2, 4));
}

TEST_CASE("SubscriptionSet: after unsubscribing nothing comes") {
  EventDaemon daemon;
  EventClient client(daemon);
  EventClient other(daemon);
  const std::string id = client.subscribe(R"(["a"])");
  daemon.publish("a");
  daemon.run();
  CHECK_FALSE(other.set().unsubscribe(id));
  CHECK(client.set().unsubscribe(id));
  CHECK_FALSE(client.set().unsubscribe(id));
  CHECK_FALSE(client.set().unsubscribe("0x"));
  CHECK(client.take().empty());
  CHECK(daemon.hub.publish("a", "1", daemon.now).value().subscribers == 0);
  CHECK(daemon.fanout.counts().subscriptions.get() == 0);
  CHECK(daemon.fanout.counts().queue_bytes.get() == 0);
  CHECK(daemon.fanout.counts().ended(SubscriptionEnd::unsubscribed) == 1);
}

TEST_CASE("SubscriptionSet: a connection that ends takes its subscriptions along") {
  EventDaemon daemon;
  EventClient client(daemon);
  for (int i = 0; i < 100; ++i) client.subscribe(R"({"topic":["a","b.*"]})");
  daemon.publish("a");
  daemon.run();
  daemon.publish("b.c");
  client.disconnect();
  daemon.run();
  CHECK(daemon.hub.counts().subscriptions == 0);
  CHECK(daemon.fanout.counts().subscriptions.get() == 0);
  CHECK(daemon.fanout.counts().queue_bytes.get() == 0);
  CHECK(daemon.fanout.counts().ended(SubscriptionEnd::disconnected) == 100);
}

TEST_CASE("SubscriptionSet: subscriptions of a connection are bounded") {
  EventSettings settings;
  settings.connection_subscriptions_max = 2;
  EventDaemon daemon(settings);
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  const std::string id = client.subscribe(R"(["a"])");
  const auto refused = client.try_subscribe(R"(["a"])");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == -32006);
  CHECK(json::parse(refused.error().data) == json{{"reason", "too_many_subscriptions"}, {"limit", 2}});
  CHECK(client.set().unsubscribe(id));
  CHECK(client.try_subscribe(R"(["a"])"));
}

TEST_CASE(
    "SubscriptionSet: whole notifications are written while there is room, of one subscription after the "
    "other") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe_many(2, R"(["a"])");
  for (int i = 1; i <= 3; ++i) daemon.publish("a", std::to_string(i));
  CHECK(client.take(0).empty());
  CHECK(client.set().waiting());
  const auto first = client.take(1);
  REQUIRE(first.size() == 1);
  const json one = first[0].at("params").at("subscription");
  const auto messages = client.take();
  REQUIRE(messages.size() == 5);
  for (std::size_t i = 0; i < messages.size(); ++i)
    CHECK((messages[i].at("params").at("subscription") == one) == (i % 2 == 1));
  CHECK_FALSE(client.set().waiting());
}

TEST_CASE("SubscriptionSet: its connection is notified once, until it takes what waits") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  client.subscribe(R"(["a"])");
  client.notified = 0;
  for (int i = 0; i < 5; ++i) daemon.publish("a");
  daemon.run();
  daemon.publish("a");
  daemon.run();
  CHECK(client.notified == 1);
  CHECK(client.take().size() == 12);
  daemon.publish("a");
  daemon.run();
  CHECK(client.notified == 2);
}

TEST_CASE("SubscriptionSet: heartbeats come after silence, and say up to where there was nothing") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"({"topic":"a","heartbeat_ms":1000})");
  daemon.publish("b");
  daemon.pass(999ms);
  CHECK(client.take().empty());
  daemon.pass(1ms);
  CHECK(client.set().deadline() <= daemon.now);
  const auto messages = client.take();
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].at("params").at("heartbeat") == true);
  CHECK(messages[0].at("params").at("pos") == "abcdef0123456789-0000000000000001");
  daemon.pass(600ms);
  daemon.publish("a");
  CHECK(client.take().size() == 1);
  daemon.pass(600ms);
  CHECK(client.take().empty());
  daemon.pass(400ms);
  CHECK(client.take().size() == 1);
}

TEST_CASE("SubscriptionSet: a subscriber may only choose to end earlier if it is slow") {
  EventSettings settings;
  settings.slow = SlowPolicy::drop_oldest;
  EventDaemon daemon(settings);
  EventClient client(daemon);
  CHECK(client.try_subscribe(R"({"topic":"a","slow":"close"})"));
  CHECK(client.try_subscribe(R"({"topic":"a","slow":"drop_oldest"})"));
  const auto refused = client.try_subscribe(R"(["a",{"slow":"conflate"}])");
  REQUIRE_FALSE(refused);
  CHECK(json::parse(refused.error().data).at("path") == "/1/slow");
  CHECK_FALSE(client.try_subscribe(R"({"topic":"a","queue":1025})"));
  CHECK(client.try_subscribe(R"({"topic":"a","queue":1024})"));
}

TEST_CASE("SubscriptionSet: under drop_oldest the next event says how many are missing, and n has no hole") {
  EventSettings settings;
  settings.slow = SlowPolicy::drop_oldest;
  EventDaemon daemon(settings);
  EventClient client(daemon);
  client.subscribe(R"({"topic":"a","queue":2})");
  for (int i = 1; i <= 5; ++i) daemon.publish("a", std::to_string(i));
  const auto messages = client.take();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].at("params").at("n") == 1);
  CHECK(messages[0].at("params").at("dropped") == 3);
  CHECK(messages[0].at("params").at("result") == 4);
  CHECK(messages[1].at("params").at("n") == 2);
  CHECK_FALSE(messages[1].at("params").contains("dropped"));
}

TEST_CASE("SubscriptionSet: the key of a topic says which events replace one another") {
  EventSettings settings;
  settings.topics["a"].slow = SlowPolicy::conflate;
  settings.topics["a"].key = "/id";
  EventDaemon daemon(settings);
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  for (const char* data :
       {R"({"id":1,"v":1})", R"({"id":"1","v":2})", R"({"id":1.0,"v":3})", R"({"v":4})", R"({"v":5})"})
    daemon.publish("a", data);
  std::vector<int> values;
  for (const json& result : client.results()) values.push_back(result.at("v"));
  CHECK(values == std::vector<int>{2, 3, 5});
}

TEST_CASE("SubscriptionSet: a burst to a client that reads loses nothing") {
  EventDaemon daemon;
  EventClient client(daemon);
  client.subscribe(R"(["a"])");
  const std::string data = "\"" + std::string(198, 'x') + "\"";
  for (int i = 0; i < 1000; ++i) daemon.publish("a", data);
  CHECK(client.take().size() == 1000);
}

}  // namespace
}  // namespace sluice::core::testing
