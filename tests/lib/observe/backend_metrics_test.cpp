#include "lib/observe/backend_metrics.hpp"

#include <doctest/doctest.h>

namespace sluice::core::testing {
namespace {

using std::chrono::milliseconds;

void run(BackendMetrics& metrics, milliseconds each, int calls = 1) {
  for (int i = 0; i < calls; ++i) metrics.run_time.observe(each);
}

TEST_CASE("a backend's wait is the time in which its calls end") {
  BackendMetrics metrics("calc", 1, 2);
  metrics.up[0] = true;
  run(metrics, milliseconds(100));
  metrics.in_flight = 12;
  CHECK(metrics.expected_wait_approx() == milliseconds(600));
}

TEST_CASE("a backend's wait is longer where some of its instances are down") {
  BackendMetrics metrics("calc", 4, 8);
  metrics.up[2] = true;
  run(metrics, milliseconds(100));
  metrics.in_flight = 8;
  CHECK(metrics.expected_wait_approx() == milliseconds(400));
  for (auto& each : metrics.up) each = true;
  CHECK(metrics.expected_wait_approx() == milliseconds(100));
}

TEST_CASE("a backend's wait is a call's time at least, for a limit of one of its methods") {
  BackendMetrics metrics("calc", 1, 64);
  metrics.up[0] = true;
  run(metrics, milliseconds(100));
  metrics.in_flight = 1;
  CHECK(metrics.expected_wait_approx() == milliseconds(100));
}

TEST_CASE("a backend's wait follows its pace, from the first call on") {
  BackendMetrics metrics("calc", 1, 1);
  metrics.in_flight = 1;
  CHECK(metrics.expected_wait_approx() == milliseconds(1000));
  run(metrics, milliseconds(2000));
  CHECK(metrics.expected_wait_approx() == milliseconds(2000));
  run(metrics, milliseconds(100), 200);
  CHECK(metrics.expected_wait_approx() <= milliseconds(102));
}

TEST_CASE("a backend's wait lies between 10 ms and 30 s") {
  BackendMetrics metrics("calc", 1, 1);
  run(metrics, milliseconds(1));
  metrics.in_flight = 2;
  CHECK(metrics.expected_wait_approx() == milliseconds(10));
  metrics.in_flight = 1'000'000;
  CHECK(metrics.expected_wait_approx() == milliseconds(30'000));
}

}  // namespace
}  // namespace sluice::core::testing
