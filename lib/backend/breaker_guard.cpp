#include "lib/backend/breaker_guard.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include <fmt/format.h>

namespace sluice::core {
namespace {

constexpr std::size_t kLineBytesMax = 64;

}  // namespace

bool BreakerGuard::begin(TimePoint now) {
  if (!breaker_.begin(now)) return false;
  log(false, "breaker half-open, one call is let through");
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
    std::array<char, kLineBytesMax> line;
    const auto end = fmt::format_to_n(line.data(), line.size(), "breaker open for {} ms",
                                      breaker_.retry_after(now).count());
    log(true, {line.data(), std::min(end.size, line.size())});
    callbacks_.on_breaker_open();
  } else {
    log(false, "breaker closed");
  }
}

// A call that has been sent is not to fail for its log line.
void BreakerGuard::log(bool is_warning, std::string_view text) noexcept {
  try {
    callbacks_.on_breaker_line(is_warning, text);
  } catch (const std::bad_alloc&) {
  }
}

void BreakerGuard::count(CircuitBreaker::State state) {
  metrics_.breaker_changes[static_cast<std::size_t>(state)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::core
