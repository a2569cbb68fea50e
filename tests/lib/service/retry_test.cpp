#include <sluice/service/retry.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

using std::chrono::milliseconds;
using Clock = WaitLimit::Clock;

const Error kBusy{-32009, "busy", {{"retry_after_ms", 0}}};

// An environment whose time passes only in pauses. Its random bits always choose the longest pause.
struct FakeEnvironment {
  RetryEnvironment environment() {
    return {.now = [this] { return now; },
            .random_bits = [] { return std::numeric_limits<std::uint64_t>::max(); },
            .sleep =
                [this](Clock::time_point until, const std::stop_token&) {
                  pauses.push_back(std::chrono::duration_cast<milliseconds>(until - now));
                  now = until;
                }};
  }
  WaitLimit within(milliseconds time) const { return WaitLimit(now + time); }

  Clock::time_point now{std::chrono::hours(1)};
  std::vector<milliseconds> pauses;
};

struct Failing {
  Result<int> operator()() {
    if (++calls > failures) return calls;
    return error;
  }
  int failures = 0;
  Error error = kBusy;
  int calls = 0;
};

TEST_CASE("retry: goes on until it succeeds, with pauses that double") {
  FakeEnvironment fake;
  RetryPolicy policy({.attempts_max = 6, .backoff_base = milliseconds(100), .backoff_max = milliseconds(500)},
                     fake.environment());
  Failing failing{.failures = 4};
  const auto result = retry(policy, fake.within(milliseconds(10'000)), std::ref(failing));
  CHECK(result.value() == 5);
  CHECK(fake.pauses == std::vector<milliseconds>{milliseconds(100), milliseconds(200), milliseconds(400),
                                                 milliseconds(500)});
}

TEST_CASE("retry: an immediate success has no pause") {
  FakeEnvironment fake;
  RetryPolicy policy({}, fake.environment());
  CHECK(retry(policy, fake.within(milliseconds(0)), [] { return Result<int>(1); }).value() == 1);
  CHECK(fake.pauses.empty());
}

TEST_CASE("retry: the attempts have a bound, and the last error is the result") {
  FakeEnvironment fake;
  RetryPolicy policy({.attempts_max = 3}, fake.environment());
  Failing failing{.failures = 100};
  CHECK(retry(policy, fake.within(milliseconds(100'000)), std::ref(failing)).error().code == -32009);
  CHECK(failing.calls == 3);
  RetryPolicy none({.attempts_max = 0}, fake.environment());
  CHECK_FALSE(retry(none, fake.within(milliseconds(100'000)), std::ref(failing)).ok());
  CHECK(failing.calls == 4);
}

TEST_CASE(
    "retry: an error that says nothing of a later time is final, unless one's own rule says otherwise") {
  FakeEnvironment fake;
  Failing failing{.failures = 1, .error = {7, "no"}};
  RetryPolicy policy({}, fake.environment());
  CHECK(retry(policy, fake.within(milliseconds(100'000)), std::ref(failing)).error().code == 7);
  failing.calls = 0;
  RetryPolicy own({.retryable = [](const Error& error) { return error.code == 7; }}, fake.environment());
  CHECK(retry(own, fake.within(milliseconds(100'000)), std::ref(failing)).value() == 2);
}

TEST_CASE("retry: which errors may succeed later") {
  CHECK(may_succeed_later(kBusy));
  CHECK(may_succeed_later({1, "", {{"retry_after_ms", -5}}}));
  CHECK(may_succeed_later({1, "", {{"retry_after_ms", std::numeric_limits<std::uint64_t>::max()}}}));
  CHECK_FALSE(may_succeed_later({1, "", {{"retry_after_ms", "soon"}}}));
  CHECK_FALSE(may_succeed_later({1, "", {{"reason", "x"}}}));
  CHECK_FALSE(may_succeed_later({1, "", Json::array({1})}));
  CHECK_FALSE(may_succeed_later({1, ""}));
}

TEST_CASE("retry: comes back no sooner than the error asks for") {
  FakeEnvironment fake;
  RetryPolicy policy({.backoff_base = milliseconds(10)}, fake.environment());
  Failing failing{.failures = 1, .error = {-32009, "busy", {{"retry_after_ms", 700}}}};
  CHECK(retry(policy, fake.within(milliseconds(10'000)), std::ref(failing)).ok());
  CHECK(fake.pauses == std::vector<milliseconds>{milliseconds(700)});
}

TEST_CASE("retry: a pause that would reach the deadline is not begun") {
  FakeEnvironment fake;
  RetryPolicy policy({.backoff_base = milliseconds(100)}, fake.environment());
  Failing failing{.failures = 100};
  CHECK(retry(policy, fake.within(milliseconds(100)), std::ref(failing)).error().code == -32009);
  CHECK(failing.calls == 1);
  CHECK(fake.pauses.empty());
  CHECK(retry(policy, fake.within(milliseconds(-5)), std::ref(failing)).error().code == -32009);
  CHECK(fake.pauses.empty());
  CHECK_FALSE(retry(policy, fake.within(milliseconds(250)), std::ref(failing)).ok());
  CHECK(fake.pauses == std::vector<milliseconds>{milliseconds(100)});
}

TEST_CASE("retry: with everything failing, a tenth of the calls is tried again") {
  FakeEnvironment fake;
  RetryPolicy policy({.attempts_max = 10, .backoff_base = milliseconds(0), .budget_min_per_second = 0},
                     fake.environment());
  Failing failing{.failures = 1'000'000};
  for (int call = 0; call < 1000; ++call) {
    CHECK_FALSE(retry(policy, fake.within(milliseconds(1000)), std::ref(failing)).ok());
  }
  CHECK(failing.calls == 1100);
}

TEST_CASE("retry: an exception is passed on at once") {
  FakeEnvironment fake;
  RetryPolicy policy({}, fake.environment());
  int calls = 0;
  const auto throwing = [&]() -> Result<int> {
    ++calls;
    throw std::logic_error("a bug");
  };
  CHECK_THROWS_AS(retry(policy, fake.within(milliseconds(1000)), throwing), std::logic_error);
  CHECK(calls == 1);
}

TEST_CASE("retry: a stop request ends a real pause") {
  RetryPolicy policy({.backoff_base = std::chrono::hours(1), .backoff_max = std::chrono::hours(1)},
                     {.random_bits = [] { return std::numeric_limits<std::uint64_t>::max(); }});
  std::stop_source stop;
  std::atomic<int> calls{0};
  std::jthread caller([&] {
    const WaitLimit limit(Clock::now() + std::chrono::hours(2), stop.get_token());
    const auto result = retry(policy, limit, [&]() -> Result<int> {
      ++calls;
      return kBusy;
    });
    CHECK(result.error().code == -32800);
  });
  CHECK(testing::eventually([&] { return calls == 1; }));
  stop.request_stop();
  caller.join();
  CHECK(calls == 1);
}

TEST_CASE("retry: calls of many threads share one budget") {
  RetryPolicy policy({.attempts_max = 100,
                      .backoff_base = milliseconds(0),
                      .budget_min_per_second = 0,
                      .budget_window = std::chrono::hours(1)});
  std::atomic<int> attempts{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        for (int call = 0; call < 1000; ++call) {
          static_cast<void>(retry(policy, WaitLimit::within(testing::kWaitMax), [&]() -> Result<int> {
            ++attempts;
            return kBusy;
          }));
        }
      });
    }
  }
  CHECK(attempts == 4400);
}

}  // namespace
}  // namespace sluice
