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

TEST_CASE("a null beside a result or an error is ignored") {
  CHECK(read(R"({"id":1,"result":2,"error":null})") == "1 result 2");
  CHECK(read(R"({"id":1,"result":null,"error":{"code":1,"message":""}})") ==
        R"(1 error 1 {"code":1,"message":""})");
}

TEST_CASE("an id counts by its value, however it is written") {
  for (const char* id :
       {"30", "30.0", "\"30\"", "3e1", "3E+1", "300e-1", "\"30.0\"", "\"3\\u0030\"", "\"030\""}) {
    CAPTURE(id);
    CHECK(read(R"({"result":1,"id":)" + std::string(id) + "}") == "30 result 1");
  }
  CHECK(read(R"({"id":2147483647,"result":1})") == "2147483647 result 1");
  CHECK(read(R"({"id":2147483647.0,"result":1})") == "2147483647 result 1");
}

TEST_CASE("an error's code may have any size") {
  const auto code = [](const std::string& text) {
    const std::string found = read(R"({"id":1,"error":{"code":)" + text + R"(,"message":"m"}})");
    return found.substr(0, found.find('{') - 1);
  };
  CHECK(code("10990201005") == "1 error 10990201005");
  CHECK(code("-10990201005") == "1 error -10990201005");
  CHECK(code("9223372036854775807") == "1 error 9223372036854775807");
  CHECK(code("9223372036854775808") == "1 error 9223372036854775807");
  CHECK(code("-" + std::string(400, '9')) == "1 error -9223372036854775808");
  CHECK(code("5.0") == "1 error 5");
  CHECK(code("1e3") == "1 error 1000");
}

TEST_CASE("a message that is not a reply to a call of this server is recognized") {
  for (const char* text : {R"({"id":1})",
                           R"({"result":1})",
                           R"({"id":null,"result":1})",
                           R"({"id":"x1","result":1})",
                           R"({"id":-1,"result":1})",
                           R"({"id":0,"result":1})",
                           R"({"id":1.5,"result":1})",
                           R"({"id":"","result":1})",
                           R"({"id":"-1","result":1})",
                           R"({"id":"1 ","result":1})",
                           R"({"id":"inf","result":1})",
                           R"({"id":2147483648,"result":1})",
                           R"({"id":[1],"result":1})",
                           R"({"id":true,"result":1})",
                           R"({"id":99999999999999999999,"result":1})",
                           R"({"id":1e999,"result":1})",
                           R"({"id":1,"result":1,"error":{"code":1,"message":"m"}})",
                           R"({"id":1,"error":"text"})",
                           R"({"id":1,"error":{}})",
                           R"({"id":1,"error":{"code":"1","message":"m"}})",
                           R"({"id":1,"error":{"code":1}})",
                           R"({"id":1,"error":{"code":1,"message":2}})",
                           R"({"id":1,"error":{"code":1.5,"message":"m"}})",
                           R"({"id":1,"error":{"code":null,"message":"m"}})",
                           R"({"id":1,"error":null})",
                           R"({"id":1,"method":"m","result":1})",
                           R"([{"id":1,"result":1}])",
                           R"("text")",
                           "{}"}) {
    CAPTURE(text);
    CHECK(read(text) == "no reply");
  }
}

TEST_CASE("an error that names no call differs from one that does, and from invalid errors") {
  const auto read_code = [](std::string_view text) {
    MessageScanner scanner;
    scanner.scan(text);
    const auto reply = read_unnamed_error(text, scanner.message().single);
    return reply ? reply->error_code : 0;
  };
  CHECK(read_code(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})") ==
        -32700);
  CHECK(read_code(R"({"error":{"code":5,"message":"no"},"result":null})") == 5);
  for (const char* id : {"\"x\"", "0", "-1", "{}", "1.5", "false"}) {
    CHECK(read_code(R"({"error":{"code":5,"message":"no"},"id":)" + std::string(id) + "}") == 5);
  }
  for (const char* text :
       {R"({"id":1,"error":{"code":5,"message":"no"}})", R"({"id":"7","error":{"code":5,"message":"no"}})",
        R"({"id":null,"error":{"code":5}})", R"({"id":null,"result":1,"error":{"code":5,"message":"no"}})",
        R"({"id":null,"error":"no"})", R"({"method":"m","error":{"code":5,"message":"no"}})", "{}", "[]"}) {
    CAPTURE(text);
    CHECK(read_code(text) == 0);
  }
}

TEST_CASE("the id of an incomplete reply is known if it came first") {
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
