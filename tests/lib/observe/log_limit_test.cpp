#include "lib/observe/log_limit.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace sluice::core {
namespace {

using std::chrono::seconds;

TEST_CASE("LogLimit: one line per interval, which says how many were left out") {
  constexpr TimePoint kStart{};
  LogLimit limit(seconds(10));
  CHECK(limit.admit(kStart) == 0);
  CHECK_FALSE(limit.admit(kStart));
  CHECK_FALSE(limit.admit(kStart + seconds(9)));
  CHECK(limit.admit(kStart + seconds(10)) == 2);
  CHECK_FALSE(limit.admit(kStart + seconds(19)));
  CHECK(limit.admit(kStart + seconds(40)) == 1);
}

}  // namespace
}  // namespace sluice::core
