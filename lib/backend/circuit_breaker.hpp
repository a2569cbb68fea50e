// Circuit breaker: stops calls for a while after repeated failures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "lib/backend/backend_settings.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// M. Nygard, "Release It!", 2007, chapter 5. Closed: calls go through, and failures are counted over a
// sliding window. At `failures` of them it opens: nothing goes through for `open`. Then half-open: one call
// goes through as a probe; its success closes it, its failure opens it again.
//
// Not thread-safe; the time is passed in.
class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, half_open, open };

  explicit CircuitBreaker(const BreakerSettings& settings) : settings_(settings) {}

  // Whether a call may go through now. Changes nothing.
  bool allows(TimePoint now) const;

  // A call goes through: it has to be allowed, and to be followed by one of the three below. Whether it is a
  // probe.
  bool begin(TimePoint now);
  // `took` decides whether a success was too slow to be one; `probe` is what begin() said. True where that
  // has changed the state.
  bool succeeded(TimePoint now, std::chrono::nanoseconds took, bool probe);
  bool failed(TimePoint now, bool probe);
  // The call was cancelled: its outcome says nothing about the backend.
  void abandoned() { probing_ = false; }

  // True if the last begin() changed the state from open to half-open, for the metric.
  bool turned_half_open() const { return probing_ && probes_ == 1; }
  // Whether the outcome of a probe is awaited.
  bool probing() const { return probing_; }
  State state(TimePoint now) const;
  // Until a call may go through again; zero where it may now. While a probe is under way: as if it failed at
  // once.
  milliseconds retry_after(TimePoint now) const;

 private:
  void forget_old(TimePoint now);

  BreakerSettings settings_;
  std::deque<TimePoint> failures_;         // within the window; at most settings_.failures
  std::optional<TimePoint> open_until_{};  // open, or half-open once it has passed
  bool probing_ = false;
  std::size_t probes_ = 0;  // since it opened
};

std::string_view to_string(CircuitBreaker::State state);

}  // namespace sluice::core
