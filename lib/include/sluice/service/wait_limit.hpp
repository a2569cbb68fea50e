// Wait limit: deadline and stop token of a wait. Every wait of the helpers in sluice/service/ takes one.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

#include <sluice/call.hpp>
#include <sluice/error.hpp>

namespace sluice {

// A time of the monotonic clock and a stop token; the first of them ends the wait. A value, which may be
// copied to any thread.
struct WaitLimit {
  using Clock = std::chrono::steady_clock;

  explicit WaitLimit(Clock::time_point until, std::stop_token stop_token = {})
      : deadline(until), stop(std::move(stop_token)) {}
  // Until the call is answered or cancelled: `lazy.get(call)`.
  WaitLimit(Call& call) : WaitLimit(call.deadline(), call.stop_token()) {}
  // From now on, at most a year.
  static WaitLimit within(std::chrono::milliseconds time, std::stop_token stop_token = {}) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
    return WaitLimit(Clock::now() + std::clamp(time, -kLongest, kLongest), std::move(stop_token));
  }

  bool stopped() const { return stop.stop_requested(); }
  bool over(Clock::time_point now = Clock::now()) const { return stopped() || now >= deadline; }
  // The error of a handler whose wait was ended by this: -32002 past the deadline, else -32800.
  Error error(Clock::time_point now = Clock::now()) const;

  Clock::time_point deadline;
  std::stop_token stop;
};

}  // namespace sluice
