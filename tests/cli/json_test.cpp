#include <doctest/doctest.h>

#include "cli/json_check.hpp"
#include "cli/json_text.hpp"

namespace sluice::client {

TEST_CASE("json_error_offset: valid texts") {
  for (const char* text : {"0", "-0.0e-1", "1E+400", "123456789012345678901234567890", "\"\\u00e9\\\\\\\"\"",
                           "true", " [ ] ", "{}", "[[],{},[{\"a\":[1,{\"b\":null}]}]]", "{\"a\":{},\"a\":[]}",
                           "\"\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"", "\"\\ud800\"", "\t\n\r 1 \n"}) {
    CAPTURE(text);
    CHECK(is_json(text));
  }
}

TEST_CASE("json_error_offset: invalid texts") {
  for (const char* text : {"",
                           " ",
                           "[",
                           "]",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "-",
                           "1e",
                           "NaN",
                           "tru",
                           "\"",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"\n\"",
                           "1 1",
                           "[1}",
                           "{\"a\":1]",
                           "[]]",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"",
                           "\"\xe2\x82\""}) {
    CAPTURE(text);
    CHECK_FALSE(is_json(text));
  }
}

TEST_CASE("json_error_offset: every true prefix of a container is refused at its end") {
  const std::string text = R"([{"key\n":[1.5e3,"\u00e9",true,null],"b":{}},-2])";
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK(json_error_offset(std::string_view(text).substr(0, size)) == size);
  }
  CHECK(is_json(text));
}

TEST_CASE("json_error_offset: depth is bounded by memory only") {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  CHECK(is_json(deep));
}

TEST_CASE("json_error_offset: an error is found at every depth and behind it") {
  const std::string opens(300, '[');
  const std::string closes(300, ']');
  CHECK(json_error_offset(opens + "x" + closes) == 300);
  CHECK(json_error_offset(opens + "1]}" + closes) == 302);
  CHECK(json_error_offset("[5" + opens + closes + "]") == 2);
  CHECK(json_error_offset("[" + opens + closes + ",{]") == 603);
  CHECK(json_error_offset(opens + closes + "]") == 600);
  CHECK(json_error_offset(opens + closes.substr(1)) == 599);
  CHECK(json_error_offset(R"(["\ud800","\uDC00",01])") == 20);
}

TEST_CASE("indent_json: keeps numbers, key order and escapes, drops only white space") {
  CHECK(indent_json(R"({"z":1.0,"a":[1e3,{"s":"a\u0041 ,{}:\"\\"}],"e":{},"f":[ ]})") ==
        "{\n"
        "  \"z\": 1.0,\n"
        "  \"a\": [\n"
        "    1e3,\n"
        "    {\n"
        "      \"s\": \"a\\u0041 ,{}:\\\"\\\\\"\n"
        "    }\n"
        "  ],\n"
        "  \"e\": {},\n"
        "  \"f\": []\n"
        "}");
  CHECK(indent_json(" 9007199254740993 ") == "9007199254740993");
  CHECK(indent_json("[]") == "[]");
}

TEST_CASE("compact_json: undoes indent_json") {
  const std::string text = R"({"z":1.00,"a":[1e3,{"s":"a b\\"}],"e":{},"f":[]})";
  CHECK(compact_json(indent_json(text)) == text);
}

TEST_CASE("unquote_json: a string's text, and other values unchanged") {
  CHECK(unquote_json(R"("a\"b\\c\n\u0009\u00e9")") == "a\"b\\c\n\t\xc3\xa9");
  for (const char* text : {"12", "[1]", R"("\ud800")", R"("\ud800\ud800")"}) {
    CAPTURE(text);
    CHECK(unquote_json(text) == text);
  }
}

}  // namespace sluice::client
