// Retry policy of one upstream: which calls are sent again, when, and how many in all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/access/method_patterns.hpp"
#include "lib/backend/backend_settings.hpp"
#include "lib/time/backoff.hpp"
#include "lib/time/durations.hpp"
#include "lib/time/retry_budget.hpp"

namespace sluice::core {

// Retries wait by exponential backoff, and end with the call's deadline. One budget bounds retries and hedges
// together. Not thread-safe; time and randomness are passed in.
class UpstreamRetryPolicy {
 public:
  // A call whose last attempt has failed.
  struct Failed {
    std::string_view method;
    std::size_t tries;  // so far
    TimePoint deadline;
    milliseconds asked{0};  // for which its server wants to get no calls; 0: it did not say
  };

  // `endpoints`: how many the upstream has. The only one gets the time that it asks for; where there are
  // more, the next try goes to another.
  UpstreamRetryPolicy(const RetrySettings& settings, std::size_t endpoints);

  // A call has arrived; retries and hedges are allowed in proportion.
  void note_call(TimePoint now) { budget_.deposit(now); }
  // When the call is to be tried again, which the budget pays; nothing where it is not.
  std::optional<TimePoint> next_try(const Failed& call, TimePoint now, std::uint64_t random_bits);
  // Whether a second request may be made now, which the budget pays.
  bool may_hedge(TimePoint now) { return budget_.try_withdraw(now); }

 private:
  const std::size_t tries_max_;
  const bool has_one_endpoint_;
  const MethodPatterns methods_;
  const Backoff backoff_;
  RetryBudget budget_;
};

}  // namespace sluice::core
