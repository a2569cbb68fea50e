#include "lib/time/latency_quantile.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

void observe(LatencyQuantile& quantile, int times, std::chrono::nanoseconds took) {
  for (int i = 0; i < times; ++i) quantile.observe(took);
}

TEST_CASE("LatencyQuantile: nothing is known before there are 20 samples") {
  LatencyQuantile quantile;
  observe(quantile, 19, milliseconds(5));
  CHECK_FALSE(quantile.p95());
  quantile.observe(milliseconds(5));
  CHECK(quantile.p95());
}

TEST_CASE("LatencyQuantile: a time is exact below 8 us, and at most a quarter too high above") {
  for (const std::int64_t us :
       {0LL, 1LL, 3LL, 7LL, 8LL, 9LL, 1000LL, 1023LL, 1024LL, 5'000'000LL, 86'400'000'000LL}) {
    LatencyQuantile quantile;
    observe(quantile, 20, microseconds(us));
    CAPTURE(us);
    const auto p95 = quantile.p95()->count();
    if (us < 8) CHECK(p95 == us);
    // Times past 2^36 us share a bucket.
    if (us < (1LL << 36)) CHECK(p95 >= us);
    CHECK(p95 <= us + us / 4);
  }
}

TEST_CASE("LatencyQuantile: 5 of 100 may take longer, not 6") {
  LatencyQuantile quantile;
  observe(quantile, 95, microseconds(7));
  observe(quantile, 5, milliseconds(700));
  CHECK(quantile.p95() == microseconds(7));
  quantile.observe(milliseconds(700));
  CHECK(quantile.p95() > milliseconds(600));
}

TEST_CASE("LatencyQuantile: old times are forgotten") {
  LatencyQuantile quantile;
  observe(quantile, 2000, milliseconds(700));
  observe(quantile, 4000, microseconds(7));
  CHECK(quantile.p95() == microseconds(7));
}

TEST_CASE("LatencyQuantile: times below zero count as none") {
  LatencyQuantile quantile;
  observe(quantile, 20, milliseconds(-5));
  CHECK(quantile.p95() == microseconds(0));
}

}  // namespace
}  // namespace sluice::core
