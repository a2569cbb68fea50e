// Trying again what may succeed the next time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include <sluice/service/wait_limit.hpp>

namespace sluice {

// Whether an error says itself that a later attempt may succeed: it has a `data.retry_after_ms`, as those
// of sluice have that refuse for the moment (-32005, -32009).
bool may_succeed_later(const Error& error);

struct RetryOptions {
  unsigned attempts_max = 3;  // in all, the first one among them
  // The pause before a retry is random, up to a bound that begins with `backoff_base` and doubles each time
  // until `backoff_max`; and it is no shorter than what an error's data.retry_after_ms asks for.
  std::chrono::milliseconds backoff_base{50};
  std::chrono::milliseconds backoff_max{5000};
  // Retries may be this part of the calls in the last `budget_window`, and some more for those who call
  // rarely, so that retries never multiply the load of what is failing already.
  double budget_ratio = 0.1;
  double budget_min_per_second = 1;
  std::chrono::seconds budget_window{10};
  // Which errors are worth a retry. Called without a lock.
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

// How calls to one thing (a server, a disk) are retried: made once and used by all of them, since they share
// the budget. Thread-safe. Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015), and a retry budget as Twitter Finagle has it.
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryOptions options = {}, RetryEnvironment environment = {});
  ~RetryPolicy();
  RetryPolicy(const RetryPolicy&) = delete;
  RetryPolicy& operator=(const RetryPolicy&) = delete;

  // What retry() is made of. Counts a call.
  void begin();
  enum class Next : std::uint8_t { retry, give_up, stopped };
  // After an attempt, counted from 0, has failed: `retry` once its pause is over, `give_up` at once where
  // there is to be none, `stopped` where stop was requested meanwhile.
  Next wait(unsigned attempt, const Error& error, const WaitLimit& limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Calls `attempt`, which gives a Result, until it gives a value, an error that is not worth a retry, or the
// policy says that it is enough; the last attempt's result is the result. A pause that would not end before
// the limit's deadline is not begun: then the error is the result right away. When stop is requested during
// a pause it is WaitLimit::error(). Exceptions are passed on at once. Only for what may be done twice.
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
