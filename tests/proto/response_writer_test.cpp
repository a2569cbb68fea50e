#include "proto/response_writer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace sluice::proto {
namespace {

std::string result_reply(std::string_view id, std::string_view result) {
  std::string out;
  begin_result(out, id);
  out += result;
  end_result(out);
  return out;
}

TEST_CASE("replies: a result stands between its head and its tail") {
  CHECK(result_reply("1", "19") == R"({"jsonrpc":"2.0","id":1,"result":19})");
  CHECK(result_reply(R"("a\u0062")", R"({"x":[]})") ==
        R"({"jsonrpc":"2.0","id":"a\u0062","result":{"x":[]}})");
}

TEST_CASE("replies: an id goes back byte for byte") {
  for (const auto id :
       {"1.0", "1e3", "9007199254740993", "123456789012345678901234567890", R"("\/\u0000")", "null"}) {
    CAPTURE(id);
    const std::string expected = "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",";
    CHECK(result_reply(id, "0").starts_with(expected));
    CHECK(error_reply(id, internal_error()).starts_with(expected));
  }
}

TEST_CASE("replies: an error has data only where there is some") {
  CHECK(error_reply(kNullId, {-1, "no", ""}) ==
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}})");
  CHECK(error_reply("7", {42, "no", "[1]"}) ==
        R"({"jsonrpc":"2.0","id":7,"error":{"code":42,"message":"no","data":[1]}})");
}

TEST_CASE("replies: an error's message may be any bytes") {
  const auto reply = nlohmann::json::parse(error_reply("1", {1, "a\"b\n\xFF", ""}));
  CHECK(reply["error"]["message"] == "a\"b\n\xEF\xBF\xBD");
}

TEST_CASE("replies: they are appended to the output") {
  std::string out = "[";
  begin_result(out, "1");
  out += "true";
  end_result(out);
  out += ',';
  append_error(out, "2", draining());
  out += ']';
  const auto replies = nlohmann::json::parse(out);
  CHECK(replies.size() == 2);
  CHECK(replies[0]["result"] == true);
  CHECK(replies[1]["error"]["code"] == -32012);
}

}  // namespace
}  // namespace sluice::proto
