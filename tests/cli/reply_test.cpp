#include "cli/reply.hpp"

#include <doctest/doctest.h>

#include "cli/request.hpp"

namespace sluice::client {

TEST_CASE("parse_reply: members are found in any order, as they were written") {
  const Reply reply = parse_reply(R"({"result" : [1.0, {"id":9}], "id":1e3,"jsonrpc":"2.0"})");
  CHECK(reply.result == R"([1.0, {"id":9}])");
  CHECK(reply.id == "1e3");
  CHECK_FALSE(reply.is_error());
  CHECK(parse_reply(R"({"id":null,"error":{"code":1}})").is_error());
  CHECK_FALSE(parse_reply(R"({"id":1,"error":null,"result":1})").is_error());
}

TEST_CASE("describe_error: one line, whatever the message holds") {
  CHECK(
      describe_error(R"({"code":-32601,"message":"Method not found","data":{"reason": "unknown_method"}})") ==
      R"(error -32601: Method not found {"reason":"unknown_method"})");
  CHECK(describe_error(R"({"code":1,"message":"two\nlines"})") == R"(error 1: "two\nlines")");
  CHECK(describe_error("{}") == "error without a code: ");
}

TEST_CASE("describe_note: method and params in one line, whatever the method holds") {
  CHECK(describe_note("{\"method\":\"rpc.progress\",\"params\":{\"value\":\n50}}") ==
        "rpc.progress {\"value\":50}");
  CHECK(describe_note(R"({"method":"m"})") == "m");
  CHECK(describe_note(R"({"method":"two\nlines"})") == R"("two\nlines")");
}

TEST_CASE("make_request: notes are asked for beside the method") {
  CallSettings settings;
  settings.notes = true;
  CHECK(make_request("m", "", "1", settings) ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"notes\":true}\n");
}

TEST_CASE("make_request: params and id keep their text, notifications have no id") {
  CHECK(make_request("m", "[1.0]", "1", {}) ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[1.0]}\n");
  CHECK(make_request("a\"b", "", "", {}) == "{\"jsonrpc\":\"2.0\",\"method\":\"a\\\"b\"}\n");
}

TEST_CASE("make_request: a request is one line, whatever its params look like") {
  CHECK(make_request("m", "[\n 1,\n \"a b\"]", "1", {}) ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[1,\"a b\"]}\n");
}

TEST_CASE("make_request: settings are members beside method") {
  CallSettings settings;
  settings.deadline = std::chrono::milliseconds(1500);
  settings.traceparent = "00-x";
  CHECK(make_request("m", "", "1", settings) ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"timeout_ms\":1500,\"traceparent\":\"00-x\"}\n");
}

}  // namespace sluice::client
