#include "lib/events/subscribe_request.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

std::vector<std::string> patterns(std::string_view params) {
  std::vector<std::string> texts;
  for (const TopicPattern& pattern : request_of(params).patterns) texts.push_back(pattern.to_string());
  return texts;
}

std::string invalid_path(std::string_view params) {
  const auto request = SubscribeRequest::parse(params);
  CAPTURE(params);
  REQUIRE_FALSE(request);
  CHECK(request.error().code == -32602);
  return json::parse(request.error().data).at("path");
}

TEST_CASE("SubscribeRequest: a topic, a prefix or several of them, in each form of params") {
  using Texts = std::vector<std::string>;
  CHECK(patterns(R"({"topic":"orders.eu"})") == Texts{"orders.eu"});
  CHECK(patterns(R"(["orders.*"])") == Texts{"orders.*"});
  CHECK(patterns(R"(["*", {}])") == Texts{"*"});
  CHECK(patterns(R"({"topic":["a","b.*","b.c"]})") == Texts{"a", "b.*"});
  CHECK(patterns(R"([["a","b"],{"slow":"close"}])") == Texts{"a", "b"});
  CHECK(patterns(R"({"topic":"\u0061"})") == Texts{"a"});
}

TEST_CASE("SubscribeRequest: options are read from both forms of params") {
  for (const char* params :
       {R"({"topic":"a","filter":{"/x":1},"from":"last","heartbeat_ms":1000,"slow":"conflate",)"
        R"("queue":7})",
        R"(["a",{"filter":{"/x":1},"from":"last","heartbeat_ms":1000,"slow":"conflate","queue":7}])"}) {
    const SubscribeRequest request = request_of(params);
    CHECK(request.filter.matches(R"({"x":1})"));
    CHECK_FALSE(request.filter.matches("{}"));
    CHECK(std::holds_alternative<FromLast>(request.from));
    CHECK(request.heartbeat == 1000ms);
    CHECK(request.slow == SlowPolicy::conflate);
    CHECK(request.queue_events_max == 7U);
  }
}

TEST_CASE("SubscribeRequest: without options it begins now") {
  const SubscribeRequest request = request_of(R"(["a"])");
  CHECK(std::holds_alternative<FromNow>(request.from));
  CHECK(request.filter.empty());
  CHECK_FALSE(request.heartbeat);
  CHECK_FALSE(request.slow);
  CHECK_FALSE(request.queue_events_max);
}

TEST_CASE("SubscribeRequest: it begins after a position") {
  const SubscribeRequest request = request_of(R"({"topic":"a","from":"abcdef0123456789-000000000000001f"})");
  CHECK(std::get<EventPosition>(request.from) == EventPosition{kEpoch, 31});
}

TEST_CASE("SubscribeRequest: what is invalid is named by its path") {
  CHECK(invalid_path("") == "/topic");
  CHECK(invalid_path("{}") == "/topic");
  CHECK(invalid_path("[]") == "/0");
  CHECK(invalid_path(R"({"topic":1})") == "/topic");
  CHECK(invalid_path(R"({"topic":"a..b"})") == "/topic");
  CHECK(invalid_path(R"({"topic":[]})") == "/topic");
  CHECK(invalid_path(R"({"topic":["a","b*"]})") == "/topic/1");
  CHECK(invalid_path(R"(["a b"])") == "/0");
  CHECK(invalid_path(R"([["a",2]])") == "/0/1");
  CHECK(invalid_path(R"(["a",1])") == "/1");
  CHECK(invalid_path(R"(["a",{},1])") == "/2");
  CHECK(invalid_path(R"({"topic":"a","colour":1})") == "/colour");
  CHECK(invalid_path(R"(["a",{"topic":"a"}])") == "/1/topic");
  CHECK(invalid_path(R"({"topic":"a","x/y~":1})") == "/x~1y~0");
  CHECK(invalid_path(R"(["a",{"filter":{"b":1}}])") == "/1/filter/b");
}

TEST_CASE("SubscribeRequest: options out of range are refused") {
  for (const char* option :
       {R"("from":"then")", R"("from":1)", R"("from":"abcdef0123456789-1")", R"("from":null)"})
    CHECK(invalid_path(std::string(R"({"topic":"a",)") + option + "}") == "/from");
  for (const char* option : {"999", "600001", "1000.5", "1e3", "\"1000\"", "-1000", "99999999999999999999"})
    CHECK(invalid_path(std::string(R"({"topic":"a","heartbeat_ms":)") + option + "}") == "/heartbeat_ms");
  for (const char* option : {"\"never\"", "1", "null"})
    CHECK(invalid_path(std::string(R"({"topic":"a","slow":)") + option + "}") == "/slow");
  for (const char* option : {"0", "-1", "1.5", "\"1\""})
    CHECK(invalid_path(std::string(R"({"topic":"a","queue":)") + option + "}") == "/queue");
}

TEST_CASE("SubscribeRequest: at most sixteen topics") {
  json topics = json::array();
  for (std::size_t i = 0; i < kSubscribedPatternsMax; ++i) topics.push_back("t" + std::to_string(i));
  CHECK(patterns(json{{"topic", topics}}.dump()).size() == kSubscribedPatternsMax);
  topics.push_back("more");
  CHECK(invalid_path(json{{"topic", topics}}.dump()) == "/topic");
}

}  // namespace
}  // namespace sluice::core::testing
