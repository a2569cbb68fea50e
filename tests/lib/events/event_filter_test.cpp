#include "lib/events/event_filter.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sluice::core::testing {
namespace {

bool matches(std::string_view filter, std::string_view data) {
  const auto parsed = EventFilter::parse(filter, "/filter");
  REQUIRE(parsed);
  return parsed.value().matches(data);
}

std::string invalid_path(std::string_view filter) {
  const auto parsed = EventFilter::parse(filter, "/filter");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == -32602);
  return nlohmann::json::parse(parsed.error().data).at("path");
}

TEST_CASE("EventFilter: all conditions must hold") {
  CHECK(matches("{}", "1"));
  CHECK(matches(R"({"/status":"paid"})", R"({"status":"paid","n":1})"));
  CHECK_FALSE(matches(R"({"/status":"paid"})", R"({"status":"open"})"));
  CHECK(matches(R"({"/status":"paid","/n":1})", R"({ "n" : 1 , "status" : "paid" })"));
  CHECK_FALSE(matches(R"({"/status":"paid","/n":2})", R"({"status":"paid","n":1})"));
}

TEST_CASE("EventFilter: numbers are compared by value, however large") {
  CHECK(matches(R"({"/n":1})", R"({"n":1.0})"));
  CHECK(matches(R"({"/n":1})", R"({"n":10e-1})"));
  CHECK(matches(R"({"/n":1.50e3})", R"({"n":1500})"));
  CHECK(matches(R"({"/n":0})", R"({"n":-0.00e7})"));
  CHECK(matches(R"({"/n":9007199254740993})", R"({"n":9007199254740993.0})"));
  CHECK_FALSE(matches(R"({"/n":9007199254740993})", R"({"n":9007199254740992})"));
  CHECK_FALSE(matches(R"({"/n":123456789012345678901234567890})", R"({"n":123456789012345678901234567891})"));
  CHECK_FALSE(matches(R"({"/n":1e400})", R"({"n":1e401})"));
  CHECK_FALSE(matches(R"({"/n":1})", R"({"n":-1})"));
  CHECK_FALSE(matches(R"({"/n":1})", R"({"n":"1"})"));
}

TEST_CASE("EventFilter: strings are compared by code points") {
  CHECK(matches(R"({"/s":"é"})", R"({"s":"\u00e9"})"));
  CHECK(matches(R"({"/s":"\u0061"})", R"({"s":"a"})"));
  CHECK(matches(R"({"/s":"\ud83d\ude00"})", R"({"s":"😀"})"));
  CHECK_FALSE(matches(R"({"/s":"e\u0301"})", R"({"s":"é"})"));
  CHECK_FALSE(matches(R"({"/s":"true"})", R"({"s":true})"));
}

TEST_CASE("EventFilter: a missing value meets no condition, and null only null") {
  CHECK_FALSE(matches(R"({"/a":null})", "{}"));
  CHECK(matches(R"({"/a":null})", R"({"a":null})"));
  CHECK_FALSE(matches(R"({"/a":null})", R"({"a":false})"));
  CHECK_FALSE(matches(R"({"/a":1})", R"({"a":{"a":1}})"));
  CHECK_FALSE(matches(R"({"/a/b":1})", R"({"a":1})"));
  CHECK_FALSE(matches(R"({"/a":1})", "1"));
}

TEST_CASE("EventFilter: pointers reach into objects and arrays") {
  CHECK(matches(R"({"":7})", " 7 "));
  CHECK(matches(R"({"/a/1/b":true})", R"({"a":[0,{"b":true}]})"));
  CHECK_FALSE(matches(R"({"/a/01":1})", R"({"a":[0,1]})"));
  CHECK_FALSE(matches(R"({"/a/-":1})", R"({"a":[0,1]})"));
  CHECK_FALSE(matches(R"({"/a/2":1})", R"({"a":[0,1]})"));
  CHECK(matches(R"({"/a~1b/~0":1})", R"({"a/b":{"~":1}})"));
  CHECK(matches(R"({"/":1})", R"({"":1})"));
  CHECK(matches(R"({"/a":2})", R"({"a":1,"a":2})"));
}

TEST_CASE("EventFilter: invalid ones are refused with the path of what is invalid") {
  CHECK(invalid_path("[]") == "/filter");
  CHECK(invalid_path("1") == "/filter");
  CHECK(invalid_path(R"({"status":1})") == "/filter/status");
  CHECK(invalid_path(R"({"/a~2":1})") == "/filter/~1a~02");
  CHECK(invalid_path(R"({"/a~":1})") == "/filter/~1a~0");
  CHECK(invalid_path(R"({"/a":{}})") == "/filter/~1a");
  CHECK(invalid_path(R"({"/a":[1]})") == "/filter/~1a");
  CHECK(invalid_path(R"({"/1":1,"/2":1,"/3":1,"/4":1,"/5":1,"/6":1,"/7":1,"/8":1,"/9":1})") == "/filter");
  CHECK(invalid_path(R"({"/a":")" + std::string(kFilterScalarBytesMax, 'x') + R"("})") == "/filter/~1a");
  CHECK(invalid_path(R"({"/)" + std::string(kFilterPointerBytesMax, 'x') + R"(":1})") == "/filter");
}

TEST_CASE("EventFilter: eight conditions are allowed") {
  CHECK(matches(R"({"/1":1,"/2":1,"/3":1,"/4":1,"/5":1,"/6":1,"/7":1,"/8":1})",
                R"({"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1})"));
}

}  // namespace
}  // namespace sluice::core::testing
