#include "proto/reply.hpp"

#include <doctest/doctest.h>

#include <string>

#include "proto/message_scanner.hpp"

namespace sluice::proto::testing {
namespace {

std::string read(std::string_view text) {
  MessageScanner scanner;
  if (scanner.scan(text) != MessageScanner::Status::complete) return "malformed";
  const auto reply = read_reply(text, scanner.message().single);
  if (!reply) return "no reply";
  const std::string id = std::to_string(reply->id);
  if (!reply->error.empty())
    return id + " error " + std::to_string(reply->error_code) + " " + std::string(reply->error);
  return id + " result " + std::string(reply->result);
}

TEST_CASE("a reply's parts are found in any order, as they stand") {
  CHECK(read(R"({"jsonrpc":"2.0","id":7,"result":{"a":[1.0, 2]}})") == R"(7 result {"a":[1.0, 2]})");
  CHECK(read(R"({ "result" : null , "id" : 8 })") == "8 result null");
  CHECK(read(R"({"error":{"code":-5,"message":"no","data":{"x":1}},"id":9})") ==
        R"(9 error -5 {"code":-5,"message":"no","data":{"x":1}})");
}

TEST_CASE("a null beside the part that counts is as good as nothing") {
  CHECK(read(R"({"id":1,"result":2,"error":null})") == "1 result 2");
  CHECK(read(R"({"id":1,"result":null,"error":{"code":1,"message":""}})") ==
        R"(1 error 1 {"code":1,"message":""})");
}

TEST_CASE("what is no reply to a call of this server's is told") {
  for (const char* text :
       {R"({"id":1})", R"({"result":1})", R"({"id":null,"result":1})", R"({"id":"1","result":1})",
        R"({"id":-1,"result":1})", R"({"id":1.0,"result":1})", R"({"id":1e3,"result":1})",
        R"({"id":99999999999999999999,"result":1})",
        R"({"id":1,"result":1,"error":{"code":1,"message":"m"}})", R"({"id":1,"error":"text"})",
        R"({"id":1,"error":{}})", R"({"id":1,"error":{"code":"1","message":"m"}})",
        R"({"id":1,"error":{"code":1}})", R"({"id":1,"error":{"code":1,"message":2}})",
        R"({"id":1,"error":null})", R"({"id":1,"method":"m","result":1})", R"([{"id":1,"result":1}])",
        R"("text")", "{}"}) {
    CAPTURE(text);
    CHECK(read(text) == "no reply");
  }
}

TEST_CASE("an error that names no call is told from one that does, and from what is no error") {
  const auto read_code = [](std::string_view text) {
    MessageScanner scanner;
    scanner.scan(text);
    const auto reply = read_unnamed_error(text, scanner.message().single);
    return reply ? reply->error_code : 0;
  };
  CHECK(read_code(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})") ==
        -32700);
  CHECK(read_code(R"({"error":{"code":5,"message":"no"},"result":null})") == 5);
  for (const char* text :
       {R"({"id":1,"error":{"code":5,"message":"no"}})", R"({"id":"x","error":{"code":5,"message":"no"}})",
        R"({"id":null,"error":{"code":5}})", R"({"id":null,"result":1,"error":{"code":5,"message":"no"}})",
        R"({"id":null,"error":"no"})", R"({"method":"m","error":{"code":5,"message":"no"}})", "{}", "[]"}) {
    CAPTURE(text);
    CHECK(read_code(text) == 0);
  }
}

TEST_CASE("the id of a reply that is not whole is known where it came first") {
  MessageScanner scanner;
  const std::string text = R"({"jsonrpc":"2.0","id":12,"result":"xxxxxxxx)";
  CHECK(scanner.scan(text) == MessageScanner::Status::incomplete);
  CHECK(read_reply_id(text, scanner.message().single) == 12);
  scanner.reset();
  const std::string cut = R"({"id":12)";
  scanner.scan(cut);
  CHECK_FALSE(read_reply_id(cut, scanner.message().single));
}

}  // namespace
}  // namespace sluice::proto::testing
