#include "lib/time/retry_budget.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1000)};

int retries(RetryBudget& budget, TimePoint now) {
  int count = 0;
  while (count < 100'000 && budget.try_withdraw(now)) ++count;
  return count;
}

void call(RetryBudget& budget, TimePoint now, int times) {
  for (int i = 0; i < times; ++i) budget.deposit(now);
}

TEST_CASE("RetryBudget: a tenth of the calls may be retried") {
  RetryBudget budget({.min_per_second = 0});
  CHECK_FALSE(budget.try_withdraw(kStart));
  call(budget, kStart, 9);
  CHECK_FALSE(budget.try_withdraw(kStart));
  call(budget, kStart, 991);
  CHECK(budget.balance(kStart) == 100);
  CHECK(retries(budget, kStart) == 100);
  CHECK(budget.balance(kStart) == 0);
}

TEST_CASE(
    "RetryBudget: a caller with few calls may retry out of the reserve, which comes back after the window") {
  RetryBudget budget({.ratio = 0, .min_per_second = 0.5, .window = seconds(10)});
  CHECK(retries(budget, kStart) == 5);
  CHECK(retries(budget, kStart + milliseconds(8999)) == 0);
  CHECK(retries(budget, kStart + seconds(10)) == 5);
}

TEST_CASE("RetryBudget: calls are forgotten after the window") {
  RetryBudget budget({.min_per_second = 0, .window = seconds(10)});
  call(budget, kStart, 100);
  call(budget, kStart + seconds(5), 50);
  CHECK(budget.balance(kStart + milliseconds(8999)) == 15);
  CHECK(budget.balance(kStart + seconds(10)) == 5);
  CHECK(budget.balance(kStart + seconds(15)) == 0);
}

TEST_CASE("RetryBudget: a long pause forgets everything, and what comes after it counts") {
  RetryBudget budget({.min_per_second = 0});
  call(budget, kStart, 1000);
  const TimePoint later = kStart + std::chrono::hours(24 * 365);
  CHECK(budget.balance(later) == 0);
  call(budget, later, 20);
  CHECK(retries(budget, later) == 2);
}

TEST_CASE("RetryBudget: under steady load with every call failing, a tenth of them is retried") {
  RetryBudget budget({.min_per_second = 0});
  int retried = 0;
  for (int i = 0; i < 60'000; ++i) {
    const TimePoint now = kStart + milliseconds(i);
    budget.deposit(now);
    if (budget.try_withdraw(now)) ++retried;
  }
  CHECK(retried == doctest::Approx(6000).epsilon(0.01));
}

TEST_CASE("RetryBudget: a time that is a little earlier is the current one") {
  RetryBudget budget({.min_per_second = 0});
  call(budget, kStart, 10);
  call(budget, kStart - seconds(3), 10);
  CHECK(retries(budget, kStart - seconds(1)) == 2);
}

TEST_CASE("RetryBudget: invalid limits are clamped to valid ones") {
  RetryBudget none(
      {.ratio = -1, .min_per_second = std::numeric_limits<double>::quiet_NaN(), .window = seconds(0)});
  call(none, kStart, 1000);
  CHECK(retries(none, kStart) == 0);
  RetryBudget most({.ratio = 1e300, .min_per_second = 1e300, .window = std::chrono::hours(1000)});
  call(most, kStart, 1);
  CHECK(most.balance(kStart) == 3'600'001'000U);
}

}  // namespace
}  // namespace sluice::core
