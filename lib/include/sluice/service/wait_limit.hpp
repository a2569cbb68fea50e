// How long something may be waited for. Every wait of the helpers in sluice/service/ takes one.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

#include <sluice/call.hpp>
#include <sluice/error.hpp>

namespace sluice {

// A moment on the steady clock and a stop token; whichever comes first ends the wait. A value, to be copied
// to any thread.
struct WaitLimit {
  using Clock = std::chrono::steady_clock;

  explicit WaitLimit(Clock::time_point until, std::stop_token stop_token = {})
      : deadline(until), stop(std::move(stop_token)) {}
  // As long as the call's answer is of use: `lazy.get(call)`.
  WaitLimit(Call& call) : WaitLimit(call.deadline(), call.stop_token()) {}
  // From now on, a year at most.
  static WaitLimit within(std::chrono::milliseconds time, std::stop_token stop_token = {}) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
    return WaitLimit(Clock::now() + std::clamp(time, -kLongest, kLongest), std::move(stop_token));
  }

  bool stopped() const { return stop.stop_requested(); }
  bool over(Clock::time_point now = Clock::now()) const { return stopped() || now >= deadline; }
  // What a handler answers whose wait this has ended: -32002 past the deadline, else -32800.
  Error error(Clock::time_point now = Clock::now()) const;

  Clock::time_point deadline;
  std::stop_token stop;
};

}  // namespace sluice
