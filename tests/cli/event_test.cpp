#include "cli/event.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::client {

TEST_CASE("parse_event: members keep their text, and either method name will do") {
  for (const char* method : {"rpc.subscription", "rpc_subscription"}) {
    CAPTURE(method);
    const std::string text =
        std::string(R"({"jsonrpc":"2.0","method":")") + method +
        R"(","params":{"subscription":"0x1","n":7,"topic":"a.b","pos":"e:9","dropped":3,)" +
        R"("gap":true,"result":{"x": 1.0}}})";
    const auto event = parse_event(text);
    REQUIRE(event.has_value());
    CHECK(event->subscription == R"("0x1")");
    CHECK(event->topic == R"("a.b")");
    CHECK(event->pos == R"("e:9")");
    CHECK(event->result == R"({"x": 1.0})");
    CHECK(event->error.empty());
    CHECK(event->number == 7);
    CHECK(event->dropped == 3);
    CHECK(event->gap);
  }
}

TEST_CASE("parse_event: other messages than its notification are skipped") {
  for (const char* text : {R"({"jsonrpc":"2.0","id":1,"result":true})", R"({"method":"rpc.progress"})", "[]",
                           R"([{"method":"rpc.subscription"}])"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_event(text).has_value());
  }
  CHECK(parse_event(R"({"method":"rpc.subscription"})").value().subscription.empty());
  CHECK(parse_event(R"({"method":"rpc.subscription","params":[1]})").value().subscription.empty());
}

TEST_CASE("parse_count: only whole numbers without a sign count") {
  CHECK(parse_count("0") == 0);
  CHECK(parse_count("18446744073709551615") == 18446744073709551615U);
  for (const char* text : {"", "-1", "1.5", "1e3", "\"1\"", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_count(text).has_value());
  }
}

}  // namespace sluice::client
