#include "proto/message_scanner.hpp"

#include <doctest/doctest.h>

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/proto/every_cut.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

using namespace std::string_view_literals;
using Status = MessageScanner::Status;

std::string nested(std::size_t depth, std::string_view open, std::string_view inside,
                   std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += inside;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST_CASE("scanner: JSON of every shape is accepted however it is cut up") {
  for (const auto text :
       {"{}"sv, "[]"sv, "null"sv, "true"sv, "false"sv, "0"sv, "-1.5e+3"sv, R"("")"sv, R"("text")"sv,
        R"({"a":1})"sv, R"({"a":[],"b":{},"c":[{}]})"sv, R"([[],[[]],{"a":{}}])"sv, "[1,2 , 3]"sv,
        "{ \"a\" :\t1 ,\r\n \"b\" : [ ] }"sv, "[\n]"sv, "[null,true,false]"sv, R"({"":""})"sv,
        R"({"a":1,"a":2})"sv, R"({"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1})"sv}) {
    check_accepted(text);
  }
}

TEST_CASE("scanner: invalid JSON is refused at its first wrong byte however it is cut up") {
  struct Row {
    std::string_view text;
    std::size_t offset;
  };
  for (const auto& [text, offset] : std::initializer_list<Row>{{"}", 0},
                                                               {"]", 0},
                                                               {",", 0},
                                                               {":", 0},
                                                               {"x", 0},
                                                               {"'a'", 0},
                                                               {"/**/1", 0},
                                                               {"NaN", 0},
                                                               {"Infinity", 0},
                                                               {"+1", 0},
                                                               {".5", 0},
                                                               {"True", 0},
                                                               {"nul", 3},
                                                               {"nulL", 3},
                                                               {"trve", 2},
                                                               {"falsy", 4},
                                                               {"[1,]", 3},
                                                               {"[,1]", 1},
                                                               {"[1 2]", 3},
                                                               {"[1}", 2},
                                                               {"[1:2]", 2},
                                                               {"{]", 1},
                                                               {"{1:2}", 1},
                                                               {"{null:1}", 1},
                                                               {"{,}", 1},
                                                               {R"({"a"})", 4},
                                                               {R"({"a" 1})", 5},
                                                               {R"({"a"::1})", 5},
                                                               {R"({"a":})", 5},
                                                               {R"({"a":1,})", 7},
                                                               {R"({"a":1 "b":2})", 7},
                                                               {R"({"a":1])", 6},
                                                               {R"({"a":1,,"b":2})", 7},
                                                               {R"({"a":1,1})", 7},
                                                               {"[truex]", 5},
                                                               {"[nullnull]", 5},
                                                               {"{a:1}", 1},
                                                               {"[\"a\"\"b\"]", 4},
                                                               {"[\v]", 1},
                                                               {"[\f1]", 1},
                                                               {"[\xC2\xA0]", 1},
                                                               {"[1\0]"sv, 2},
                                                               {"\0"sv, 0},
                                                               {"[\x7F]", 1}}) {
    check_refused(text, offset);
  }
}

TEST_CASE("scanner: a text that ends early is refused at its end, never before") {
  for (const auto text :
       {"{"sv,        "["sv,          "[1"sv,          "[1,"sv,          R"({"a)"sv,     R"({"a")"sv,
        R"({"a":)"sv, R"({"a":1)"sv,  R"({"a":1,)"sv,  R"(")"sv,         R"("\)"sv,      R"("\u)"sv,
        R"("\u12)"sv, R"("\ud83d)"sv, R"("\ud83d\)"sv, R"("\ud83d\u)"sv, "\"\xE2\x82"sv, "t"sv,
        "tru"sv,      "-"sv,          "1."sv,          "1e"sv,           "1e+"sv,        "[[[[{}"sv}) {
    check_refused(text, text.size());
  }
}

TEST_CASE("scanner: every prefix of a message is incomplete") {
  const auto text =
      R"({"jsonrpc":"2.0","method":"a\u00e9\ud83d\ude00é€😀","params":{"x":[1.5e-3,true,null]},"id":"i"})"sv;
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    MessageScanner scanner;
    CHECK(name_of(scanner.scan(text.substr(0, size))) == "incomplete");
    CHECK(scanner.position() == size);
    CHECK(name_of(scanner.finish()) == "malformed");
  }
}

TEST_CASE("scanner: a message ends at the byte that closes its value") {
  struct Row {
    std::string_view text;
    std::size_t end;
  };
  for (const auto& [text, end] : std::initializer_list<Row>{{"{}{}", 2},
                                                            {"[]x", 2},
                                                            {"{} ", 2},
                                                            {R"("a""b")", 3},
                                                            {"nullnull", 4},
                                                            {"true]", 4},
                                                            {"1 2", 1},
                                                            {"12\n", 2},
                                                            {"1{}", 1},
                                                            {"0x", 1},
                                                            {"1-1", 1},
                                                            {"1]", 1},
                                                            {"1.5,", 3}}) {
    CAPTURE(text);
    const Verdict verdict = scan_whole(text);
    CHECK(name_of(verdict.status) == "complete");
    CHECK(verdict.position == end);
    check_every_cut(text, verdict);
  }
}

TEST_CASE("scanner: no byte outside of strings may be above 0x7F, a byte order mark included") {
  check_refused("\xEF\xBB\xBF{}", 0);
  check_refused("\xFE\xFF", 0);
  check_refused("[\xEF\xBB\xBF]", 1);
}

TEST_CASE("scanner: 128 levels are accepted, the bracket of the 129th is not") {
  for (const auto& [open, inside, close] : std::initializer_list<std::array<std::string_view, 3>>{
           {"[", "", "]"}, {R"({"a":)", "1", "}"}, {R"([{"a":)", "null", "}]"}}) {
    const std::size_t levels = open.starts_with("[{") ? 2 : 1;
    CAPTURE(open);
    const std::string deepest = nested(kDepthMax / levels, open, inside, close);
    CHECK(name_of(scan_whole(deepest).status) == "complete");
    CHECK(scan_whole(deepest).position == deepest.size());
    const std::string deeper = nested(kDepthMax / levels + 1, open, inside, close);
    CHECK(name_of(scan_whole(deeper).status) == "malformed");
    CHECK(scan_whole(deeper).position == kDepthMax / levels * open.size());
  }
  CHECK(name_of(scan_whole(nested(kDepthMax, "[", "1,[", "]")).status) == "malformed");
  CHECK(scan_whole(std::string(100'000, '[')).position == kDepthMax);
}

TEST_CASE("scanner: brackets close what they opened at every level") {
  // A bit a level: the levels around the 64th share no word.
  for (std::size_t depth : {1, 2, 63, 64, 65, 66, 127, 128}) {
    CAPTURE(depth);
    for (std::size_t odd = 0; odd < depth; ++odd) {
      std::string open;
      std::string close;
      for (std::size_t level = 0; level < depth; ++level) {
        open += level == odd ? R"({"a":)" : "[";
        close.insert(0, level == odd ? "}" : "]");
      }
      const std::string text = open + "1" + close;
      CHECK(scan_whole(text).position == text.size());
      std::string wrong = text;
      wrong[text.size() - 1 - odd] = ']';
      CHECK(name_of(scan_whole(wrong).status) == "malformed");
      CHECK(scan_whole(wrong).position == text.size() - 1 - odd);
    }
  }
}

TEST_CASE("scanner: reset() restores the initial state") {
  MessageScanner scanner;
  for (const auto spoilt :
       {"{\"a\":\"\\ud83d"sv, "[[[[1"sv, "\"\xF0\x9F"sv, "[{\"id\":"sv, "tru"sv, "01"sv, "[1}"sv}) {
    CAPTURE(spoilt);
    scanner.reset();
    scanner.scan(spoilt);
    scanner.reset();
    const auto text = R"({"id":"é\n"})"sv;
    CHECK(name_of(scanner.scan(text)) == "complete");
    CHECK(describe(scanner.message()) == "object whole=object@0+13 id=string@6+6");
  }
}

TEST_CASE("scanner: without capturing, the end is found in pieces that are given alone") {
  const auto text = R"({"method":"x","params":["]}\"",{"id":[1,{"a":"é"}]}]}  {"next":1})"sv;
  const std::size_t end = text.find("  ");
  for (std::size_t from = 1; from < end; ++from) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}, text.size()}) {
      CAPTURE(from);
      CAPTURE(step);
      MessageScanner scanner;
      REQUIRE(name_of(scanner.scan(text.substr(0, from))) == "incomplete");
      scanner.stop_capturing();
      std::size_t at = from;
      auto status = Status::incomplete;
      for (; status == Status::incomplete && at < text.size();
           at += status == Status::incomplete ? step : 0) {
        status = scanner.scan(text.substr(at, step));
      }
      CHECK(name_of(status) == "complete");
      CHECK(at + scanner.position() == end);
    }
  }
}

TEST_CASE("scanner: scanned bytes are not read again") {
  // Bytes behind the scanner's position are overwritten, so that a second look would find no JSON.
  const std::string head = R"({"params":")";
  const std::string tail = R"(","id":7})";
  std::string text = head + std::string(kMessageBytesDefault - head.size() - tail.size(), 'p') + tail;
  MessageScanner scanner;
  auto status = Status::incomplete;
  for (std::size_t known = 1; known <= text.size() && status == Status::incomplete; ++known) {
    status = scanner.scan(std::string_view(text).substr(0, known));
    if (known > head.size() && known <= text.size() - tail.size()) text[known - 1] = '\x01';
  }
  CHECK(name_of(status) == "complete");
  CHECK(describe(scanner.message()) ==
        "object whole=object@0+4194304 id=number@4194302+1 params=string@10+4194286");
}

}  // namespace
}  // namespace sluice::proto::testing
