#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/message_scanner.hpp"
#include "tests/proto/every_cut.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("scanner: numbers follow the grammar and have any length") {
  for (const auto text : {"0"sv,
                          "-0"sv,
                          "1"sv,
                          "-1"sv,
                          "10"sv,
                          "0.0"sv,
                          "-0.0"sv,
                          "1.50"sv,
                          "1e3"sv,
                          "1E3"sv,
                          "1e+3"sv,
                          "1e-3"sv,
                          "1.5e10"sv,
                          "0e0"sv,
                          "0E+00"sv,
                          "9007199254740993"sv,
                          "1e999"sv,
                          "-1e-999"sv,
                          "123456789012345678901234567890"sv,
                          "0.123456789012345678901234567890"sv}) {
    check_accepted(text);
    check_accepted(in_object(text));
  }
  check_accepted(in_object(std::string(2000, '9')));

  struct Row {
    std::string_view text;
    std::size_t offset;  // within the number
  };
  for (const auto& [text, offset] : std::initializer_list<Row>{
           {"01", 1},    {"-01", 2},  {"00", 1},    {"-", 1},     {"--1", 1},   {"-a", 1},
           {"-.5", 1},   {"1.", 2},   {"1.e3", 2},  {"1.-5", 2},  {"1e", 2},    {"1e+", 3},
           {"1e+-3", 3}, {"1ee3", 2}, {"1e3.5", 3}, {"1e3e3", 3}, {"1.5.5", 3}, {"1+1", 1},
           {"1-1", 1},   {"0x1", 1},  {"1_000", 1}, {"1a", 1},    {"1.5f", 3},  {"-Infinity", 1}}) {
    CAPTURE(text);
    check_refused(in_object(text), 5 + offset);
  }
}

TEST_CASE("scanner: a number at the top is complete when the input ends") {
  MessageScanner scanner;
  CHECK(name_of(scanner.scan("12")) == "incomplete");
  CHECK(name_of(scanner.scan("123")) == "incomplete");
  CHECK(name_of(scanner.finish()) == "complete");
  CHECK(name_of(scanner.finish()) == "complete");
  CHECK(describe(scanner.message()) == "number whole=number@0+3");
}

TEST_CASE("scanner: a refused number stays refused when the input ends") {
  MessageScanner scanner;
  CHECK(name_of(scanner.scan("01")) == "malformed");
  CHECK(name_of(scanner.finish()) == "malformed");
}

TEST_CASE("scanner: strings take the escapes of JSON and no others") {
  check_accepted(R"("\"\\\/\b\f\n\r\t\u0000\u00E9\u20ac\uFFFF")");
  struct Row {
    std::string_view text;
    std::size_t offset;
  };
  for (const auto& [text, offset] : std::initializer_list<Row>{{R"("\a")", 2},
                                                               {R"("\x41")", 2},
                                                               {R"("\'")", 2},
                                                               {R"("\0")", 2},
                                                               {"\"\\\0\""sv, 2},
                                                               {"\"\\\n\"", 2},
                                                               {R"("\U0041")", 2},
                                                               {R"("\u")", 3},
                                                               {R"("\u00")", 5},
                                                               {R"("\u00g0")", 5},
                                                               {R"("\u-123")", 3},
                                                               {"\"a\nb\"", 2},
                                                               {"\"\t\"", 1},
                                                               {"\"\0\""sv, 1},
                                                               {"\"\x1F\"", 1}}) {
    check_refused(text, offset);
  }
  check_accepted("\"\x7F\"");
}

TEST_CASE("scanner: an unescaped control character is found at every position of a long string") {
  for (std::size_t at = 0; at < 70; ++at) {
    std::string text = '"' + std::string(70, 'a') + '"';
    text[1 + at] = '\x1F';
    const Verdict verdict = scan_whole(text);
    CAPTURE(at);
    CHECK(name_of(verdict.status) == "malformed");
    CHECK(verdict.position == 1 + at);
  }
}

TEST_CASE("scanner: escaped surrogates come in pairs") {
  check_accepted(R"("\ud83d\ude00")");
  check_accepted(R"("\uD800\uDC00\uDBFF\uDFFF")");
  check_accepted(R"("\ud7ff\ue000")");
  struct Row {
    std::string_view text;
    std::size_t offset;
  };
  for (const auto& [text, offset] : std::initializer_list<Row>{{R"("\ud800")", 7},
                                                               {R"("\ud800x")", 7},
                                                               {R"("\ud800\n")", 8},
                                                               {R"("\ud800\u0041")", 12},
                                                               {R"("\ud800\ud800")", 12},
                                                               {R"("\udc00")", 6},
                                                               {R"("\udc00\ud800")", 6},
                                                               {R"("\ud83d\ude00\ude00")", 18}}) {
    check_refused(text, offset);
  }
}

TEST_CASE("scanner: strings are UTF-8") {
  struct Row {
    std::string_view bytes;
    std::size_t valid;  // bytes before the offending one; npos: all of them are well-formed
  };
  constexpr auto kAll = std::string_view::npos;
  for (const auto& [bytes, valid] :
       std::initializer_list<Row>{{"\xC2\x80", kAll},
                                  {"\xDF\xBF", kAll},
                                  {"\xE0\xA0\x80", kAll},
                                  {"\xEC\xBF\xBF", kAll},
                                  {"\xED\x80\x80", kAll},
                                  {"\xED\x9F\xBF", kAll},
                                  {"\xEE\x80\x80", kAll},
                                  {"\xEF\xBF\xBF", kAll},
                                  {"\xEF\xBB\xBF", kAll},
                                  {"\xF0\x90\x80\x80", kAll},
                                  {"\xF1\x80\x80\x80", kAll},
                                  {"\xF3\xBF\xBF\xBF", kAll},
                                  {"\xF4\x80\x80\x80", kAll},
                                  {"\xF4\x8F\xBF\xBF", kAll},
                                  // a continuation with nothing to continue, and starts that no sequence has
                                  {"\x80", 0},
                                  {"\xBF", 0},
                                  {"\xC0\x80", 0},
                                  {"\xC1\xBF", 0},
                                  {"\xF5\x80\x80\x80", 0},
                                  {"\xF8\x88\x80\x80\x80", 0},
                                  {"\xFE", 0},
                                  {"\xFF", 0},
                                  // overlong, surrogates, past U+10FFFF
                                  {"\xE0\x9F\xBF", 1},
                                  {"\xE0\x80\x80", 1},
                                  {"\xED\xA0\x80", 1},
                                  {"\xED\xBF\xBF", 1},
                                  {"\xF0\x8F\xBF\xBF", 1},
                                  {"\xF4\x90\x80\x80", 1},
                                  // cut short by another character
                                  {"\xC2"sv, 1},
                                  {"\xC2\xC2\x80", 1},
                                  {"\xE2\x82", 2},
                                  {"\xE2\x28\xA1", 1},
                                  {"\xE2\x82\x28", 2},
                                  {"\xF0\x9F\x98", 3},
                                  {"\xF0\x9F\x98\x28", 3},
                                  {"\xF0\x28\x8C\xBC", 1}}) {
    for (const std::size_t before : {0, 15, 16, 17}) {
      for (const std::size_t after : {0, 4}) {
        const std::string text =
            '"' + std::string(before, 'a') + std::string(bytes) + std::string(after, 'a') + "\"";
        if (valid == kAll)
          check_accepted(text);
        else
          check_refused(text, 1 + before + valid);
      }
    }
  }
}

// The first is checked as a whole, the other byte by byte.
TEST_CASE("scanner: a string's bytes are checked alike as a whole and in pieces") {
  static constexpr auto kBytes = "\x1F \"\\\x7F\x80\x8F\x90\x9F\xA0\xBF\xC2"sv;
  const auto check_alike = [](std::string_view text) {
    MessageScanner scanner;
    const Verdict in_pieces = scan_pieces(scanner, text, [](std::size_t) { return std::size_t{1}; });
    if (scan_whole(text) == in_pieces) return;
    CAPTURE(text);
    CHECK(scan_whole(text) == in_pieces);
  };
  for (int first = 0x80; first <= 0xFF; ++first) {
    for (const char second : kBytes) {
      for (const char third : kBytes) {
        for (const char fourth : kBytes) {
          check_alike("\""s + static_cast<char>(first) + second + third + fourth + "aaaa\"");
        }
      }
    }
  }
  for (const std::string_view low :
       {"0000", "00e9", "D7FF", "d800", "dbFF", "DC00", "dfff", "e000", "00g0"}) {
    for (const std::string_view high : {"0041", "d7ff", "D800", "DBff", "dc00", "DFFF", "E000", "-000"}) {
      for (const std::string_view between : {"", "a", "\\", "\\n", "\"", "\xC2\x80"}) {
        check_alike(
            std::string(R"("\u)").append(high).append(between).append("\\u").append(low).append("a\""));
      }
    }
  }
  for (int byte = 0; byte <= 0xFF; ++byte) check_alike("\"\\"s + static_cast<char>(byte) + "a\"");
}

}  // namespace
}  // namespace sluice::proto::testing
