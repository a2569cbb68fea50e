#include "lib/backend/breaker_guard.hpp"

#include <atomic>
#include <cstddef>

namespace sluice::core {

bool BreakerGuard::begin(TimePoint now) {
  if (!breaker_.begin(now)) return false;
  callbacks_.on_breaker_line(false, "breaker half-open, one call is let through");
  if (breaker_.turned_half_open()) count(CircuitBreaker::State::half_open);
  return true;
}

void BreakerGuard::succeeded(TimePoint now, std::chrono::nanoseconds took, bool probe) {
  report(now, breaker_.succeeded(now, took, probe));
}

void BreakerGuard::failed(TimePoint now, bool probe) { report(now, breaker_.failed(now, probe)); }

void BreakerGuard::report(TimePoint now, bool changed) {
  if (!changed) return;
  const auto state = breaker_.state(now);
  count(state);
  if (state == CircuitBreaker::State::open) {
    const auto open = std::to_string(breaker_.retry_after(now).count());
    callbacks_.on_breaker_line(true, "breaker open for " + open + " ms");
    callbacks_.on_breaker_open();
  } else {
    callbacks_.on_breaker_line(false, "breaker closed");
  }
}

void BreakerGuard::count(CircuitBreaker::State state) {
  metrics_.breaker_changes[static_cast<std::size_t>(state)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::core
