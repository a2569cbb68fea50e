// Messages behind `Content-Length` headers.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/frame_decoder.hpp"
#include "tests/proto/transcripts.hpp"

namespace sluice::proto::testing {
namespace {

Lines transcript(std::string_view input, MessageLimits limits = {}) {
  return testing::transcript(Framing::header, input, limits);
}

void check(std::initializer_list<Row> rows, MessageLimits limits = {}) {
  testing::check(Framing::header, rows, limits);
}

TEST_CASE("headers: a body is as long as its header says") {
  check({{"", {}},
         {"Content-Length: 2\r\n\r\n{}", {"message {}"}},
         {"Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\n[1]", {"message {}", "message [1]"}},
         {"Content-Length: 2\r\n\r\n{}\r\n\r\nContent-Length: 2\r\n\r\n[]", {"message {}", "message []"}},
         {"Content-Length: 10\r\n\r\n{\"id\":\r\n1}", {"message {\"id\":\r\n1}"}},
         {"Content-Length: 3\r\n\r\n123", {"message 123"}},
         {"Content-Length: 4\r\n\r\nnull", {"message null"}}});
}

TEST_CASE("headers: names are in any case, lines end with or without a carriage return") {
  check({{"content-length: 2\r\n\r\n{}", {"message {}"}},
         {"CONTENT-LENGTH:2\n\n{}", {"message {}"}},
         {"Content-Length :\t 2 \r\n\r\n{}", {"message {}"}},
         {"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
          {"message {}"}},
         {"Content-Length: 2\r\nX-Other: a:b\r\n\r\n{}", {"message {}"}},
         {"Content-Length: 2\r\nContent-Length: 02\r\n\r\n{}", {"message {}"}}});
}

TEST_CASE("headers: white space around the value belongs to the body and not to the message") {
  check({{"Content-Length: 6\r\n\r\n {}\r\n\n[]", {"message {}", "malformed 2"}},
         {"Content-Length: 5\r\n\r\n\n {} Content-Length: 2\r\n\r\n[]", {"message {}", "message []"}}});
}

TEST_CASE("headers: a malformed body costs that body only") {
  check({{"Content-Length: 2\r\n\r\n{]Content-Length: 2\r\n\r\n{}", {"malformed 1", "message {}"}},
         {"Content-Length: 1\r\n\r\n{Content-Length: 2\r\n\r\n{}", {"malformed 1", "message {}"}},
         {"Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}", {"malformed 0", "message {}"}},
         {"Content-Length: 3\r\n\r\n   Content-Length: 2\r\n\r\n{}", {"malformed 3", "message {}"}},
         {"Content-Length: 4\r\n\r\n{}{}Content-Length: 2\r\n\r\n{}", {"malformed 2", "message {}"}},
         {"Content-Length: 6\r\n\r\n {} \n1Content-Length: 2\r\n\r\n{}", {"malformed 5", "message {}"}},
         {"Content-Length: 5\r\n\r\n  {x}Content-Length: 2\r\n\r\n{}", {"malformed 3", "message {}"}},
         {"Content-Length: 3\r\n\r\n12aContent-Length: 2\r\n\r\n{}", {"malformed 2", "message {}"}}});
}

TEST_CASE("headers: without a valid length the stream is lost") {
  for (const auto block :
       {"Content-Type: x\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length:\r\n\r\n",
        "Content-Length: -1\r\n\r\n", "Content-Length: +1\r\n\r\n", "Content-Length: 1.0\r\n\r\n",
        "Content-Length: 0x2\r\n\r\n", "Content-Length: 2, 2\r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        "Content-Length: 2\r\nnonsense\r\n\r\n", "{}\n\n", "Content-Length 2\r\n\r\n"}) {
    CAPTURE(block);
    CHECK(transcript(std::string(block) + "{}") == Lines{"malformed 0", "lost"});
  }
}

TEST_CASE("headers: a block is at most 8 KiB long, however it comes") {
  const auto block = [](std::size_t bytes) {
    const std::string line = "Content-Length: 2\r\nX-Padding: ";
    return line + std::string(bytes - line.size() - 4, 'x') + "\r\n\r\n";
  };
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{1000}, std::size_t{8192}, std::size_t{100'000}}) {
    CAPTURE(step);
    const auto lines = [&](std::string_view input) {
      return in_short(replay(Framing::header, {}, input, [&](std::size_t) { return step; }));
    };
    CHECK(lines(block(kHeaderBlockBytesMax) + "{}") == Lines{"message {}"});
    CHECK(lines(block(kHeaderBlockBytesMax + 1) + "{}") == Lines{"malformed 0", "lost"});
    CHECK(lines(block(kHeaderBlockBytesMax + 2) + "{}") == Lines{"malformed 0", "lost"});
    CHECK(lines(std::string(kHeaderBlockBytesMax + 1, 'x')) == Lines{"malformed 0", "lost"});
  }
}

TEST_CASE("headers: every prefix of a message needs more") {
  const std::string_view input = "\r\nContent-Length: 8\r\nX: y\r\n\r\n{\"id\":1}";
  for (std::size_t size = 0; size < input.size(); ++size) {
    CAPTURE(size);
    FrameDecoder decoder(Framing::header, {});
    CHECK(name_of(decoder.next(input.substr(0, size)).kind) == "need_more");
    CHECK(decoder.in_message() == (size > 2));
  }
}

TEST_CASE("headers: an input that ends inside of a message is malformed") {
  check({{"Content-Length: 2", {"malformed 17"}},
         {"Content-Length: 2\r\n", {"malformed 19"}},
         {"Content-Length: 2\r\n\r\n{", {"malformed 22"}},
         {"Content-Length: 2\r\n\r\n{}\r\n", {"message {}"}}});
}

TEST_CASE("headers: a body over the limit is skipped by its length") {
  const MessageLimits limits{10, 1000};
  check({{"Content-Length: 10\r\n\r\n[1,2,3,10]", {"message [1,2,3,10]"}},
         {"Content-Length: 11\r\n\r\n[1,2,3,100]", {"too_big"}},
         {"Content-Length: 11\r\n\r\nnonsense!!!Content-Length: 2\r\n\r\n{}", {"too_big", "message {}"}},
         {"Content-Length: 11\r\n\r\n[1,2,3,1", {"too_big"}},
         {"Content-Length: 11\r\n\r\n[1,2,3,100]Content-Length: 12\r\n\r\n[1,2,3,1000]Content-Length: "
          "1\r\n\r\n7",
          {"too_big", "too_big", "message 7"}}},
        limits);
}

TEST_CASE("headers: a body of more than 16 times the limit is not waited for") {
  const MessageLimits limits{10, 1000};
  const std::string body(169, ' ');
  CHECK(transcript("Content-Length: 169\r\n\r\n" + body + "Content-Length: 2\r\n\r\n{}", limits) ==
        Lines{"too_big", "message {}"});
  CHECK(transcript("Content-Length: 18446744073709551615\r\n\r\n" + body, limits) ==
        Lines{"too_big", "lost"});
  CHECK(transcript("Content-Length: 176\r\n\r\n" + body, limits) == Lines{"too_big", "lost"});
}

TEST_CASE("headers: a byte order mark before a message is not a message of its own") {
  check({{"\xEF\xBB\xBF"
          "Content-Length: 2\r\n\r\n{}",
          {"message {}"}},
         {"\xEF\xBB\xBF"
          "Content-Length: 2\r\n\r\n{}\r\n\xEF\xBB\xBF"
          "Content-Length: 3\r\n\r\n[1]",
          {"message {}", "message [1]"}},
         {"Content-Length: 2\r\n\r\n{}\xEF\xBB\xBF", {"message {}", "malformed 0"}}});
}

TEST_CASE("headers: the decoder tells how many bytes a body needs") {
  const std::string_view input = "Content-Length: 8\r\n\r\n{\"id\":1}";
  FrameDecoder decoder(Framing::header, {});
  CHECK(name_of(decoder.next(input.substr(0, 19)).kind) == "need_more");
  CHECK(decoder.bytes_wanted() == 0);
  CHECK(name_of(decoder.next(input.substr(0, 21)).kind) == "need_more");
  CHECK(decoder.bytes_wanted() == 29);
  CHECK(name_of(decoder.next(input.substr(0, 28)).kind) == "need_more");
  CHECK(decoder.bytes_wanted() == 29);
  CHECK(name_of(decoder.next(input).kind) == "message");
  CHECK(decoder.bytes_wanted() == 0);
}

TEST_CASE("headers: while a body comes, its headers are not read again") {
  // They are overwritten meanwhile, so that a second look would find none.
  const std::string head = "Content-Length: 4194304\r\nX-Padding: " + std::string(8000, 'x') + "\r\n\r\n";
  const std::string body = '"' + std::string(kMessageBytesDefault - 2, 'p') + '"';
  const std::string whole = head + body;
  std::string window = whole;
  FrameDecoder decoder(Framing::header, {});
  CHECK(name_of(decoder.next(head).kind) == "need_more");
  window.replace(0, head.size(), head.size(), '\n');
  FrameEvent event;
  for (std::size_t known = head.size() + 1;
       known < window.size() && event.kind == FrameEvent::Kind::need_more; ++known) {
    event = decoder.next(std::string_view(window).substr(0, known));
  }
  CHECK(name_of(event.kind) == "need_more");
  event = decoder.next(whole);
  CHECK(name_of(event.kind) == "message");
  CHECK(event.text == body);
}

TEST_CASE("headers: new limits hold from the next message on") {
  FrameDecoder decoder(Framing::header, {4, 1});
  const std::string_view input = "Content-Length: 5\r\n\r\n[1,2]";
  Replay connection(decoder);
  connection.receive(input);
  decoder.set_limits({5, 2});
  connection.receive(input);
  CHECK(in_short(connection.events()) == Lines{"too_big", "message [1,2]"});
  CHECK(decoder.message().entries.size() == 2);
}

}  // namespace
}  // namespace sluice::proto::testing
