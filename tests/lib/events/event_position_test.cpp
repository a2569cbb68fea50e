#include "lib/events/event_position.hpp"

#include <doctest/doctest.h>

#include <string>

#include "lib/events/event.hpp"
#include "tests/lib/events/event_parts.hpp"

namespace sluice::core::testing {
namespace {

TEST_CASE("EventPosition: its text is both numbers in hexadecimal digits, and is read back") {
  const EventPosition position{kEpoch, 0x1F};
  CHECK(position.to_string() == "abcdef0123456789-000000000000001f");
  CHECK(EventPosition::parse(position.to_string()).value() == position);
  CHECK(EventPosition::parse("ABCDEF0123456789-000000000000001F").value() == position);
}

TEST_CASE("EventPosition: other texts are invalid") {
  for (const char* text :
       {"", "-", "abcdef0123456789", "abcdef0123456789-", "abcdef0123456789-00000000000001f",
        "abcdef0123456789-0000000000000001f", "abcdef0123456789+000000000000001f",
        "gbcdef0123456789-000000000000001f", "abcdef0123456789-00000000000000-1"})
    CHECK_MESSAGE(!EventPosition::parse(text), text);
}

TEST_CASE("Event: the end of its notifications has topic, position and the data byte for byte") {
  Event event("orders.eu", R"({"a" : 1.0, "b":"\u00e9"})", kEpoch, TimePoint{});
  event.set_sequence(18);
  CHECK(
      event.tail() ==
      R"(,"topic":"orders.eu","pos":"abcdef0123456789-0000000000000012","result":{"a" : 1.0, "b":"\u00e9"}}})");
  CHECK(event.topic() == "orders.eu");
  CHECK(event.data() == R"({"a" : 1.0, "b":"\u00e9"})");
  CHECK(event.position() == "abcdef0123456789-0000000000000012");
}

TEST_CASE("Event: a notification is one line, since line breaks stand between tokens only") {
  const Event event("a", "{\r\n\"a\": 1\n}", kEpoch, TimePoint{});
  CHECK(event.data() == "{  \"a\": 1 }");
}

TEST_CASE("Event: without a key only the newest of a topic waits under conflation") {
  Event event("a", "1", kEpoch, TimePoint{});
  CHECK(event.conflation_key() == "a");
  event.set_key("x");
  CHECK(event.conflation_key() == "a\nx");
}

}  // namespace
}  // namespace sluice::core::testing
