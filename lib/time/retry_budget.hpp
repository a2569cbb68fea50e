// Retry budget: the number of retries in proportion to the calls.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Limits of a budget, on average over its window.
struct RetryBudgetLimits {
  double ratio = 0.1;               // retries per call; clamped to [0, 1000]
  double min_per_second = 1;        // additional retries, for callers with few calls; in [0, 1e6]
  std::chrono::seconds window{10};  // calls and retries are forgotten after it; in [1 s, 1 h]
};

// Keeps retries from multiplying the load of what is failing already. Every call deposits a fraction of a
// token, every retry withdraws a whole one, and both are forgotten after the window. A reserve is added for
// callers with few calls (Twitter Finagle's RetryBudget). The window is kept in tenths, so that a deposit
// lives between nine tenths of a window and a whole one. Not thread-safe; time is passed in.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetLimits& limits = {});

  // Counts a call; retries do not count.
  void deposit(TimePoint now);
  // Whether a retry is allowed now; withdraws its token if so.
  bool try_withdraw(TimePoint now);
  // Number of retries allowed now.
  std::uint64_t balance(TimePoint now);

 private:
  static constexpr std::size_t kSlices = 10;
  static constexpr std::int64_t kToken = 1'000'000;  // one token in counted units

  void advance(TimePoint now);
  std::int64_t& current() { return slices_[static_cast<std::size_t>(number_ % kSlices)]; }

  std::chrono::nanoseconds slice_;
  std::int64_t per_call_;
  std::int64_t reserve_;
  std::int64_t sum_ = 0;  // of all slices
  std::uint64_t number_ = 0;
  TimePoint slice_end_{};
  std::array<std::int64_t, kSlices> slices_{};  // deposits less withdrawals
};

}  // namespace sluice::core
