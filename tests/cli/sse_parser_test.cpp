#include "cli/sse_parser.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::client {
namespace {

using Texts = std::vector<std::string>;

// The data of all events of `stream` when it comes in pieces of `size` bytes.
Texts events_of(std::string_view stream, std::size_t size) {
  SseParser parser;
  Texts events;
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) {
    parser.append(stream.substr(0, size));
    while (auto event = parser.next()) events.push_back(*event);
  }
  return events;
}

}  // namespace

TEST_CASE("SseParser: events are the same at every fragment size and line end") {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    CAPTURE(end);
    const std::string stream = ": a comment" + end + end + "id: 7" + end + "data: {\"a\":1}" + end + end +
                               "event: x" + end + "data:one" + end + "data: two" + end + end + "data" + end +
                               end;
    for (std::size_t size = 1; size <= stream.size(); ++size) {
      CAPTURE(size);
      CHECK(events_of(stream, size) == Texts{"{\"a\":1}", "one\ntwo", ""});
    }
  }
}

TEST_CASE("SseParser: an event that the end cuts off is dropped") {
  CHECK(events_of("data: 1\n\ndata: 2\n", 100) == Texts{"1"});
  CHECK(events_of("data: 1", 100).empty());
}

TEST_CASE("SseParser: a byte order mark is skipped, and only at the start") {
  CHECK(events_of("\xEF\xBB\xBF"
                  "data: 1\n\n\xEF\xBB\xBF"
                  "data: 2\n\n",
                  1) == Texts{"1"});
}

TEST_CASE("SseParser: only one space behind the colon is dropped, and other fields are skipped") {
  CHECK(events_of("data:  x \nretry: 5\ndatax: y\nid\n\n", 100) == Texts{" x "});
}

TEST_CASE("SseParser: it holds an unfinished event, and nothing of those that are out") {
  SseParser parser;
  parser.append("data: 123\n\n");
  CHECK(parser.next().has_value());
  CHECK_FALSE(parser.next().has_value());
  CHECK(parser.held_bytes() == 0);
  parser.append("data: 123");
  CHECK_FALSE(parser.next().has_value());
  CHECK(parser.held_bytes() == 9);
}

}  // namespace sluice::client
