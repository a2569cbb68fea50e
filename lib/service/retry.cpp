#include "lib/include/sluice/service/retry.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/service/system_environment.hpp"
#include "lib/time/backoff.hpp"
#include "lib/time/retry_budget.hpp"

namespace sluice {
namespace {

using std::chrono::milliseconds;

constexpr auto kLongestMs = core::Backoff::kLongest.count();

// The wait that an error asks for, if any, limited to the longest backoff.
std::optional<milliseconds> retry_after(const Error& error) {
  if (!error.data.is_object()) return std::nullopt;
  const auto found = error.data.find("retry_after_ms");
  if (found == error.data.end() || !found->is_number_integer()) return std::nullopt;
  // Beyond a signed number's range the longest backoff applies.
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::uint64_t{kLongestMs})
    return core::Backoff::kLongest;
  return milliseconds(std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, kLongestMs));
}

RetryEnvironment with_defaults(RetryEnvironment environment) {
  if (!environment.now) environment.now = core::Clock::now;
  if (!environment.random_bits) environment.random_bits = core::random_bits;
  if (!environment.sleep) environment.sleep = core::sleep_until;
  return environment;
}

}  // namespace

bool may_succeed_later(const Error& error) { return retry_after(error).has_value(); }

struct RetryPolicy::State {
  State(RetryOptions given, RetryEnvironment around)
      : options(std::move(given)),
        environment(with_defaults(std::move(around))),
        backoff(options.backoff_base, options.backoff_max),
        budget({options.budget_ratio, options.budget_min_per_second, options.budget_window}) {}

  bool worth_it(unsigned attempt, const Error& error) const {
    return attempt + 1 < options.attempts_max && options.retryable && options.retryable(error);
  }
  milliseconds pause(unsigned attempt, const Error& error) const {
    return std::max(backoff.delay(attempt, environment.random_bits()),
                    retry_after(error).value_or(milliseconds(0)));
  }
  bool try_withdraw(core::TimePoint now) {
    const std::lock_guard lock(mutex);
    return budget.try_withdraw(now);
  }

  const RetryOptions options;
  const RetryEnvironment environment;
  const core::Backoff backoff;
  std::mutex mutex;
  core::RetryBudget budget;  // guarded by the mutex
};

RetryPolicy::RetryPolicy(RetryOptions options, RetryEnvironment environment)
    : state_(std::make_unique<State>(std::move(options), std::move(environment))) {}

RetryPolicy::~RetryPolicy() = default;

void RetryPolicy::begin() {
  const core::TimePoint now = state_->environment.now();
  const std::lock_guard lock(state_->mutex);
  state_->budget.deposit(now);
}

RetryPolicy::Next RetryPolicy::wait(unsigned attempt, const Error& error, const WaitLimit& limit) {
  if (limit.stopped()) return Next::stopped;
  if (!state_->worth_it(attempt, error)) return Next::give_up;
  const core::TimePoint now = state_->environment.now();
  const milliseconds pause = state_->pause(attempt, error);
  if (pause >= limit.deadline - now) return Next::give_up;
  // Last, so that no token is taken for a retry that isn't made.
  if (!state_->try_withdraw(now)) return Next::give_up;
  state_->environment.sleep(now + pause, limit.stop);
  return limit.stopped() ? Next::stopped : Next::retry;
}

}  // namespace sluice
