// Messages over the limit, and the memory that messages take.
#include <doctest/doctest.h>

#include <new>
#include <string>
#include <string_view>

#include "proto/websocket_decoder.hpp"
#include "tests/proto/websocket_transcripts.hpp"
#include "tests/support/failing_allocator.hpp"

namespace sluice::proto::testing {
namespace {

using sluice::testing::fail_allocations;
using sluice::testing::failed_allocations;

TEST_CASE("websocket: a message over the limit is skipped by its length") {
  const std::string fence = text_frame("fence");
  CHECK(websocket_events(text_frame("0123456789") + fence, 10) == Lines{"text 0123456789", "text fence"});
  CHECK(websocket_events(text_frame("0123456789a") + fence, 10) == Lines{"too_big", "text fence"});
  CHECK(websocket_events(text_frame("0123456789a"), 10) == Lines{"too_big"});
  CHECK(websocket_events(text_frame(std::string(150, 'x')) + text_frame(std::string(20, 'y')) + fence, 10) ==
        Lines{"too_big", "too_big", "text fence"});
}

TEST_CASE("websocket: fragments that exceed the limit together are skipped up to the last one") {
  const std::string fence = text_frame("fence");
  CHECK(websocket_events(fragmented("0123456789", 3) + fence, 10) == Lines{"text 0123456789", "text fence"});
  CHECK(websocket_events(fragmented("0123456789a", 10) + fence, 10) == Lines{"too_big", "text fence"});
  CHECK(websocket_events(fragmented("0123456789a", 3) + fence, 10) == Lines{"too_big", "text fence"});
  CHECK(websocket_events(fragmented(std::string(50, 'x'), 20) + fence, 10) == Lines{"too_big", "text fence"});
}

TEST_CASE("websocket: control frames are reported while a message is skipped") {
  const std::string ping = frame(kFinal | kPing, "p");
  const std::string big = frame(kText, std::string(20, 'x'));
  CHECK(websocket_events(big + ping + frame(kFinal | kContinuation, "y") + ping, 10) ==
        Lines{"too_big", "ping p", "ping p"});
  CHECK(websocket_events(big + frame(kFinal | kClose, ""), 10) == Lines{"too_big", "close 1005"});
  CHECK(websocket_events(big + text_frame("y"), 10) == Lines{"too_big", "failed 1002"});
}

TEST_CASE("websocket: a skipped message need not be UTF-8") {
  CHECK(websocket_events(text_frame(std::string(20, '\xFF')) + text_frame("fence"), 10) ==
        Lines{"too_big", "text fence"});
  CHECK(websocket_events(
            frame(kText, "\xC2") + frame(kFinal | kContinuation, std::string(20, 'x')) + text_frame("fence"),
            10) == Lines{"too_big", "text fence"});
}

TEST_CASE("websocket: a message of more than 16 times the limit is not waited for") {
  const std::string body(200, 'x');
  CHECK(websocket_events(frame_head(kFinal | kText, 153, 2) + body.substr(0, 153) + text_frame("f"), 10) ==
        Lines{"too_big", "failed 1009"});  // its head counts as well
  CHECK(websocket_events(frame_head(kFinal | kText, 152, 2) + body.substr(0, 152) + text_frame("f"), 10) ==
        Lines{"too_big", "text f"});
  CHECK(websocket_events(frame_head(kFinal | kText, ~std::uint64_t{0} >> 1, 8) + body, 10) ==
        Lines{"too_big", "failed 1009"});
  CHECK(websocket_events(fragmented(body, 50) + text_frame("f"), 10) == Lines{"too_big", "failed 1009"});
}

TEST_CASE("websocket: empty fragments without an end are not skipped without an end") {
  std::string input = frame(kText, std::string(20, 'x'));
  for (int i = 0; i < 40; ++i) input += frame(kContinuation, "");
  CHECK(websocket_events(input, 10) == Lines{"too_big", "failed 1009"});
}

TEST_CASE("websocket: the decoder names its state within a message") {
  WebSocketDecoder decoder(10);
  const std::string input = text_frame(std::string(20, 'x'));
  const WebSocketEvent event = decoder.next(input);
  CHECK(in_short(event) == "too_big");
  CHECK(decoder.skipping());
  CHECK(decoder.in_message());
  CHECK(in_short(decoder.next(std::string_view(input).substr(event.consumed))) == "need_more");
  CHECK_FALSE(decoder.skipping());
  CHECK_FALSE(decoder.in_message());
}

TEST_CASE("websocket: a new limit holds from the next message on") {
  WebSocketDecoder decoder(4);
  WebSocketReplay connection(decoder);
  connection.receive(text_frame("12345"));
  decoder.set_message_bytes_max(5);
  connection.receive(text_frame("12345"));
  decoder.set_message_bytes_max(0);
  connection.receive(text_frame("") + text_frame("1"));
  CHECK(connection.events() == Lines{"too_big", "text 12345", "text", "too_big", "failed 1009"});
}

TEST_CASE("websocket: memory is taken for received bytes, not for declared ones") {
  WebSocketDecoder decoder(kMessageBytesCeiling);
  fail_allocations(0, 1000, 4096);
  const auto before = failed_allocations();
  const std::string input = frame_head(kFinal | kText, kMessageBytesCeiling, 8) + std::string(kMask);
  CHECK(in_short(decoder.next(input)) == "need_more");
  CHECK(failed_allocations() == before);
  fail_allocations(0, 0);
}

TEST_CASE("websocket: a skipped message takes no memory") {
  WebSocketDecoder decoder(100'000);
  const std::string input = text_frame(std::string(1'000'000, 'x'));
  fail_allocations(0, 1000);
  const WebSocketEvent event = decoder.next(input);
  const WebSocketEvent rest = decoder.next(std::string_view(input).substr(event.consumed));
  fail_allocations(0, 0);
  CHECK(in_short(event) == "too_big");
  CHECK(in_short(rest) == "need_more");
  CHECK(rest.consumed == 1'000'000);
}

// Whether the next message of `bytes` finds a buffer for it.
bool has_buffer(WebSocketDecoder& decoder, std::size_t bytes) {
  const std::string input = text_frame(std::string(bytes, 'x'));
  fail_allocations(0, 1000);
  bool found = true;
  try {
    decoder.next(input);
  } catch (const std::bad_alloc&) {
    found = false;
  }
  fail_allocations(0, 0);
  return found;
}

TEST_CASE("websocket: a buffer serves one message after another, until it is released") {
  WebSocketDecoder decoder;
  CHECK(in_short(decoder.next(text_frame(std::string(1000, 'y')))).size() == 1005);
  CHECK(has_buffer(decoder, 1000));
  decoder.release();
  CHECK_FALSE(has_buffer(decoder, 1000));
}

TEST_CASE("websocket: a big message's buffer is not kept for the next one") {
  WebSocketDecoder decoder;
  CHECK(in_short(decoder.next(text_frame(std::string(100'000, 'y')))).size() == 100'005);
  CHECK_FALSE(has_buffer(decoder, 100));
}

TEST_CASE("websocket: the received part of a message that turns out too big is released") {
  WebSocketDecoder decoder(1000);
  WebSocketReplay connection(decoder);
  connection.receive(frame(kText, std::string(900, 'y')) +
                     frame(kFinal | kContinuation, std::string(101, 'y')));
  CHECK(connection.events() == Lines{"too_big"});
  CHECK_FALSE(has_buffer(decoder, 900));
}

TEST_CASE("websocket: an unfinished message is not released") {
  WebSocketDecoder decoder;
  WebSocketReplay connection(decoder);
  connection.receive(frame(kText, std::string(50, 'a')));
  decoder.release();
  connection.receive(frame(kFinal | kContinuation, "b"));
  CHECK(connection.events() == Lines{"text " + std::string(50, 'a') + "b"});
}

}  // namespace
}  // namespace sluice::proto::testing
