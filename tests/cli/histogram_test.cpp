#include "cli/histogram.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace sluice::client {

TEST_CASE("Histogram: empty, everything is 0") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.quantile(0.5) == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.max() == 0);
}

TEST_CASE("Histogram: small values are exact") {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.add(i);
  CHECK(histogram.quantile(0.5) == 50);
  CHECK(histogram.quantile(0.99) == 99);
  CHECK(histogram.quantile(0) == 1);
  CHECK(histogram.quantile(1) == 100);
  CHECK(histogram.mean() == 50.5);
}

TEST_CASE("Histogram: every value is known to better than 0.8 %") {
  for (double value = 1; value < 1e18; value *= 1.37) {
    Histogram histogram;
    histogram.add(static_cast<std::int64_t>(value));
    histogram.add(std::numeric_limits<std::int64_t>::max());  // so that the maximum does not cap it
    const auto found = static_cast<double>(histogram.quantile(0.5));
    CHECK(std::abs(found - std::floor(value)) <= 0.008 * value);
  }
}

TEST_CASE("Histogram: the tail is at its rank and the maximum is exact") {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.add(1000);
  histogram.add(123'456'789);
  CHECK(histogram.quantile(0.999) < 1010);
  CHECK(histogram.quantile(0.9991) > 122'000'000);
  CHECK(histogram.max() == 123'456'789);
}

TEST_CASE("Histogram: a clock that goes back counts as 0") {
  Histogram histogram;
  histogram.add(-5);
  CHECK(histogram.count() == 1);
  CHECK(histogram.max() == 0);
}

}  // namespace sluice::client
