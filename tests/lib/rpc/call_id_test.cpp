#include "lib/rpc/call_id.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::core {
namespace {

TEST_CASE("Ids of calls: equal by value, however strings are written") {
  const std::string escaped = R"("\u0061\u0062")";
  CHECK(same_id(R"("ab")", escaped));
  CHECK(hash_of_id(R"("ab")") == hash_of_id(escaped));
  const std::string long_id(100'000, 'x');
  CHECK(same_id('"' + long_id + "a\"", '"' + long_id + "\\u0061\""));
}

TEST_CASE("Ids of calls: one that begins as another is not that one") {
  CHECK_FALSE(same_id("1", "12"));
  CHECK_FALSE(same_id("12", "1"));
  CHECK_FALSE(same_id(R"("1")", R"("12")"));
  CHECK_FALSE(same_id(R"("1\u0032")", R"("1")"));
  CHECK(hash_of_id("1") != hash_of_id("12"));
}

TEST_CASE("Ids of calls: a number and a string are different") {
  CHECK_FALSE(same_id("1", R"("1")"));
  CHECK(hash_of_id("1") != hash_of_id(R"("1")"));
  CHECK(hash_of_id("") != 0);
  CHECK(hash_of_id("null") != 0);
}

TEST_CASE("Ids of calls: where clients share a connection, only those of the same client are reached") {
  const auto client = [](const char* name) {
    auto made = std::make_shared<Client>();
    made->name = name;
    return Grant(made, nullptr);
  };
  const Grant first = client("first"), again = client("first"), second = client("second");
  CancelTarget target{"1", 1, false, true, &first};
  CHECK(target.may_reach(&first));
  CHECK(target.may_reach(&again));
  CHECK_FALSE(target.may_reach(&second));
  CHECK_FALSE(target.may_reach(nullptr));
  target.own_only = false;
  CHECK(target.may_reach(&second));
}

}  // namespace
}  // namespace sluice::core
