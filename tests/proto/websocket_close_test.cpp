// Close frames of clients, by the cases of the Autobahn test suite: 7.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "proto/websocket_decoder.hpp"
#include "tests/proto/websocket_transcripts.hpp"

namespace sluice::proto::testing {
namespace {

std::string close_frame(unsigned code, std::string_view reason = {}) {
  return frame(kFinal | kClose, big_endian(code, 2) + std::string(reason));
}

TEST_CASE("websocket: a close frame may have a code and a reason, or neither") {
  CHECK(websocket_events(frame(kFinal | kClose, "")) == Lines{"close 1005"});
  CHECK(websocket_events(close_frame(1000)) == Lines{"close 1000"});
  CHECK(websocket_events(close_frame(1000, "Hello World!")) == Lines{"close 1000 Hello World!"});
  CHECK(websocket_events(close_frame(1001, std::string(123, '*'))) ==
        Lines{"close 1001 " + std::string(123, '*')});
  CHECK(websocket_events(text_frame("hello") + close_frame(1000)) == Lines{"text hello", "close 1000"});
}

TEST_CASE("websocket: half a code is a protocol error") {
  CHECK(websocket_events(frame(kFinal | kClose, "\x03")) == Lines{"failed 1002"});
}

TEST_CASE("websocket: a reason is UTF-8") {
  CHECK(websocket_events(close_frame(1000, "\xE2\x82\xAC")) == Lines{"close 1000 \xE2\x82\xAC"});
  for (const auto reason : {"\xE2\x82", "\xED\xA0\x80", "\xFF", "ok\xC0\xAF"}) {
    CAPTURE(reason);
    CHECK(websocket_events(close_frame(1000, reason)) == Lines{"failed 1007"});
  }
}

TEST_CASE("websocket: only codes that may be sent are accepted") {
  for (const unsigned code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    CAPTURE(code);
    CHECK(websocket_events(close_frame(code)) == Lines{"close " + std::to_string(code)});
  }
  for (const unsigned code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    CAPTURE(code);
    CHECK(websocket_events(close_frame(code)) == Lines{"failed 1002"});
    CHECK(websocket_events(close_frame(code, "reason")) == Lines{"failed 1002"});
  }
}

TEST_CASE("websocket: bytes behind a close frame are ignored") {
  for (const auto& more : {text_frame("late"), frame(kFinal | kPing, "late"), close_frame(1001),
                           std::string("\xFF\xFF\xFF invalid")}) {
    CAPTURE(more);
    CHECK(websocket_events(close_frame(1000) + more) == Lines{"close 1000"});
    WebSocketDecoder decoder;
    CHECK(in_short(decoder.next(close_frame(1000))) == "close 1000");
    const WebSocketEvent event = decoder.next(more);
    CHECK(in_short(event) == "need_more");
    CHECK(event.consumed == more.size());
    CHECK_FALSE(decoder.in_message());
  }
}

TEST_CASE("websocket: a close frame ends a message that has begun") {
  CHECK(websocket_events(frame(kText, "frag") + close_frame(1000) + frame(kFinal | kContinuation, "ment")) ==
        Lines{"close 1000"});
}

}  // namespace
}  // namespace sluice::proto::testing
