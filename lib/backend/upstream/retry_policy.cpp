#include "lib/backend/upstream/retry_policy.hpp"

#include <algorithm>

#include "lib/time/durations.hpp"

namespace sluice::core {

UpstreamRetryPolicy::UpstreamRetryPolicy(const RetrySettings& settings, std::size_t endpoints)
    : tries_max_(settings.attempts),
      has_one_endpoint_(endpoints == 1),
      methods_(settings.methods),
      backoff_(settings.backoff, kLongestWait) {}

std::optional<TimePoint> UpstreamRetryPolicy::next_try(const Failed& call, TimePoint now,
                                                       std::uint64_t random_bits) {
  if (call.tries >= tries_max_ || !methods_.allow(call.method)) return std::nullopt;
  const auto backoff = backoff_.delay(static_cast<unsigned>(call.tries - 1), random_bits);
  const TimePoint again = now + (has_one_endpoint_ ? std::max(backoff, call.asked) : backoff);
  if (again >= call.deadline || !budget_.try_withdraw(now)) return std::nullopt;
  return again;
}

}  // namespace sluice::core
