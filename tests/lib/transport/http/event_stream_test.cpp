#include "lib/transport/http/event_stream.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::core {
namespace {

TEST_CASE("EventStream: an event has its position, and its whole notification on one line") {
  std::string out;
  EventStream(false).append_event(out, {"{\"a\":", "1}", "0-1"});
  EventStream(false).append_event(out, {"{}", {}, {}});
  CHECK(out == "id: 0-1\ndata: {\"a\":1}\n\ndata: {}\n\n");
}

TEST_CASE("EventStream: each event is a chunk, and the last chunk is empty") {
  const EventStream stream(true);
  std::string out;
  stream.append_data(out, "0123456789");
  stream.append_heartbeat(out);
  stream.append_end(out);
  CHECK(out == "12\r\ndata: 0123456789\n\n\r\nd\r\n: heartbeat\n\n\r\n0\r\n\r\n");
}

TEST_CASE("EventStream: a refusal takes the client's position from it") {
  std::string out;
  EventStream(false).append_retry(out);
  EventStream(false).append_refusal(out, "{}");
  EventStream(false).append_end(out);
  CHECK(out == "retry: 1000\n\nid\ndata: {}\n\n");
}

}  // namespace
}  // namespace sluice::core
