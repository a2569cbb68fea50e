// Messages on a JSON stream.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/frame_decoder.hpp"
#include "tests/proto/transcripts.hpp"

namespace sluice::proto::testing {
namespace {

using Kind = FrameEvent::Kind;

Lines transcript(std::string_view input, MessageLimits limits = {}) {
  return testing::transcript(Framing::stream, input, limits);
}

void check(std::initializer_list<Row> rows, MessageLimits limits = {}) {
  testing::check(Framing::stream, rows, limits);
}

TEST_CASE("stream: values follow one another with any white space or none between them") {
  check({{"", {}},
         {" \r\n\t", {}},
         {"{}", {"message {}"}},
         {"{}\n", {"message {}"}},
         {"{}\n{}\n", {"message {}", "message {}"}},
         {"{}{}[]", {"message {}", "message {}", "message []"}},
         {"\n\n {}\r\n\r\n[1]  {}\t", {"message {}", "message [1]", "message {}"}},
         {R"({"id":1}{"id":2})", {R"(message {"id":1})", R"(message {"id":2})"}},
         {"{\n  \"id\": 1,\n  \"params\": [\n    1\n  ]\n}\n{\n}\n",
          {"message {\n  \"id\": 1,\n  \"params\": [\n    1\n  ]\n}", "message {\n}"}},
         {R"("a""b"true null[]1 2)",
          {R"(message "a")", R"(message "b")", "message true", "message null", "message []", "message 1",
           "message 2"}},
         {"1\n-2{}", {"message 1", "message -2", "message {}"}}});
}

TEST_CASE("stream: a broken line costs that line only") {
  check({{"{x}\n{}\n", {"malformed 1", "message {}"}},
         {"{}\n{]\n[]\n", {"message {}", "malformed 1", "message []"}},
         {"}\n}\n{}", {"malformed 0", "malformed 0", "message {}"}},
         {"hello\n{}", {"malformed 0", "message {}"}},
         {"{\"a\":1} garbage\n{}", {"message {\"a\":1}", "malformed 0", "message {}"}},
         {"{\"a\":\"unclosed\n{}\n", {"malformed 14", "message {}"}},
         {"{\"a\":\"\xFF\"}\n{}", {"malformed 6", "message {}"}},
         {"{\"a\":\"\\ud800\"}\r\n{}", {"malformed 12", "message {}"}},
         {"[1,2\r{}]\n[]", {"malformed 5", "message []"}}});
}

TEST_CASE("stream: byte order marks before a message are skipped") {
  check({{"\xEF\xBB\xBF{}\n{}", {"message {}", "message {}"}},
         {"{}\n\xEF\xBB\xBF\n\xEF\xBB\xBF[]", {"message {}", "message []"}},
         {"\xEF\xBB\xBF", {"malformed 0"}},
         {"\xEF\xBB\xBF]\n{}", {"malformed 0", "message {}"}},
         {"\xEF\xBB{}\n{}", {"malformed 0", "message {}"}},
         {"{}\xEF", {"message {}", "malformed 0"}},
         {"[\xEF\xBB\xBF 1]\n{}", {"malformed 1", "message {}"}}});
}

TEST_CASE("stream: reading resumes behind the last newline before the offending byte") {
  check({// the end of the first line is missing, and the second line shows it
         {"{\"id\":1\n{\"id\":2}\n", {"malformed 8", "message {\"id\":2}"}},
         {"[1,\n2\n{\"id\":2}[]", {"malformed 6", "message {\"id\":2}", "message []"}},
         {"{\"a\":[\n1,\n2\n{}]\n[]", {"malformed 12", "message {}", "malformed 0", "message []"}},
         // the newline itself offends
         {"{\"a\":\"x\n{}", {"malformed 7", "message {}"}},
         {"tru\ntrue", {"malformed 3", "message true"}},
         // a pretty-printed message that breaks: each line behind the break is read by itself
         {"{\n \"a\": 1,\n \"b\": 2 3,\n \"c\": 4\n}\n{}",
          {"malformed 19", "message \"b\"", "malformed 0", "message \"c\"", "malformed 0", "malformed 0",
           "message {}"}}});
}

TEST_CASE("stream: without a newline in it, a broken message is skipped to the next one") {
  check({{"}", {"malformed 0"}},
         {"{]{}{}", {"malformed 1"}},
         {"{]{}{}\n{}", {"malformed 1", "message {}"}},
         {"x\n", {"malformed 0"}},
         {"x \"\n{}", {"malformed 0", "message {}"}},
         {"{\"a\":01}{}\n \n{}", {"malformed 6", "message {}"}}});
}

TEST_CASE(
    "stream: an unfinished message at the input's end is malformed, but white space and a number are not") {
  check({{"{", {"malformed 1"}},
         {"{}{\"a\"", {"message {}", "malformed 4"}},
         {"\n\"abc", {"malformed 4"}},
         {"nul", {"malformed 3"}},
         {"42", {"message 42"}},
         {"{} -1.5e3", {"message {}", "message -1.5e3"}},
         {"1e", {"malformed 2"}},
         {"-", {"malformed 1"}},
         {"{}  ", {"message {}"}},
         {"x", {"malformed 0"}},
         {"x {", {"malformed 0"}}});
}

TEST_CASE("stream: every prefix of a message needs more") {
  const std::string_view input =
      "  {\"jsonrpc\":\"2.0\",\"method\":\"\\u00e9\xC3\xA9\",\"params\":[1,{}],\"id\":1}";
  for (std::size_t size = 0; size < input.size(); ++size) {
    CAPTURE(size);
    FrameDecoder decoder(Framing::stream, {});
    const FrameEvent event = decoder.next(input.substr(0, size));
    CHECK(name_of(event.kind) == "need_more");
    CHECK(event.consumed == std::min<std::size_t>(size, 2));
    CHECK(decoder.in_message() == (size > 2));
    CHECK_FALSE(decoder.skipping());
  }
}

TEST_CASE("stream: an event names the bytes to drop, white space around included") {
  FrameDecoder decoder(Framing::stream, {});
  const std::string_view input = " \n{} [1]";
  FrameEvent event = decoder.next(input);
  CHECK(event.consumed == 5);
  CHECK(event.text == "{}");
  event = decoder.next(input.substr(5));
  CHECK(event.consumed == 3);
  CHECK(event.text == "[1]");
  CHECK(decoder.message().entry_count == 1);
  CHECK(name_of(decoder.next({}).kind) == "need_more");
  CHECK_FALSE(decoder.in_message());
}

TEST_CASE("stream: the offset of a broken message counts from its own first byte") {
  CHECK(transcript("{} \n  [1,}") == Lines{"message {}", "malformed 3"});
}

TEST_CASE("stream: a message at the size limit passes, one a byte longer is too big") {
  const MessageLimits limits{10, 1000};
  check({{R"("12345678")", {R"(message "12345678")"}},
         {R"("123456789")", {"too_big"}},
         {R"("123456789"{})", {"too_big", "message {}"}},
         {"    \"12345678\"    ", {"message \"12345678\""}},
         {"1234567890", {"message 1234567890"}},
         {"12345678901", {"too_big"}},
         {"1234567890 ", {"message 1234567890"}},
         {"12345678901 {}", {"too_big", "message {}"}},
         {"[1,2,3,4]\n[1,2,3,4,5]\n[1]", {"message [1,2,3,4]", "too_big", "message [1]"}},
         {"[         1]{}", {"too_big", "message {}"}}},
        limits);
}

TEST_CASE("stream: behind a message that is too big, reading resumes where its value ends") {
  const MessageLimits limits{8, 1000};
  check({{R"({"a":"]}\"}","b":[{}]}{})", {"too_big", "message {}"}},
         {R"([[[[[[[[[]]]]]]]]][])", {"too_big", "message []"}},
         {"{\n\"a\":\n1,\n\"b\":2}\n\n[]", {"too_big", "message []"}},
         {"\"\\ud83d\\ude00\xF0\x9F\x98\x80\"1 ", {"too_big", "message 1"}},
         {"[1,2,3,4,5][1,2,3,4,5,6]{}", {"too_big", "too_big", "message {}"}}},
        limits);
}

TEST_CASE("stream: a message that breaks within the limit is malformed, beyond it too big") {
  const MessageLimits limits{8, 1000};
  check({{"[1,2,3,}]\n{}", {"malformed 7", "message {}"}},
         {"[1,2,34,}]\n{}", {"malformed 8", "message {}"}},
         {"[1,2,345,}]\n{}", {"too_big", "message {}"}},
         // the line boundary is looked for behind the offending byte, as what was before it is gone
         {"[1,2,345,}] []\n{}", {"too_big", "message {}"}},
         {"[1,\n2,345\n,}\n{}", {"too_big", "message {}"}},
         {"[1,2,345,}]", {"too_big"}}},
        limits);
}

TEST_CASE("stream: a message that is too big is lost when its end does not come in time") {
  const MessageLimits limits{4, 1000};
  // 5 bytes tell that it is too big, 64 more may be skipped.
  const auto of = [](std::size_t size) { return '"' + std::string(size - 2, 'x') + '"'; };
  CHECK(transcript(of(5) + "{}", limits) == Lines{"too_big", "message {}"});
  CHECK(transcript(of(6) + "{}", limits) == Lines{"too_big", "message {}"});
  CHECK(transcript(of(69) + "{}", limits) == Lines{"too_big", "message {}"});
  CHECK(transcript(of(70) + "{}", limits) == Lines{"too_big", "lost"});
  CHECK(transcript('"' + std::string(1000, 'x'), limits) == Lines{"too_big", "lost"});
  CHECK(transcript('"' + std::string(60, 'x'), limits) == Lines{"too_big"});
}

TEST_CASE("stream: a lost decoder has no further events") {
  FrameDecoder decoder(Framing::stream, {4, 1000});
  Replay connection(decoder);
  connection.receive('"' + std::string(1000, 'x'));
  CHECK(connection.lost());
  CHECK(decoder.skipping());
  const FrameEvent event = decoder.next("{}\n{}");
  CHECK(name_of(event.kind) == "lost");
  CHECK(event.consumed == 5);
}

TEST_CASE("stream: skipping differs from reading a message") {
  FrameDecoder decoder(Framing::stream, {4, 1000});
  CHECK(name_of(decoder.next("x").kind) == "malformed");
  CHECK(decoder.skipping());
  CHECK(name_of(decoder.next("y").kind) == "need_more");
  CHECK(name_of(decoder.next("\n").kind) == "need_more");
  CHECK_FALSE(decoder.skipping());
  CHECK(name_of(decoder.next("[1,2,").kind) == "too_big");
  CHECK(decoder.skipping());
  CHECK(decoder.in_message());
  CHECK(name_of(decoder.next("3]").kind) == "need_more");
  CHECK_FALSE(decoder.skipping());
  CHECK_FALSE(decoder.in_message());
}

TEST_CASE("stream: new limits hold from the next message on") {
  FrameDecoder decoder(Framing::stream, {4, 1});
  CHECK(name_of(decoder.next("[1,2]").kind) == "too_big");
  decoder.set_limits({5, 1});
  CHECK(name_of(decoder.next("[1,2]").kind) == "message");
  CHECK(decoder.message().entries.size() == 1);
  decoder.set_limits({5, 2});
  CHECK(name_of(decoder.next("[1,2]").kind) == "message");
  CHECK(decoder.message().entries.size() == 2);
  decoder.set_limits({4, 2});
  CHECK(name_of(decoder.next("[1,2]{}").kind) == "too_big");
}

TEST_CASE("stream: a smaller limit in the middle of a message does not lose the position in it") {
  FrameDecoder decoder(Framing::stream, {100, 1});
  const std::string_view input = R"(["a","b","c","d"]{})";
  CHECK(name_of(decoder.next(input.substr(0, 10)).kind) == "need_more");
  decoder.set_limits({4, 1});
  const FrameEvent event = decoder.next(input.substr(0, 12));
  CHECK(name_of(event.kind) == "too_big");
  CHECK(decoder.next(input.substr(event.consumed)).text == "{}");
}

TEST_CASE("stream: a message that comes a byte at a time is read once") {
  // Scanned bytes are overwritten, so that a second look would find no JSON.
  const std::string head = R"({"params":")";
  const std::string tail = R"(","id":7})";
  std::string text = head + std::string(kMessageBytesDefault - head.size() - tail.size(), 'p') + tail;
  FrameDecoder decoder(Framing::stream, {});
  FrameEvent event;
  for (std::size_t known = 1; known <= text.size() && event.kind == Kind::need_more; ++known) {
    event = decoder.next(std::string_view(text).substr(0, known));
    if (known > head.size() && known <= text.size() - tail.size()) text[known - 1] = '\x01';
  }
  CHECK(name_of(event.kind) == "message");
  CHECK(event.consumed == text.size());
  CHECK(decoder.message().single.id.in(event.text) == "7");
}

TEST_CASE("stream: skipped bytes are not kept") {
  FrameDecoder decoder(Framing::stream, {16, 1});
  CHECK(name_of(decoder.next("[\"0123456789abcd").kind) == "need_more");
  CHECK(decoder.next("[\"0123456789abcde").consumed == 17);
  for (int i = 0; i < 100; ++i) {
    const FrameEvent event = decoder.next("xy");
    CHECK(name_of(event.kind) == "need_more");
    CHECK(event.consumed == 2);
  }
  CHECK(decoder.next("\"]{}").text == "{}");
}

TEST_CASE("stream: broken lines without end take linear time") {
  // Each is consumed with its event; none of the rest is looked through again for it.
  std::string input;
  for (int i = 0; i < 100'000; ++i) input += "[1,\n";
  FrameDecoder decoder(Framing::stream, {});
  std::size_t done = 0;
  std::size_t events = 0;
  for (FrameEvent event = decoder.next(input); event.kind == Kind::malformed;) {
    ++events;
    CHECK(event.consumed <= 128 * 4 + 4);
    done += event.consumed;
    event = decoder.next(std::string_view(input).substr(done));
  }
  CHECK(events > 100'000 / 129);
}

}  // namespace
}  // namespace sluice::proto::testing
