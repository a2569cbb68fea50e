#include "proto/request.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "proto/message_scanner.hpp"
#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

using namespace std::string_view_literals;

std::string describe_call(std::string_view text, const Envelope& envelope) {
  std::string scratch;
  Request request;
  // Its earlier values must not show.
  request.timeout = std::chrono::milliseconds(1);
  request.traceparent = "before";
  if (const auto invalid = read_request(text, envelope, request, scratch)) {
    CHECK(invalid->error.code == -32600);
    return "invalid id=" + std::string(invalid->id);
  }
  std::string out = request.is_notification() ? "notification" : "call id=" + std::string(request.id);
  out.append(" method=").append(request.method);
  if (!request.params.empty()) out.append(" params=").append(request.params);
  if (request.timeout) out += " timeout=" + std::to_string(request.timeout->count());
  if (!request.traceparent.empty()) out.append(" traceparent=").append(request.traceparent);
  return out;
}

// `text` as one call, or as the entries of a batch, one a line.
std::string read(std::string_view text) {
  MessageScanner scanner;
  scanner.scan(text);
  REQUIRE(name_of(scanner.finish()) == "complete");
  if (!scanner.message().is_batch()) return describe_call(text, scanner.message().single);
  std::string out;
  for (const auto& entry : scanner.message().entries) out += describe_call(text, entry) + "\n";
  return out;
}

// A call with `more` behind its version and method.
std::string read_with(std::string_view more) {
  return read(R"({"jsonrpc":"2.0","method":"m")" + std::string(more) + "}");
}

TEST_CASE("request: the specification's examples") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (
      const auto& [text, expected] : std::initializer_list<Row>{
          {R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})",
           "call id=1 method=subtract params=[42, 23]"},
          {R"({"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3})",
           R"(call id=3 method=subtract params={"subtrahend": 23, "minuend": 42})"},
          {R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})",
           "notification method=update params=[1,2,3,4,5]"},
          {R"({"jsonrpc": "2.0", "method": "foobar"})", "notification method=foobar"},
          {R"({"jsonrpc": "2.0", "method": "foobar", "id": "1"})", R"(call id="1" method=foobar)"},
          {R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})", "invalid id=null"},
          {"[]", ""},
          {"[1]", "invalid id=null\n"},
          {"[1,2,3]", "invalid id=null\ninvalid id=null\ninvalid id=null\n"},
          {R"([
                {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
                {"foo": "boo"},
                {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
                {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
               ])",
           "call id=\"1\" method=sum params=[1,2,4]\n"
           "notification method=notify_hello params=[7]\n"
           "invalid id=null\n"
           "call id=\"5\" method=foo.get params={\"name\": \"myself\"}\n"
           "call id=\"9\" method=get_data\n"}}) {
    CAPTURE(text);
    CHECK(read(text) == expected);
  }
}

TEST_CASE("request: an id is kept as it was written") {
  for (const auto id : {"0"sv, "-0"sv, "1"sv, "1.0"sv, "1e3"sv, "1E+3"sv, "9007199254740993"sv, "1e999"sv,
                        "123456789012345678901234567890"sv, R"("")"sv, R"("a")"sv, R"("\u0061\/\"")"sv,
                        "\"\xC3\xA9\""sv, "null"sv}) {
    CAPTURE(id);
    CHECK(read_with(",\"id\":" + std::string(id)) == "call id=" + std::string(id) + " method=m");
    CHECK(read_with(",\"id\" : " + std::string(id) + " ") == "call id=" + std::string(id) + " method=m");
  }
}

TEST_CASE("request: an id that is an object, an array or a boolean is refused with id null") {
  for (const auto id : {"{}", "[]", "[1]", R"({"id":1})", "true", "false"}) {
    CAPTURE(id);
    CHECK(read_with(",\"id\":" + std::string(id)) == "invalid id=null");
  }
}

TEST_CASE("request: an invalid request is refused with its id") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] :
       std::initializer_list<Row>{{R"({"method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"1.0","method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"2.00","method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"","method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":2.0,"method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":["2.0"],"method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":null,"method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"\\2.0","method":"m","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"2.0","id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"2.0","method":null,"id":1})", "invalid id=1"},
                                  {R"({"jsonrpc":"2.0","method":["m"],"id":"x\ny"})", R"(invalid id="x\ny")"},
                                  {R"({"jsonrpc":"2.0","method":{},"id":null})", "invalid id=null"},
                                  {R"({"jsonrpc":"2.0","result":1,"id":1})", "invalid id=1"},
                                  {"{}", "invalid id=null"},
                                  {"1", "invalid id=null"},
                                  {R"("m")", "invalid id=null"},
                                  {"null", "invalid id=null"},
                                  {R"([["jsonrpc","2.0"]])", "invalid id=null\n"}}) {
    CAPTURE(text);
    CHECK(read(text) == expected);
  }
}

TEST_CASE("request: the version may be written with escapes") {
  CHECK(read(R"({"jsonrpc":"2\u002e0","method":"m"})") == "notification method=m");
  CHECK(read(R"({"jsonrpc":"\u0032.0","method":"m"})") == "notification method=m");
}

TEST_CASE("request: params are an array, an object or absent") {
  CHECK(read_with("") == "notification method=m");
  CHECK(read_with(R"(,"params":[])") == "notification method=m params=[]");
  CHECK(read_with(R"(,"params": { } )") == "notification method=m params={ }");
  for (const auto params : {"null", "1", R"("[]")", "true", "false"}) {
    CAPTURE(params);
    CHECK(read_with(R"(,"id":1,"params":)" + std::string(params)) == "invalid id=1");
  }
}

TEST_CASE("request: a method's name is decoded") {
  struct Row {
    std::string_view method;
    std::string_view expected;
  };
  for (const auto& [method, expected] : std::initializer_list<Row>{{R"("a.b/c")", "a.b/c"},
                                                                   {R"("")", ""},
                                                                   {R"("\u0061\/b")", "a/b"},
                                                                   {R"("\"\\")", "\"\\"},
                                                                   {R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
                                                                   {"\"\xC3\xA9\"", "\xC3\xA9"},
                                                                   {R"("a\u0000b")", "a\0b"sv}}) {
    CAPTURE(method);
    CHECK(read(R"({"jsonrpc":"2.0","id":1,"method":)" + std::string(method) + "}") ==
          "call id=1 method=" + std::string(expected));
  }
}

TEST_CASE(
    "request: a name without escapes points into the message, one with escapes into the scratch string") {
  const std::string_view text =
      R"([{"jsonrpc":"2.0","method":"plain"},{"jsonrpc":"2.0","method":"esc\u0061ped"}])";
  MessageScanner scanner;
  scanner.scan(text);
  std::string scratch;
  Request plain;
  CHECK(!read_request(text, scanner.message().entries.at(0), plain, scratch));
  CHECK(plain.method.data() > text.data());
  CHECK(plain.method.data() < text.data() + text.size());
  CHECK(scratch.empty());
  Request escaped;
  CHECK(!read_request(text, scanner.message().entries.at(1), escaped, scratch));
  CHECK(escaped.method == "escaped");
  CHECK(escaped.method.data() == scratch.data());
}

TEST_CASE("request: timeout_ms is a positive integer") {
  for (const auto& [number, expected] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"1", "1"}, {"250", "250"}, {"31536000000", "31536000000"}}) {
    CHECK(read_with(R"(,"timeout_ms":)" + std::string(number)) ==
          "notification method=m timeout=" + std::string(expected));
  }
  for (const auto wrong : {"0", "-0", "-1", "1.0", "1.5", "1e3", "0.5", "0e9", R"("100")", R"("")", "null",
                           "true", "[]", "[1]", "{}"}) {
    CAPTURE(wrong);
    CHECK(read_with(R"(,"id":1,"timeout_ms":)" + std::string(wrong)) == "invalid id=1");
  }
}

TEST_CASE("request: a timeout_ms longer than a year is a year") {
  for (const auto number : {"31536000001", "9223372036854775807", "9223372036854775808",
                            "18446744073709551616", "999999999999999999999999999999999999999999"}) {
    CAPTURE(number);
    CHECK(read_with(R"(,"timeout_ms":)" + std::string(number)) ==
          "notification method=m timeout=31536000000");
  }
}

TEST_CASE("request: a traceparent that is not a string is ignored") {
  CHECK(read_with(R"(,"traceparent":"00-0af7-b7ad-01")") ==
        "notification method=m traceparent=00-0af7-b7ad-01");
  for (const auto other : {R"("")", "1", "null", "[]", R"({"a":1})", "true"}) {
    CAPTURE(other);
    CHECK(read_with(R"(,"traceparent":)" + std::string(other)) == "notification method=m");
  }
}

TEST_CASE("request: members that are not known are ignored") {
  CHECK(read_with(R"(,"id":1,"meta":{"id":2},"Params":[1],"":0)") == "call id=1 method=m");
}

TEST_CASE("request: of duplicate members the last decides") {
  CHECK(
      read(
          R"({"jsonrpc":"1.0","jsonrpc":"2.0","method":1,"method":"b","id":[],"id":2,"params":1,"params":[3]})") ==
      "call id=2 method=b params=[3]");
  CHECK(read(R"({"jsonrpc":"2.0","jsonrpc":"1.0","method":"m","id":1})") == "invalid id=1");
  CHECK(read(R"({"jsonrpc":"2.0","method":"m","id":1,"id":{}})") == "invalid id=null");
}

}  // namespace
}  // namespace sluice::proto::testing
