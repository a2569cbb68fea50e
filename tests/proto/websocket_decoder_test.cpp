// Frames and their order, by the cases of the Autobahn test suite: 1 to 5 and 10.
#include "proto/websocket_decoder.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/proto/websocket_transcripts.hpp"

namespace sluice::proto::testing {
namespace {

const std::string kFenceFrame = text_frame("fence");

std::string unmasked_frame(unsigned first, std::string_view payload) {
  std::string out{static_cast<char>(first), static_cast<char>(payload.size())};
  return out.append(payload);
}

std::string letters(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

TEST_CASE("websocket: a text message of any size comes out as it was sent") {
  for (const std::size_t size :
       {0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 125, 126, 127, 128, 4095, 4096, 4097, 65535, 65536, 65537}) {
    CAPTURE(size);
    const std::string text = letters(size);
    CHECK(websocket_events(text_frame(text) + kFenceFrame) ==
          Lines{size == 0 ? "text" : "text " + text, "text fence"});
  }
}

TEST_CASE("websocket: every prefix of a message needs more") {
  for (const auto& input :
       {text_frame(""), text_frame("hello"), text_frame(letters(300)), fragmented("hello", 2)})
    check_every_prefix_needs_more(input);
}

TEST_CASE("websocket: every prefix of a control frame needs more") {
  check_every_prefix_needs_more(frame(kFinal | kPing, ""));
  check_every_prefix_needs_more(frame(kFinal | kPing, letters(125)));
  check_every_prefix_needs_more(frame(kFinal | kClose, std::string("\x03\xE8 bye")));
}

TEST_CASE("websocket: pings and pongs come with their payload") {
  CHECK(websocket_events(frame(kFinal | kPing, "")) == Lines{"ping"});
  CHECK(websocket_events(frame(kFinal | kPing, "Hello, world!")) == Lines{"ping Hello, world!"});
  CHECK(websocket_events(frame(kFinal | kPing, "\xFE\xFF\x80")) == Lines{"ping \xFE\xFF\x80"});
  CHECK(websocket_events(frame(kFinal | kPing, letters(125))) == Lines{"ping " + letters(125)});
  CHECK(websocket_events(frame(kFinal | kPong, "")) == Lines{"pong"});
  CHECK(websocket_events(frame(kFinal | kPong, "unasked") + frame(kFinal | kPing, "p")) ==
        Lines{"pong unasked", "ping p"});
}

TEST_CASE("websocket: ten pings in a row are ten pings") {
  std::string input;
  Lines expected;
  for (int i = 0; i < 10; ++i) {
    input += frame(kFinal | kPing, "payload-" + std::to_string(i));
    expected.push_back("ping payload-" + std::to_string(i));
  }
  CHECK(websocket_events(input) == expected);
}

TEST_CASE("websocket: a control frame is at most 125 bytes long and in one piece") {
  for (const unsigned opcode : {kPing, kPong, kClose}) {
    CAPTURE(opcode);
    CHECK(websocket_events(frame(kFinal | opcode, letters(126)) + kFenceFrame) == Lines{"failed 1002"});
    CHECK(websocket_events(frame_head(kFinal | opcode, 65536, 8)) == Lines{"failed 1002"});
    CHECK(websocket_events(frame(opcode, "part") + frame(kFinal | kContinuation, "rest")) ==
          Lines{"failed 1002"});
  }
}

TEST_CASE("websocket: reserved bits are refused, as there are no extensions") {
  for (const unsigned bits : {0x10U, 0x20U, 0x30U, 0x40U, 0x50U, 0x60U, 0x70U}) {
    for (const unsigned opcode : {kText, kBinary, kPing, kPong, kClose}) {
      CAPTURE(bits);
      CAPTURE(opcode);
      CHECK(websocket_events(kFenceFrame + frame(kFinal | bits | opcode, "x") + kFenceFrame) ==
            Lines{"text fence", "failed 1002"});
    }
  }
}

TEST_CASE("websocket: opcodes without a meaning are refused") {
  for (const unsigned opcode : {0x3U, 0x4U, 0x5U, 0x6U, 0x7U, 0xBU, 0xCU, 0xDU, 0xEU, 0xFU}) {
    CAPTURE(opcode);
    CHECK(websocket_events(kFenceFrame + frame(kFinal | opcode, "")) == Lines{"text fence", "failed 1002"});
    CHECK(websocket_events(kFenceFrame + frame(kFinal | opcode, "x")) == Lines{"text fence", "failed 1002"});
  }
}

TEST_CASE("websocket: a binary message is refused with its own close code") {
  CHECK(websocket_events(frame(kFinal | kBinary, "")) == Lines{"failed 1003"});
  CHECK(websocket_events(frame(kFinal | kBinary, "{}") + kFenceFrame) == Lines{"failed 1003"});
  CHECK(websocket_events(frame(kBinary, "{}")) == Lines{"failed 1003"});
  CHECK(websocket_events(frame_head(kFinal | kBinary, 1U << 30, 8)) == Lines{"failed 1003"});
  CHECK(websocket_events(frame(kText, "a") + frame(kFinal | kBinary, "b")) == Lines{"failed 1002"});
}

TEST_CASE("websocket: a client's frames must be masked") {
  for (const unsigned opcode : {kText, kBinary, kPing, kPong, kClose})
    CHECK(websocket_events(unmasked_frame(kFinal | opcode, "x")) == Lines{"failed 1002"});
  CHECK(websocket_events(frame(kText, "a") + unmasked_frame(kFinal | kContinuation, "b")) ==
        Lines{"failed 1002"});
}

TEST_CASE("websocket: a length is written in as few bytes as it needs") {
  struct Row {
    std::uint64_t length;
    std::size_t length_bytes;
  };
  for (const auto& [length, length_bytes] :
       std::initializer_list<Row>{{0, 2}, {5, 2}, {125, 2}, {0, 8}, {125, 8}, {126, 8}, {65535, 8}}) {
    CAPTURE(length);
    CHECK(websocket_events(frame_head(kFinal | kText, length, length_bytes) + letters(length)) ==
          Lines{"failed 1002"});
  }
}

TEST_CASE("websocket: a length of 64 bits has its top bit 0") {
  for (const std::uint64_t length : {std::uint64_t{1} << 63, ~std::uint64_t{0}})
    CHECK(websocket_events(frame_head(kFinal | kText, length, 8)) == Lines{"failed 1002"});
}

TEST_CASE("websocket: fragments are joined, and control frames between them are reported at once") {
  const std::string ping = frame(kFinal | kPing, "p");
  const std::string pong = frame(kFinal | kPong, "q");
  const std::string first = frame(kText, "frag");
  const std::string more = frame(kContinuation, "men");
  const std::string last = frame(kFinal | kContinuation, "ted");
  const std::string text = "text fragmented";
  CHECK(websocket_events(first + more + last) == Lines{text});
  CHECK(websocket_events(first + ping + more + pong + last + kFenceFrame) ==
        Lines{"ping p", "pong q", text, "text fence"});
  CHECK(websocket_events(first + ping + ping + more + ping + ping + last) ==
        Lines{"ping p", "ping p", "ping p", "ping p", text});
  CHECK(websocket_events(first + more + last + first + more + last) == Lines{text, text});
  CHECK(websocket_events(first + frame(kFinal | kClose, "")) == Lines{"close 1005"});
}

TEST_CASE("websocket: fragments may be empty") {
  const std::string empty = frame(kText, "");
  const std::string more = frame(kContinuation, "");
  CHECK(websocket_events(empty + more + frame(kFinal | kContinuation, "")) == Lines{"text"});
  CHECK(websocket_events(empty + more + frame(kFinal | kContinuation, "x")) == Lines{"text x"});
  CHECK(websocket_events(frame(kText, "x") + more + frame(kFinal | kContinuation, "")) == Lines{"text x"});
  CHECK(websocket_events(text_frame("") + text_frame("")) == Lines{"text", "text"});
}

TEST_CASE("websocket: only a message that has begun is continued") {
  CHECK(websocket_events(frame(kFinal | kContinuation, "x") + kFenceFrame) == Lines{"failed 1002"});
  CHECK(websocket_events(frame(kContinuation, "x") + kFenceFrame) == Lines{"failed 1002"});
  CHECK(websocket_events(kFenceFrame + frame(kFinal | kContinuation, "x")) ==
        Lines{"text fence", "failed 1002"});
  CHECK(websocket_events(fragmented("abc", 1) + frame(kContinuation, "x")) ==
        Lines{"text abc", "failed 1002"});
}

TEST_CASE("websocket: no message begins inside of another") {
  CHECK(websocket_events(frame(kText, "a") + text_frame("b")) == Lines{"failed 1002"});
  CHECK(websocket_events(frame(kText, "a") + frame(kText, "b")) == Lines{"failed 1002"});
  CHECK(websocket_events(frame(kText, "a") + frame(kContinuation, "b") + text_frame("c")) ==
        Lines{"failed 1002"});
}

TEST_CASE("websocket: a long message in fragments of any size is the same message") {
  const std::string text = letters(20'000);
  for (const std::size_t size : {1, 64, 255, 256, 4096, 19'999, 20'000}) {
    CAPTURE(size);
    CHECK(websocket_events(fragmented(text, size) + kFenceFrame) == Lines{"text " + text, "text fence"});
  }
}

TEST_CASE("websocket: a message lasts from its first byte to its last, whatever comes between") {
  WebSocketDecoder decoder;
  const auto next = [&](std::string_view bytes) { return in_short(decoder.next(bytes)); };
  CHECK_FALSE(decoder.in_message());
  const std::string ping = frame(kFinal | kPing, "");
  CHECK(next(ping.substr(0, 1)) == "need_more");
  CHECK(decoder.in_message());
  CHECK(next(ping) == "ping");
  CHECK_FALSE(decoder.in_message());
  CHECK(next(frame(kText, "")) == "need_more");
  CHECK(decoder.in_message());
  CHECK(next(ping) == "ping");
  CHECK(decoder.in_message());
  CHECK(next(frame(kFinal | kContinuation, "")) == "text");
  CHECK_FALSE(decoder.in_message());
}

}  // namespace
}  // namespace sluice::proto::testing
