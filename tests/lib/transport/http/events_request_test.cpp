// What asks for events by HTTP.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "lib/transport/http/events_query.hpp"
#include "lib/transport/http/request_parser.hpp"
#include "lib/transport/http/rules.hpp"

namespace sluice::core {
namespace {

ListenerPolicy with_events() {
  ListenerPolicy policy;
  policy.events_path = "/events";
  return policy;
}

TEST_CASE("HTTP rules: events are got at their path only, by GET") {
  HttpRequestHead head;
  head.method = "POST";
  head.target = "/events?topic=a";
  CHECK(check_request(head, with_events()).error().status == 405);
  head.method = "GET";
  CHECK(check_request(head, with_events()));
  CHECK(purpose_of(head, with_events()) == HttpPurpose::events);
  CHECK(check_request(head, ListenerPolicy()).error().status == 404);
  head.target = "/event";
  CHECK(check_request(head, with_events()).error().status == 404);
}

TEST_CASE("HttpRequestParser: the type of events is found among the accepted ones") {
  const auto accepts = [](const std::string& fields) {
    HttpRequestParser parser(64, {});
    CHECK(parser.parse("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n").status ==
          HttpRequestParser::Status::complete);
    return parser.head().accepts_events;
  };
  CHECK(accepts("Accept: text/event-stream\r\n"));
  CHECK(accepts("Accept: application/json , Text/Event-Stream ; q=0.5\r\n"));
  CHECK(accepts("Accept: application/json\r\nAccept: text/event-stream\r\n"));
  CHECK_FALSE(accepts(""));
  CHECK_FALSE(accepts("Accept: */*\r\n"));
  CHECK_FALSE(accepts("Accept: text/event-streams, text/event-stream2\r\n"));
  CHECK_FALSE(accepts("Accept: a;b=text/event-stream, ,,,,,,,,,,,,,,,,,,\r\n"));
}

std::string call_of(std::string_view target, std::string_view last_event_id = {}) {
  const auto call = subscribe_call(target, last_event_id);
  return call ? call.value() : call.error().message;
}

constexpr std::string_view kBegin =
    R"({"jsonrpc":"2.0","id":null,"method":"rpc.subscribe","params":{"topic":[)";

TEST_CASE("subscribe_call: topics and the position become params") {
  CHECK(call_of("/events?topic=a.%2A&topic=b") == std::string(kBegin) + R"("a.*","b"]}})");
  CHECK(call_of("http://h/events?&topic=a&") == std::string(kBegin) + R"("a"]}})");
  CHECK(call_of("/events?topic=a&last_event_id=1-2") == std::string(kBegin) + R"("a"],"from":"1-2"}})");
  CHECK(call_of("/events") == std::string(kBegin) + "]}}");
}

TEST_CASE("subscribe_call: a header's position counts more than a parameter's") {
  CHECK(call_of("/events?topic=a&last_event_id=1", "2") == std::string(kBegin) + R"("a"],"from":"2"}})");
}

TEST_CASE("subscribe_call: texts can't leave their string") {
  CHECK(call_of("/events?topic=%22%5C%7B") == std::string(kBegin) + R"("\"\\{"]}})");
  CHECK(call_of("/events?topic=a", "\"") == std::string(kBegin) + R"("a"],"from":"\""}})");
}

TEST_CASE("subscribe_call: what is unknown or can't be decoded is refused") {
  for (const std::string_view target :
       {"/events?x=1", "/events?topic=%", "/events?topic=%4", "/events?topic=%zz", "/events?topic=%00",
        "/events?topic=%80", "/events?topic=a\x80"}) {
    CAPTURE(target);
    CHECK_FALSE(subscribe_call(target, {}));
  }
  CHECK_FALSE(subscribe_call("/events?topic=a", "\t"));
}

}  // namespace
}  // namespace sluice::core
