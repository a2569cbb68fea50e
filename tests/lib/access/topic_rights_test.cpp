// Rights to topics: what a caller may subscribe to and publish on.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "lib/access/caller.hpp"

namespace sluice::core {
namespace {

constexpr TimePoint kNow = TimePoint(std::chrono::hours(1));

TopicPattern pattern(const char* text) {
  const auto parsed = TopicPattern::parse(text);
  REQUIRE(parsed);
  return parsed.value();
}

ClientSettings anonymous(std::vector<std::string> subscribe, std::vector<std::string> publish = {}) {
  ClientSettings client;
  client.name = "anonymous";
  client.subscribe = std::move(subscribe);
  client.publish = std::move(publish);
  return client;
}

std::shared_ptr<const Grant> grant_of(Caller& caller) {
  if (!caller.current()) caller.resolve(kNow);
  return caller.grant();
}

TEST_CASE("TopicRights: allow nothing without patterns") {
  const TopicRights rights;
  CHECK_FALSE(rights.allow("orders"));
  CHECK_FALSE(rights.allow(pattern("orders")));
  CHECK_FALSE(rights.allow(pattern("*")));
}

TEST_CASE("TopicRights: a prefix ends at a dot and is not its own name") {
  const TopicRights rights({pattern("orders.*"), pattern("jobs")});
  for (const char* topic : {"orders.eu", "orders.eu.new", "jobs"}) CHECK(rights.allow(topic));
  for (const char* topic : {"orders", "ordersx", "orders2.eu", "jobs.a", "job"})
    CHECK_FALSE(rights.allow(topic));
}

TEST_CASE("TopicRights: a pattern that is wider than the right is not allowed") {
  const TopicRights rights({pattern("orders.eu.*"), pattern("orders.us.*"), pattern("jobs")});
  for (const char* text : {"orders.eu.*", "orders.eu.new.*", "orders.us.new", "jobs"}) {
    CAPTURE(text);
    CHECK(rights.allow(pattern(text)));
  }
  for (const char* text : {"orders.*", "*", "jobs.*", "orders.eu", "orders.e.*"}) {
    CAPTURE(text);
    CHECK_FALSE(rights.allow(pattern(text)));
  }
}

TEST_CASE("Grant: clients may subscribe and publish only as their patterns say") {
  Access access({anonymous({"orders.*"}, {"jobs"})});
  Caller caller(access);
  const auto grant = grant_of(caller);
  REQUIRE(grant);
  CHECK(grant->may_subscribe(pattern("orders.eu.*")));
  CHECK(grant->may_subscribe("orders.eu"));
  CHECK_FALSE(grant->may_subscribe(pattern("*")));
  CHECK_FALSE(grant->may_subscribe("jobs"));
  CHECK(grant->may_publish("jobs"));
  CHECK_FALSE(grant->may_publish("orders.eu"));
}

TEST_CASE("Grant: a client without rights to topics, and an unknown caller, have none") {
  ClientSettings known = anonymous({}, {});
  Access access({known});
  Caller caller(access);
  CHECK(grant_of(caller)->allows("calc.add"));
  CHECK_FALSE(grant_of(caller)->may_subscribe(pattern("orders")));
  CHECK_FALSE(grant_of(caller)->may_publish("orders"));
  const Grant nothing;
  CHECK_FALSE(nothing.may_subscribe(pattern("orders")));
  CHECK_FALSE(nothing.may_subscribe("orders"));
  CHECK_FALSE(nothing.may_publish("orders"));
}

TEST_CASE("Grant: new rights to topics count at once after a change of the configuration") {
  Access access({anonymous({"orders.*"})});
  Caller caller(access);
  CHECK(grant_of(caller)->may_subscribe("orders.eu"));
  access.apply(access.prepare({anonymous({"jobs"}, {"jobs"})}));
  CHECK_FALSE(caller.current());
  CHECK_FALSE(grant_of(caller)->may_subscribe("orders.eu"));
  CHECK(grant_of(caller)->may_publish("jobs"));
  access.apply(access.prepare({}));
  CHECK_FALSE(grant_of(caller));  // may do everything
}

TEST_CASE("ClientList: a text that is not a pattern of topics is refused") {
  for (const char* text : {"", ".", "a.", "a*", "a.*.b", "a b", "!a"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Access({anonymous({text})}), std::invalid_argument);
    CHECK_THROWS_AS(Access({anonymous({}, {text})}), std::invalid_argument);
  }
}

}  // namespace
}  // namespace sluice::core
