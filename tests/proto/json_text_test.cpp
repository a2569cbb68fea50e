#include "proto/json_text.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proto/json_tokens.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

using namespace std::string_view_literals;

// The elements of a container: `key=value|key=value|`.
std::string walk(std::string_view container) {
  std::string out;
  for (JsonWalker walker(container); walker.next();) {
    out.append(walker.key()).append("=").append(walker.value()).append("|");
  }
  return out;
}

TEST_CASE("walker: the elements of an array come in order, without the space around them") {
  struct Row {
    std::string_view container;
    std::string_view elements;
  };
  for (const auto& [container, elements] :
       std::initializer_list<Row>{{"[]", ""},
                                  {" [ \n ] ", ""},
                                  {"[1]", "=1|"},
                                  {"[ 1 ,2\t,\r\n3 ]", "=1|=2|=3|"},
                                  {R"(["a",",","]","\"]","\\"])", R"(="a"|=","|="]"|="\"]"|="\\"|)"},
                                  {R"([true,false,null,-1.5e3,""])", R"(=true|=false|=null|=-1.5e3|=""|)"},
                                  {R"([[],[[1,2],{"a":[3]}],{}])", R"(=[]|=[[1,2],{"a":[3]}]|={}|)"},
                                  {R"([[ 1 , 2 ] , { "a" : 1 } ])", R"(=[ 1 , 2 ]|={ "a" : 1 }|)"},
                                  {R"([["]"],{"}":"{"}])", R"(=["]"]|={"}":"{"}|)"}}) {
    CAPTURE(container);
    CHECK(walk(container) == elements);
  }
}

TEST_CASE("walker: the members of an object come in order, duplicates too, names without escapes") {
  struct Row {
    std::string_view container;
    std::string_view members;
  };
  for (const auto& [container, members] :
       std::initializer_list<Row>{{"{}", ""},
                                  {"{ }", ""},
                                  {R"({"a":1})", "a=1|"},
                                  {"\n{ \"a\" : 1 ,\t\"b\"\n:\n[ ] }\n", "a=1|b=[ ]|"},
                                  {R"({"":""})", R"(="")"
                                                 "|"},
                                  {R"({"a":1,"a":2,"b":3,"a":4})", "a=1|a=2|b=3|a=4|"},
                                  {R"({"\u0061\n\"":1,"b":2})", "a\n\"=1|b=2|"},
                                  {R"({"}":"}","{":{"]":[]},",":":"})", R"(}="}"|{={"]":[]}|,=":"|)"},
                                  {R"({"\ud83d\ude00":true})", "\xF0\x9F\x98\x80=true|"}}) {
    CAPTURE(container);
    CHECK(walk(container) == members);
  }
}

TEST_CASE("walker: a value that is not a container has no elements") {
  for (const auto value : {""sv, " "sv, "1"sv, R"("[1]")"sv, "null"sv, "true"sv}) CHECK(walk(value).empty());
}

TEST_CASE("walker: next() stays false after the last element") {
  JsonWalker walker("[1]");
  CHECK(walker.next());
  CHECK_FALSE(walker.next());
  CHECK_FALSE(walker.next());
}

TEST_CASE("walker: nesting as deep as a message may be is walked") {
  const std::string inside = std::string(127, '[') + std::string(127, ']');
  CHECK(walk("[" + inside + ",1]") == "=" + inside + "|=1|");
}

TEST_CASE("member: the last of several counts, names are compared without their escapes") {
  CHECK(member(R"({"a":1,"b":2})", "b") == "2");
  CHECK(member(R"({"a":1,"b":2,"a":[3]})", "a") == "[3]");
  CHECK(member(R"({"a":1,"\u0061":2})", "a") == "2");
  CHECK(member(R"( {"a":{"b":1}})", "b") == std::nullopt);
  CHECK(member(R"({"":1})", "") == "1");
  CHECK(member("{}", "a") == std::nullopt);
  CHECK(member("[1]", "") == std::nullopt);
  CHECK(member(R"("a")", "a") == std::nullopt);
  CHECK(member("", "a") == std::nullopt);
}

TEST_CASE("as_string: a string's meaning, and nothing for other kinds") {
  CHECK(as_string(R"("a")") == "a");
  CHECK(as_string(R"("")") == "");
  CHECK(as_string(R"("\"\u00e9")") == "\"\xC3\xA9");
  for (const auto value : {""sv, "1"sv, "null"sv, "[]"sv, R"({"a":"b"})"sv})
    CHECK(as_string(value) == std::nullopt);
}

TEST_CASE("string_size: a string ends at its first quote without a backslash of its own") {
  for (const auto string : {R"("")"sv, R"("a")"sv, R"("\"")"sv, R"("\\")"sv, R"("\\\"]")"sv}) {
    CAPTURE(string);
    CHECK(string_size(string) == string.size());
    CHECK(string_size(std::string(string) + R"(,"b"])") == string.size());
  }
}

TEST_CASE("append_compact: drops the white space between tokens and nothing else") {
  std::string out = "kept ";
  append_compact(out, "\n{ \"z\" : 1.00 ,\t\"a b\\\\\" : [ 1e3 , { } ,\r\n\" \\\" \" ] } ");
  CHECK(out == R"(kept {"z":1.00,"a b\\":[1e3,{}," \" "]})");
}

TEST_CASE("unescape: every escape has its meaning") {
  struct Row {
    std::string_view raw;
    std::string_view meaning;
  };
  for (const auto& [raw, meaning] : std::initializer_list<Row>{
           {"", ""},
           {"plain \xC3\xA9", "plain \xC3\xA9"},
           {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
           {R"(\\n)", "\\n"},
           {R"(a\u0041b)", "aAb"},
           {R"(\u0000)", "\0"sv},
           {R"(\u007f\u0080\u07ff\u0800\uffff)", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
           {R"(\u00E9\u00e9)", "\xC3\xA9\xC3\xA9"},
           {R"(\ud7ff\ue000)", "\xED\x9F\xBF\xEE\x80\x80"},
           {R"(\ud800\udc00)", "\xF0\x90\x80\x80"},
           {R"(\uDBFF\uDFFF)", "\xF4\x8F\xBF\xBF"},
           {R"(x\ud83d\ude00y)", "x\xF0\x9F\x98\x80y"}}) {
    CAPTURE(raw);
    CHECK(unescape(raw) == meaning);
  }
}

TEST_CASE("unescape: every code point means what nlohmann_json takes it for") {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto escape = [](std::uint32_t unit) {
    std::string out = "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
    return out;
  };
  std::string raw;
  for (std::uint32_t code = 0; code <= 0xFFFF; ++code) {
    if (code < 0xD800 || code > 0xDFFF) raw += escape(code);
  }
  for (std::uint32_t code = 0x10000; code <= 0x10FFFF; code += 257) {
    raw += escape(0xD800 + ((code - 0x10000) >> 10)) + escape(0xDC00 + ((code - 0x10000) & 0x3FF));
  }
  const std::string text = '"' + raw + '"';
  CHECK(name_of(scan_whole(text).status) == "complete");
  CHECK(unescape(raw) == nlohmann::json::parse(text).get<std::string>());
}

TEST_CASE("quoted: what must be escaped is, and nothing else") {
  struct Row {
    std::string_view text;
    std::string_view quoted;
  };
  for (const auto& [text, expected] : std::initializer_list<Row>{
           {"", R"("")"},
           {"plain", R"("plain")"},
           {"a\"b\\c/d", R"("a\"b\\c/d")"},
           {"\n", R"("\n")"},
           {"\0\x01\x1F\t\r\x7F"sv, "\"\\u0000\\u0001\\u001f\\u0009\\u000d\x7F\""},
           {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""}}) {
    CAPTURE(text);
    CHECK(proto::quoted(text) == expected);
  }
  std::string out = "kept ";
  append_quoted(out, "x");
  CHECK(out == "kept \"x\"");
}

TEST_CASE("quoted: a byte that is not UTF-8 becomes U+FFFD, its neighbours stay") {
  struct Row {
    std::string_view text;
    std::size_t replaced;
    std::string_view kept;
  };
  for (const auto& [text, replaced, kept] : std::initializer_list<Row>{{"a\x80z", 1, "az"},
                                                                       {"a\xFFz", 1, "az"},
                                                                       {"a\xC3z", 1, "az"},
                                                                       {"a\xC0\x80z", 2, "az"},
                                                                       {"a\xE2\x82z", 2, "az"},
                                                                       {"a\xE2\x82", 2, "a"},
                                                                       {"a\xED\xA0\x80z", 3, "az"},
                                                                       {"a\xF0\x9F\x98z", 3, "az"},
                                                                       {"a\xF4\x90\x80\x80z", 4, "az"},
                                                                       {"\xE0\x80\x80", 3, ""},
                                                                       {"\xF0\x80\x80\x80", 4, ""},
                                                                       {"\xF5\x80\x80\x80", 4, ""}}) {
    CAPTURE(replaced);
    const std::string out = proto::quoted(text);
    CHECK(name_of(scan_whole(out).status) == "complete");
    std::string rest;
    std::size_t marks = 0;
    const std::string inside = out.substr(1, out.size() - 2);
    for (std::size_t i = 0; i < inside.size();) {
      const bool mark = inside.compare(i, 3, "\xEF\xBF\xBD") == 0;
      marks += mark ? 1 : 0;
      if (!mark) rest += inside[i];
      i += mark ? 3 : 1;
    }
    CHECK(marks == replaced);
    CHECK(rest == kept);
  }
}

TEST_CASE("quoted: any bytes make valid JSON, and text comes back as it was") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string out = proto::quoted(text);
      const Verdict verdict = scan_whole(out);
      REQUIRE(verdict.status == MessageScanner::Status::complete);
      REQUIRE(verdict.position == out.size());
      if (scan_whole("\"" + text + "\"").position == 4) REQUIRE(as_string(out).has_value());
      if (first < 0x80 && second < 0x80) REQUIRE(as_string(out) == text);
    }
  }
}

}  // namespace
}  // namespace sluice::proto::testing
