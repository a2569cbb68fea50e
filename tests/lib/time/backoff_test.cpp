#include "lib/time/backoff.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kAllOnes = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("Backoff: the bound of a delay doubles up to the maximum and stays there") {
  const Backoff backoff(milliseconds(100), milliseconds(1500));
  CHECK(backoff.bound(0) == milliseconds(100));
  CHECK(backoff.bound(1) == milliseconds(200));
  CHECK(backoff.bound(3) == milliseconds(800));
  CHECK(backoff.bound(4) == milliseconds(1500));
  for (const unsigned attempt : {31U, 32U, 63U, 64U, std::numeric_limits<unsigned>::max()}) {
    CHECK(backoff.bound(attempt) == milliseconds(1500));
  }
}

TEST_CASE("Backoff: a delay lies between nothing and its bound, and reaches both") {
  const Backoff backoff(milliseconds(3), Backoff::kLongest);
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    CHECK(backoff.delay(attempt, 0) == milliseconds(0));
    CHECK(backoff.delay(attempt, kAllOnes) == backoff.bound(attempt));
  }
}

TEST_CASE("Backoff: delays are spread evenly") {
  const Backoff backoff(milliseconds(3), milliseconds(3));
  std::mt19937_64 random(7);
  int counts[4] = {};
  for (int i = 0; i < 40'000; ++i) ++counts[backoff.delay(5, random()).count()];
  for (const int count : counts) CHECK(count == doctest::Approx(10'000).epsilon(0.05));
}

TEST_CASE("Backoff: invalid bounds are clamped to valid ones") {
  CHECK(Backoff(milliseconds(-5), milliseconds(10)).delay(3, kAllOnes) == milliseconds(0));
  CHECK(Backoff(milliseconds(5), milliseconds(-1)).delay(3, kAllOnes) == milliseconds(0));
  CHECK(Backoff(milliseconds(50), milliseconds(20)).bound(0) == milliseconds(20));
  const Backoff longest(milliseconds::max(), milliseconds::max());
  CHECK(longest.delay(40, kAllOnes) == Backoff::kLongest);
}

}  // namespace
}  // namespace sluice::core
