// How many retries there may be, in proportion to the calls that are made.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// What a budget allows, on average over its window.
struct RetryBudgetLimits {
  double ratio = 0.1;               // retries per call; brought into [0, 1000]
  double min_per_second = 1;        // retries besides, so that who calls rarely may retry; in [0, 1e6]
  std::chrono::seconds window{10};  // after which calls and retries are forgotten; in [1 s, 1 h]
};

// Keeps retries from multiplying the load of what is failing already: every call deposits a fraction of a
// token, every retry takes a whole one, and both are forgotten after the window. Beside them lies a reserve
// for those who call rarely (Twitter Finagle's RetryBudget). The window is kept in tenths, so that a
// deposit lives between nine tenths of it and all of it. Not thread-safe; time is passed in.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetLimits& limits = {});

  // A call is made, of which retries do not count.
  void deposit(TimePoint now);
  // Whether a retry may be made now; takes its token if so.
  bool try_withdraw(TimePoint now);
  // Retries that could be made now.
  std::uint64_t balance(TimePoint now);

 private:
  static constexpr std::size_t kSlices = 10;
  static constexpr std::int64_t kToken = 1'000'000;  // a token in the units that are counted

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
