// Retry policy: retries with backoff, within a budget.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include <sluice/service/wait_limit.hpp>

namespace sluice {

// True if an error allows a later attempt: it has a `data.retry_after_ms`, as sluice's temporary refusals
// have (-32005, -32009).
bool may_succeed_later(const Error& error);

struct RetryOptions {
  unsigned attempts_max = 3;  // in all, including the first one
  // The pause before a retry is random. Its bound begins with `backoff_base` and doubles each time until
  // `backoff_max`. The pause is at least an error's data.retry_after_ms.
  std::chrono::milliseconds backoff_base{50};
  std::chrono::milliseconds backoff_max{5000};
  // Retries may be this fraction of the calls in the last `budget_window`, and some more for callers with few
  // calls. So retries never multiply the load of what is failing already.
  double budget_ratio = 0.1;
  double budget_min_per_second = 1;
  std::chrono::seconds budget_window{10};
  // Errors that are retried. Called without a lock.
  std::function<bool(const Error&)> retryable = may_succeed_later;
};

// Environment of a RetryPolicy: its clock, randomness and pauses. For tests; each has a default.
struct RetryEnvironment {
  using Clock = WaitLimit::Clock;
  std::function<Clock::time_point()> now = {};
  std::function<std::uint64_t()> random_bits = {};
  // Until then, or until stop is requested.
  std::function<void(Clock::time_point until, const std::stop_token& stop)> sleep = {};
};
using RetryWorld [[deprecated("RetryEnvironment")]] = RetryEnvironment;

// A policy for the calls to one resource (a server, a disk). Create it once and use it for all of them, since
// they share the budget. Thread-safe. Exponential backoff with full jitter (M. Brooker, "Exponential Backoff
// And Jitter", AWS Architecture Blog, 2015), and a retry budget as in Twitter Finagle.
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryOptions options = {}, RetryEnvironment environment = {});
  ~RetryPolicy();
  RetryPolicy(const RetryPolicy&) = delete;
  RetryPolicy& operator=(const RetryPolicy&) = delete;

  // The parts of retry(). Counts a call.
  void begin();
  enum class Next : std::uint8_t { retry, give_up, stopped };
  // Call after a failed attempt, counted from 0. `retry` after its pause, `give_up` at once if it is not to
  // be retried, `stopped` if stop was requested meanwhile.
  Next wait(unsigned attempt, const Error& error, const WaitLimit& limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Calls `attempt`, which returns a Result, until it returns a value or an error that is not retried, or until
// the policy gives up. Returns the last attempt's result. A pause that would exceed the limit's deadline is
// not begun: then the error is returned at once. If stop is requested during a pause, returns
// WaitLimit::error(). Exceptions are passed on at once. Only for operations that may be done twice.
template <typename Attempt>
auto retry(RetryPolicy& policy, const WaitLimit& limit, Attempt attempt) -> decltype(attempt()) {
  policy.begin();
  for (unsigned number = 0;; ++number) {
    auto result = attempt();
    if (result.ok()) return result;
    const RetryPolicy::Next next = policy.wait(number, result.error(), limit);
    if (next == RetryPolicy::Next::give_up) return result;
    if (next == RetryPolicy::Next::stopped) return limit.error();
  }
}

}  // namespace sluice
