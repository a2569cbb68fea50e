#include "lib/backend/upstream/dial_budget.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

int takes(DialBudget& budget, TimePoint now) {
  int taken = 0;
  while (budget.try_take(now)) ++taken;
  return taken;
}

TEST_CASE("DialBudget: connections that come to nothing are few a second") {
  const TimePoint start{milliseconds(1000)};
  DialBudget budget(4);
  CHECK(takes(budget, start) == 4);
  CHECK(budget.next() == start + DialBudget::kPerToken);
  CHECK_FALSE(budget.try_take(start + DialBudget::kPerToken - milliseconds(1)));
  CHECK(budget.try_take(budget.next()));
  int taken = 0;
  for (int ms = 100; ms < 1100; ++ms) taken += takes(budget, start + milliseconds(ms));
  CHECK(taken >= 15);
  CHECK(taken <= 17);
}

TEST_CASE("DialBudget: a connection that has served is replaced") {
  const TimePoint now{milliseconds(1000)};
  DialBudget budget(2);
  CHECK(takes(budget, now) == 2);
  for (int i = 0; i < 100; ++i) {
    budget.deposit();
    CHECK(budget.try_take(now));
  }
  CHECK_FALSE(budget.try_take(now));
}

TEST_CASE("DialBudget: what is not used is not saved up") {
  const TimePoint start{milliseconds(1000)};
  DialBudget budget(3);
  for (int i = 0; i < 10; ++i) budget.deposit();
  CHECK(takes(budget, start + std::chrono::hours(1)) == 3);
  CHECK(takes(budget, start + std::chrono::hours(2)) == 3);
}

}  // namespace
}  // namespace sluice::core
