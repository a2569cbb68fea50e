#include "lib/time/retry_budget.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::core {
namespace {

// NaN counts as the lower bound.
double within(double value, double low, double high) { return value >= low ? std::min(value, high) : low; }

std::int64_t units(double tokens, std::int64_t unit) {
  return std::llround(tokens * static_cast<double>(unit));
}

}  // namespace

RetryBudget::RetryBudget(const RetryBudgetLimits& limits) {
  const auto window =
      std::clamp<std::chrono::seconds>(limits.window, std::chrono::seconds(1), std::chrono::hours(1));
  slice_ = std::chrono::nanoseconds(window) / kSlices;
  per_call_ = units(within(limits.ratio, 0, 1000), kToken);
  reserve_ = units(within(limits.min_per_second, 0, 1e6) * static_cast<double>(window.count()), kToken);
}

void RetryBudget::advance(TimePoint now) {
  if (now < slice_end_) return;
  const auto behind = (now - slice_end_) / slice_;
  if (behind >= static_cast<std::int64_t>(kSlices)) {
    slices_.fill(0);
    sum_ = 0;
    slice_end_ = now + slice_;
    return;
  }
  for (; slice_end_ <= now; slice_end_ += slice_) {
    ++number_;
    sum_ -= current();
    current() = 0;
  }
}

void RetryBudget::deposit(TimePoint now) {
  // More is never needed, and no number of calls overflows.
  constexpr std::int64_t kSumMax = std::int64_t{1} << 60;
  advance(now);
  if (sum_ > kSumMax) return;
  current() += per_call_;
  sum_ += per_call_;
}

bool RetryBudget::try_withdraw(TimePoint now) {
  advance(now);
  if (sum_ + reserve_ < kToken) return false;
  current() -= kToken;
  sum_ -= kToken;
  return true;
}

std::uint64_t RetryBudget::balance(TimePoint now) {
  advance(now);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, sum_ + reserve_) / kToken);
}

}  // namespace sluice::core
