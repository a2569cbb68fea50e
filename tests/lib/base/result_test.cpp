#include "lib/base/result.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

using namespace sluice::core;

namespace {

struct Problem {
  std::string what;
};

Result<std::unique_ptr<int>, Problem> make(bool works) {
  if (!works) return Problem{"it does not work, in more words than a string holds in place"};
  return std::make_unique<int>(7);
}

Result<void, Problem> check(bool works) {
  if (const auto made = make(works); !made) return made.error();
  return success();
}

}  // namespace

TEST_CASE("Result: is true with a value, which can be moved out") {
  auto made = make(true);
  REQUIRE(made);
  const std::unique_ptr<int> value = std::move(made).value();
  CHECK(*value == 7);
}

TEST_CASE("Result: is false with an error, which is not copied when it is looked at or moved out") {
  auto made = make(false);
  REQUIRE_FALSE(made);
  const char* const text = made.error().what.data();
  CHECK(made.error().what.data() == text);
  const Problem problem = std::move(made).error();
  CHECK(problem.what.data() == text);
}

TEST_CASE("Result: without a value it is a success or an error") {
  CHECK(check(true));
  REQUIRE_FALSE(check(false));
  CHECK(check(false).error().what.starts_with("it does not work"));
}

TEST_CASE("Result: has no default, which would be a success that no code decided on") {
  CHECK_FALSE(std::is_default_constructible_v<Result<int, Problem>>);
  CHECK_FALSE(std::is_default_constructible_v<Result<void, Problem>>);
}

TEST_CASE("Result: of small values it is one, and moving any throws nothing") {
  enum class Reason : unsigned char { one };
  CHECK(std::is_trivially_copyable_v<Result<void, Reason>>);
  CHECK(sizeof(Result<void, Reason>) <= sizeof(void*));
  CHECK(std::is_nothrow_move_constructible_v<Result<std::string, Problem>>);
}
