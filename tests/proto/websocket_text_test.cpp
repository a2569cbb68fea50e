// Messages that are UTF-8 or not, by the cases of the Autobahn test suite: 6.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "proto/websocket_decoder.hpp"
#include "tests/proto/websocket_transcripts.hpp"

namespace sluice::proto::testing {
namespace {

using namespace std::string_view_literals;

const std::string_view kGreek = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";

TEST_CASE("websocket: characters may be split over fragments") {
  const std::string text =
      "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!! \xF0\x9F\x98\x80";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    CHECK(websocket_events(fragmented(text, size)) == Lines{"text " + text});
    CHECK(websocket_events(fragmented(kGreek, size)) == Lines{"text " + std::string(kGreek)});
  }
}

TEST_CASE("websocket: a control frame may come inside of a character") {
  CHECK(websocket_events(frame(kText, "\xC2") + frame(kFinal | kPing, "\xC3") +
                         frame(kFinal | kContinuation, "\xB5")) == Lines{"ping \xC3", "text \xC2\xB5"});
}

TEST_CASE("websocket: the first and the last characters of each length are text") {
  for (const auto text :
       {"\0"sv, "\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv,
        "\xEF\xBF\xBD"sv, "\xEF\xBF\xBE"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv}) {
    CAPTURE(text);
    CHECK(websocket_events(text_frame(text)) == Lines{"text " + std::string(text)});
    CHECK(websocket_events(fragmented(text, 1)) == Lines{"text " + std::string(text)});
  }
}

TEST_CASE("websocket: a message that is not UTF-8 fails") {
  for (const auto text :
       {"\x80"sv, "\xBF"sv, "\xC0\xAF"sv, "\xC1\xBF"sv, "\xE0\x80\xAF"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv,
        "\xED\xBF\xBF"sv, "\xF0\x80\x80\xAF"sv, "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv,
        "\xF5\x80\x80\x80"sv, "\xF8\x88\x80\x80\x80"sv, "\xFC\x84\x80\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv,
        "\xC2"
        "a"sv,
        "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80 edited"sv}) {
    CAPTURE(text);
    CHECK(websocket_events(text_frame(text) + text_frame("fence")) == Lines{"failed 1007"});
    CHECK(websocket_events(text_frame("long before it " + std::string(text) + " and after")) ==
          Lines{"failed 1007"});
    CHECK(websocket_events(fragmented(text, 1)) == Lines{"failed 1007"});
  }
}

TEST_CASE("websocket: a message that ends inside of a character fails") {
  for (const auto text : {"\xC2"sv, "\xE1\xBD"sv, "\xE1"sv, "\xF0\x90\x80"sv, "\xF0\x90"sv, "\xF0"sv}) {
    CAPTURE(text);
    CHECK(websocket_events(text_frame(text)) == Lines{"failed 1007"});
    CHECK(websocket_events(frame(kText, text) + frame(kFinal | kContinuation, "")) == Lines{"failed 1007"});
  }
}

TEST_CASE("websocket: bytes that can't become UTF-8 fail before their message has arrived") {
  const auto fails = [](std::string_view text) {
    WebSocketDecoder decoder;
    WebSocketReplay connection(decoder);
    connection.receive(frame_head(kFinal | kText, 1000, 2));
    const std::string bytes = masked(text);
    connection.receive(std::string_view(bytes).substr(0, bytes.size() - 1));
    CHECK(connection.events().empty());
    connection.receive(std::string_view(bytes).substr(bytes.size() - 1));
    return connection.events() == Lines{"failed 1007"};
  };
  CHECK(fails(std::string(kGreek) + "\xF4\x90"));
  CHECK(fails(std::string(kGreek) + "\xED\xA0"));
  CHECK(fails("abc\xC0"));
  CHECK(fails("abc\xE1\xBD\xE1"));
}

TEST_CASE("websocket: each message is checked by itself") {
  CHECK(websocket_events(text_frame("a\xC2\xB5") + text_frame("\xB5")) ==
        Lines{"text a\xC2\xB5", "failed 1007"});
  CHECK(websocket_events(frame(kText, "\xC2") + frame(kFinal | kContinuation, "\xB5") + text_frame("b")) ==
        Lines{"text \xC2\xB5", "text b"});
}

TEST_CASE("websocket: bytes behind a failure are ignored") {
  WebSocketDecoder decoder;
  CHECK(in_short(decoder.next(text_frame("\xFF") + text_frame("next"))) == "failed 1007");
  const std::string more = text_frame("more");
  const WebSocketEvent again = decoder.next(more);
  CHECK(in_short(again) == "failed 1007");
  CHECK(again.consumed == more.size());
  CHECK_FALSE(again.text.empty());
}

}  // namespace
}  // namespace sluice::proto::testing
