#include "cli/batch.hpp"

#include <doctest/doctest.h>

namespace sluice::client {
namespace {

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("Batch: lines become calls with their number as id") {
  const std::vector<std::string> lines{"demo.sum [1, 2.50]", "", "  demo.echo a=1 b=x  ", "demo.throw"};
  const auto batch = batch_from_lines(lines, {});
  REQUIRE(batch.has_value());
  CHECK(batch.value().text ==
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo.sum\",\"params\":[1, 2.50]},"
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"demo.echo\",\"params\":{\"a\":1,\"b\":\"x\"}},"
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"demo.throw\"}]\n");
  CHECK(batch.value().ids == Ids{"1", "2", "3"});
}

TEST_CASE("Batch: short calls are completed, whole messages are sent as they are") {
  const auto batch = batch_from_json(
      R"([{"method":"a","params":[1.0]}, {"jsonrpc":"2.0","method":"note"}, {"jsonrpc":"2.0","id":"x","method":"b"},
          {"method":"c","timeout_ms":5,"id":7}, 1])",
      {});
  REQUIRE(batch.has_value());
  CHECK(batch.value().text ==
        R"([{"jsonrpc":"2.0","id":1,"method":"a","params":[1.0]},{"jsonrpc":"2.0","method":"note"},)"
        R"({"jsonrpc":"2.0","id":"x","method":"b"},{"jsonrpc":"2.0","method":"c","timeout_ms":5,"id":7},1])"
        "\n");
  CHECK(batch.value().ids == Ids{"1", "", "\"x\"", "7", "null"});
}

TEST_CASE("Batch: settings go to calls that are completed, before their own members") {
  CallSettings settings;
  settings.deadline = std::chrono::milliseconds(50);
  const auto batch = batch_from_json(R"([{"method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"}])", settings);
  REQUIRE(batch.has_value());
  CHECK(batch.value().text ==
        R"([{"jsonrpc":"2.0","id":1,"timeout_ms":50,"method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"}])"
        "\n");
}

TEST_CASE("Batch: no calls, bad JSON and bad params are usage errors") {
  CHECK_FALSE(batch_from_json("[]", {}).has_value());
  CHECK_FALSE(batch_from_json("[{]", {}).has_value());
  CHECK_FALSE(batch_from_lines(Ids{"", "  "}, {}).has_value());
  CHECK_FALSE(batch_from_lines(Ids{"demo.sum [1"}, {}).has_value());
  CHECK_FALSE(batch_from_lines(Ids{"demo.sum 1 a=2"}, {}).has_value());
}

TEST_CASE("Batch: params in a word of their own are not taken for a method") {
  for (const char* params : {"[1,2]", "{\"a\":1}", "a=1", "-1", "true"}) {
    CAPTURE(params);
    const auto batch = batch_from_lines(Ids{"demo.sum", params}, {});
    REQUIRE_FALSE(batch.has_value());
    CHECK(batch.error().message.find(params) != std::string::npos);
    CHECK(batch.error().message.find("METHOD is missing") != std::string::npos);
  }
}

TEST_CASE("Batch: replies are put into the order of the calls, strays last") {
  const auto ordered =
      order_replies(R"([{"id":3},{"id":null},{"id":"x"},{"id":1}])", Ids{"1", "\"x\"", "", "3"});
  const std::vector<std::string_view> expected{R"({"id":1})", R"({"id":"x"})", R"({"id":3})",
                                               R"({"id":null})"};
  CHECK(ordered == expected);
}

}  // namespace sluice::client
