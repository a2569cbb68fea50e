#include "cli/bench_request.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cli/reply_scan.hpp"

namespace sluice::client {

TEST_CASE("RequestId: the generation counts up and carries, the slot stays") {
  RequestId id(42);
  CHECK(id.text() == "1000000000000042");
  id.advance();
  CHECK(id.text() == "1000000010000042");
  for (int i = 0; i < 9; ++i) id.advance();
  CHECK(id.text() == "1000000100000042");
  CHECK(RequestId::slot_of(id.text()) == 42u);
}

TEST_CASE("RequestId: only the current id is its own") {
  RequestId id(RequestId::kSlotsMax - 1);
  const std::string before(id.text());
  id.advance();
  CHECK_FALSE(id.is(before));
  CHECK(id.is(id.text()));
  CHECK_FALSE(id.is("1"));
  CHECK(RequestId::slot_of("17") == std::nullopt);
}

TEST_CASE("RequestPattern: the id's position is that of its digits") {
  const RequestPattern pattern("demo.echo", "[\"x\"]");
  CHECK(pattern.text ==
        "{\"jsonrpc\":\"2.0\",\"id\":1000000000000000,\"method\":\"demo.echo\",\"params\":[\"x\"]}\n");
  CHECK(pattern.text.substr(pattern.id_offset, RequestId::kDigits) == "1000000000000000");
}

TEST_CASE("scan_reply: results are recognised in any layout") {
  for (const char* line :
       {R"({"jsonrpc":"2.0","id":1000000010000042,"result":["a"]})",
        R"({"jsonrpc":"2.0","result":{"id":5,"x":"}\\\"{"},"id":1000000010000042})",
        R"( { "id" : 1000000010000042 , "error" : null, "result" : [1, {"error":2}] } )"}) {
    CAPTURE(line);
    const ScannedReply reply = scan_reply(line);
    CHECK(reply.id == "1000000010000042");
    CHECK(reply.error.empty());
  }
}

TEST_CASE("scan_reply: an error comes with its code") {
  const ScannedReply reply =
      scan_reply(R"({"jsonrpc":"2.0","id":7,"error":{"code":-32009,"message":"busy","data":{"code":1}}})");
  CHECK(reply.id == "7");
  CHECK(error_code(reply.error) == -32009);
  CHECK(error_code(R"({"data":{"code":1}})") == 0);
}

TEST_CASE("scan_reply: lone surrogates and deep nesting are accepted") {
  CHECK(scan_reply(R"({"id":7,"error":{"code":1,"message":"\ud800"}})").id == "7");
  CHECK(scan_reply(R"({"id":7,"result":)" + std::string(300, '[') + std::string(300, ']') + "}").id == "7");
}

TEST_CASE("scan_reply: a line that is not a reply has no id") {
  for (const char* line : {"", "{", "[]", "x", R"({"id":1)", R"({"id":1})", R"({"jsonrpc":"2.0","id":1,)",
                           R"({"id")", R"({"id":1,"error":{x}})", R"([{"id":1,"result":2}])"}) {
    CAPTURE(line);
    CHECK(scan_reply(line).id.empty());
  }
}

}  // namespace sluice::client
