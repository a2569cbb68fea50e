#include "proto/websocket_writer.hpp"

#include <doctest/doctest.h>

#include <new>
#include <string>
#include <string_view>

#include "tests/support/failing_allocator.hpp"

namespace sluice::proto {
namespace {

using namespace std::string_literals;

std::string text_frame(std::string_view text) {
  std::string out;
  append_text_frame(out, text);
  return out;
}

std::string close_frame(WebSocketClose code, std::string_view reason = {}) {
  std::string out;
  append_close(out, code, reason);
  return out;
}

TEST_CASE("websocket writer: a text frame has the shortest length that fits") {
  CHECK(text_frame("") == "\x81\x00"s);
  CHECK(text_frame("Hello") == "\x81\x05Hello"s);
  const std::string text(70'000, 'x');
  const auto head = [&](std::size_t size) {
    const std::string frame = text_frame(text.substr(0, size));
    CHECK(frame.substr(frame.size() - size) == text.substr(0, size));
    return frame.substr(0, frame.size() - size);
  };
  CHECK(head(125) == "\x81\x7D"s);
  CHECK(head(126) == "\x81\x7E\x00\x7E"s);
  CHECK(head(65'535) == "\x81\x7E\xFF\xFF"s);
  CHECK(head(65'536) == "\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

TEST_CASE("websocket writer: frames are appended") {
  std::string out = "before";
  append_ping(out, "p");
  append_pong(out, "");
  append_text_frame(out, "t");
  CHECK(out == "before\x89\x01p\x8A\x00\x81\x01t"s);
}

TEST_CASE("websocket writer: a control frame's payload is at most 125 bytes long") {
  std::string out;
  append_ping(out, std::string(125, 'p'));
  CHECK(out == "\x89\x7D" + std::string(125, 'p'));
  out.clear();
  append_pong(out, std::string(126, 'q'));
  CHECK(out == "\x8A\x7D" + std::string(125, 'q'));
}

TEST_CASE("websocket writer: a close frame has a code and a reason, or neither") {
  CHECK(close_frame(WebSocketClose::normal) == "\x88\x02\x03\xE8"s);
  CHECK(close_frame(WebSocketClose::going_away, "bye") ==
        "\x88\x05\x03\xE9"
        "bye"s);
  CHECK(close_frame(static_cast<WebSocketClose>(4999)) == "\x88\x02\x13\x87"s);
  CHECK(close_frame(WebSocketClose::none, "unsaid") == "\x88\x00"s);
}

TEST_CASE("websocket writer: a reason that is too long is cut between characters") {
  CHECK(close_frame(WebSocketClose::normal, std::string(200, 'r')) ==
        "\x88\x7D\x03\xE8" + std::string(123, 'r'));
  const std::string euros = std::string(121, 'r') + "\xE2\x82\xAC\xE2\x82\xAC";
  CHECK(close_frame(WebSocketClose::normal, euros) == "\x88\x7B\x03\xE8" + std::string(121, 'r'));
}

TEST_CASE("websocket writer: without memory for a whole frame nothing is appended") {
  std::string out = "before";
  const std::string text(1000, 'x');
  testing::fail_allocations(0);
  CHECK_THROWS_AS(append_text_frame(out, text), std::bad_alloc);
  CHECK(out == "before");
}

}  // namespace
}  // namespace sluice::proto
