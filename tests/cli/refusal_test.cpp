#include "cli/refusal.hpp"

#include <doctest/doctest.h>

namespace sluice::client {

using std::chrono::milliseconds;

TEST_CASE("retry_pause: an error with a time may succeed later, any other is final") {
  CHECK(retry_pause(R"({"code":-32009,"data":{"retry_after_ms":700}})") == milliseconds(700));
  CHECK_FALSE(retry_pause(R"({"code":-32016,"data":{"reason":"forbidden"}})").has_value());
  CHECK_FALSE(retry_pause(R"({"code":-32009})").has_value());
  CHECK_FALSE(retry_pause(R"({"code":-32009,"data":[700]})").has_value());
  CHECK_FALSE(retry_pause(R"({"code":-32009,"data":{"retry_after_ms":"soon"}})").has_value());
}

TEST_CASE("retry_pause: a server that drains is followed by another") {
  CHECK(retry_pause(R"({"code":-32012})") == milliseconds(0));
  CHECK(retry_pause(R"({"code":-32012,"data":{"retry_after_ms":9}})") == milliseconds(9));
}

TEST_CASE("retry_pause: a long pause is a minute") {
  CHECK(retry_pause(R"({"code":1,"data":{"retry_after_ms":99999999999}})") == std::chrono::minutes(1));
}

}  // namespace sluice::client
