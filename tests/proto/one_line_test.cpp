#include "proto/one_line.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "proto/json_text.hpp"

namespace sluice::proto::testing {
namespace {

constexpr std::array<std::string_view, 5> kSeparators = {"\n", "\r", "\xC2\x85", "\xE2\x80\xA8",
                                                         "\xE2\x80\xA9"};

std::string one_line(std::string_view json) {
  std::string out = ">";
  append_one_line(out, json);
  return out;
}

TEST_CASE("a separator is seen at every position of a text, whatever is around it") {
  for (const std::string_view separator : kSeparators) {
    for (std::size_t size = 0; size < 40; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string text(size, 'x');
        text.insert(at, separator);
        CHECK_FALSE(is_one_line(text));
        text.insert(0, "\xE2\x82\xAC\xC2\xB5\xE2\x80\xA6");  // begin as separators do, but are others
        CHECK_FALSE(is_one_line(text));
      }
    }
  }
}

TEST_CASE("other control characters and other characters of several bytes separate nothing") {
  for (const char* text :
       {"", "x", "\t", "\xC2\xB5", "\xC2\x84", "\xE2\x80\xA7", "\xE2\x80\xAA", "\xE3\x80\xA8",
        "0123456789abcde\xE2\x82\xAC", "\xF0\x9F\x98\x80 and more than sixteen bytes \xC3\xA9"}) {
    CHECK(is_one_line(text));
    CHECK(one_line(text) == ">" + std::string(text));
  }
}

TEST_CASE("a text of one line stays unchanged, white space included") {
  CHECK(one_line(R"([1, {"a" : "b  c"}])") == R"(>[1, {"a" : "b  c"}])");
}

TEST_CASE("white space of several lines is removed outside of strings") {
  CHECK(one_line("[1,\r {\"a b\" :\t2}]") == R"(>[1,{"a b":2}])");
  CHECK(one_line("\n[\"\\\"\\n \", 1.0]") == R"(>["\"\n ",1.0])");
}

TEST_CASE("separators in strings are escaped") {
  CHECK(one_line("[\"a\xC2\x85 b\xE2\x80\xA8 c\xE2\x80\xA9\", 1]") == R"(>["a\u0085 b\u2028 c\u2029",1])");
  CHECK(one_line("{\"\\\\\xE2\x80\xA8\":\"\\u2028\"}") == R"(>{"\\\u2028":"\u2028"})");
}

TEST_CASE("a string that is quoted again has no separators") {
  for (const std::string_view separator : kSeparators) CHECK(is_one_line(quoted(separator)));
  CHECK(quoted("\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC") == "\"\\u0085\\u2028\\u2029\xE2\x82\xAC\"");
  CHECK(quoted("\xE2\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace sluice::proto::testing
