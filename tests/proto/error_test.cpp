// Every error as it is sent.
#include "proto/error.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proto/response_writer.hpp"

namespace sluice::proto {
namespace {

using namespace std::chrono_literals;

TEST_CASE("errors: each has its code, its message and its reason") {
  struct Row {
    Error error;
    std::string_view wire;
  };
  for (
      const auto& [error, wire] : std::initializer_list<Row>{
          {parse_error(17),
           R"({"code":-32700,"message":"Parse error","data":{"reason":"parse","offset":17}})"},
          {invalid_request("id must be \"x\""),
           R"({"code":-32600,"message":"Invalid Request","data":{"reason":"invalid_request",)"
           R"("detail":"id must be \"x\""}})"},
          {method_not_found(),
           R"({"code":-32601,"message":"Method not found","data":{"reason":"unknown_method"}})"},
          {invalid_params("/a/0", "a number"),
           R"({"code":-32602,"message":"Invalid params","data":{"reason":"invalid_params","path":"/a/0",)"
           R"("expected":"a number"}})"},
          {internal_error(), R"({"code":-32603,"message":"Internal error","data":{"reason":"internal"}})"},
          {timed_out(2500ms),
           R"({"code":-32002,"message":"Request timed out","data":{"reason":"timeout","timeout_ms":2500}})"},
          {request_too_big(4194304),
           R"({"code":-32007,"message":"Request is too big","data":{"reason":"request_too_big","limit":4194304}})"},
          {response_too_big(16777216),
           R"({"code":-32008,"message":"Response is too big","data":{"reason":"response_too_big","limit":16777216}})"},
          {busy(BusyReason::queue_full, 50ms),
           R"({"code":-32009,"message":"Server is busy, try again later",)"
           R"("data":{"reason":"queue_full","retry_after_ms":50}})"},
          {busy(BusyReason::method_busy, 1s), R"({"code":-32009,"message":"Server is busy, try again later",)"
                                              R"("data":{"reason":"method_busy","retry_after_ms":1000}})"},
          {busy(BusyReason::overloaded, 0ms), R"({"code":-32009,"message":"Server is busy, try again later",)"
                                              R"("data":{"reason":"overloaded","retry_after_ms":0}})"},
          {batch_too_big(1000), R"({"code":-32010,"message":"The batch request was too large",)"
                                R"("data":{"reason":"batch_too_big","limit":1000}})"},
          {batch_response_too_big(16777216),
           R"({"code":-32011,"message":"The batch response was too large",)"
           R"("data":{"reason":"batch_response_too_big","limit":16777216}})"},
          {draining(), R"({"code":-32012,"message":"Server is shutting down","data":{"reason":"draining"}})"},
          {subscriptions_unsupported(),
           R"({"code":-32601,"message":"Method not found","data":{"reason":"subscriptions_unsupported"}})"},
          {too_many_subscriptions(1024), R"({"code":-32006,"message":"Too many subscriptions",)"
                                         R"("data":{"reason":"too_many_subscriptions","limit":1024}})"},
          {gone("e-2", "e"),
           R"({"code":-32015,"message":"Gone","data":{"reason":"gone","oldest":"e-2","epoch":"e"}})"},
          {subscription_slow(), R"({"code":-32000,"message":"Subscription ended","data":{"reason":"slow"}})"},
          {subscription_gap(), R"({"code":-32000,"message":"Subscription ended","data":{"reason":"gap"}})"},
          {subscription_topic_gone(),
           R"({"code":-32000,"message":"Subscription ended","data":{"reason":"topic_gone"}})"},
          {subscription_revoked(), R"({"code":-32016,"message":"Not allowed","data":{"reason":"revoked"}})"},
          {subscription_draining("e-1", 250ms),
           R"({"code":-32012,"message":"Server is shutting down",)"
           R"("data":{"reason":"draining","pos":"e-1","retry_after_ms":250}})"},
          {subscription_backend_down(1s), R"({"code":-32013,"message":"Backend unavailable",)"
                                          R"("data":{"reason":"backend_down","retry_after_ms":1000}})"},
          {cancelled(), R"({"code":-32800,"message":"Request cancelled","data":{"reason":"cancelled"}})"}}) {
    CHECK(error_reply("1", error) == R"({"jsonrpc":"2.0","id":1,"error":)" + std::string(wire) + "}");
  }
}

TEST_CASE("errors: they may quote a client's text") {
  const Error error = invalid_params("/\"\\\n\xFF", "é");
  const auto data = nlohmann::json::parse(error.data);
  CHECK(data["path"] == "/\"\\\n\xEF\xBF\xBD");
  CHECK(data["expected"] == "é");
}

}  // namespace
}  // namespace sluice::proto
