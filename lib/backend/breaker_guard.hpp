// Breaker guard: the circuit breaker of one process or URL, with its metrics and log lines.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>

#include "lib/backend/circuit_breaker.hpp"
#include "lib/observe/backend_metrics.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Counts and reports each change of its breaker's state. Same thread rules as CircuitBreaker; the metrics are
// shared by all processes or URLs of a backend, and atomic.
class BreakerGuard {
 public:
  class Callbacks {
   public:
    // A line for the log about this breaker. Where memory does not suffice for it, it is left out.
    virtual void on_breaker_line(bool is_warning, std::string_view text) = 0;
    // It has opened: calls may go through again after retry_after(). Must not throw.
    virtual void on_breaker_open() = 0;

   protected:
    ~Callbacks() = default;
  };

  // `metrics` and `callbacks` outlive this object.
  BreakerGuard(const BreakerSettings& settings, BackendMetrics& metrics, Callbacks& callbacks)
      : breaker_(settings), metrics_(metrics), callbacks_(callbacks) {}

  bool allows(TimePoint now) const { return breaker_.allows(now); }
  // True if a call may go through now, or once the outcome of the trial call is known.
  bool may_allow_soon(TimePoint now) const {
    return breaker_.allows(now) || breaker_.state(now) == CircuitBreaker::State::half_open;
  }
  bool is_open(TimePoint now) const { return breaker_.state(now) == CircuitBreaker::State::open; }
  bool probing() const { return breaker_.probing(); }
  CircuitBreaker::State state(TimePoint now) const { return breaker_.state(now); }
  milliseconds retry_after(TimePoint now) const { return breaker_.retry_after(now); }

  // As those of CircuitBreaker. begin() is followed by one of the other three. Allocation can fail only for a
  // log line, which is left out then. begin() and abandoned() do not throw.
  bool begin(TimePoint now);
  void succeeded(TimePoint now, std::chrono::nanoseconds took, bool probe);
  void failed(TimePoint now, bool probe);
  void abandoned() { breaker_.abandoned(); }

 private:
  void report(TimePoint now, bool changed);
  void log(bool is_warning, std::string_view text) noexcept;
  void count(CircuitBreaker::State state);

  CircuitBreaker breaker_;
  BackendMetrics& metrics_;
  Callbacks& callbacks_;
};

// The most closed state among the breakers of `guarded`, for `sluice_breaker_state`.
template <typename Range>
int most_willing_state(const Range& guarded) {
  int best = static_cast<int>(CircuitBreaker::State::open);
  for (const auto& each : guarded) best = std::min(best, static_cast<int>(each->breaker_state()));
  return best;
}

}  // namespace sluice::core
