#include "lib/backend/upstream/retry_policy.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

constexpr TimePoint kNow{std::chrono::hours(1000)};
constexpr std::uint64_t kLongestJitter = ~0ull;

RetrySettings settings(std::size_t attempts = 3) {
  return {.attempts = attempts, .backoff = milliseconds(50), .methods = {"get*"}};
}

UpstreamRetryPolicy::Failed failed(std::size_t tries, milliseconds asked = {}) {
  return {.method = "get_a", .tries = tries, .deadline = kNow + seconds(60), .asked = asked};
}

TEST_CASE("UpstreamRetryPolicy: a call is tried again until it has had all its attempts") {
  UpstreamRetryPolicy policy(settings(3), 2);
  CHECK(policy.next_try(failed(1), kNow, 0));
  CHECK(policy.next_try(failed(2), kNow, 0));
  CHECK_FALSE(policy.next_try(failed(3), kNow, 0));
}

TEST_CASE("UpstreamRetryPolicy: only methods that may run twice are tried again") {
  UpstreamRetryPolicy policy(settings(), 1);
  auto call = failed(1);
  call.method = "put_a";
  CHECK_FALSE(policy.next_try(call, kNow, 0));
}

TEST_CASE("UpstreamRetryPolicy: the wait is random up to a bound that doubles with each try") {
  UpstreamRetryPolicy policy(settings(5), 2);
  CHECK(policy.next_try(failed(1), kNow, 0) == kNow);
  CHECK(policy.next_try(failed(1), kNow, kLongestJitter) == kNow + milliseconds(50));
  CHECK(policy.next_try(failed(2), kNow, kLongestJitter) == kNow + milliseconds(100));
  CHECK(policy.next_try(failed(3), kNow, kLongestJitter) == kNow + milliseconds(200));
}

TEST_CASE("UpstreamRetryPolicy: a single server gets the time that it asks for, one of several does not") {
  UpstreamRetryPolicy single(settings(), 1);
  CHECK(single.next_try(failed(1, seconds(2)), kNow, 0) == kNow + seconds(2));
  CHECK(single.next_try(failed(1, milliseconds(1)), kNow, kLongestJitter) == kNow + milliseconds(50));
  UpstreamRetryPolicy several(settings(), 2);
  CHECK(several.next_try(failed(1, seconds(2)), kNow, 0) == kNow);
}

TEST_CASE("UpstreamRetryPolicy: no try begins at the call's deadline or after, and none is paid for") {
  UpstreamRetryPolicy policy(settings(), 1);
  auto call = failed(1);
  call.deadline = kNow + milliseconds(50);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(policy.next_try(call, kNow, kLongestJitter));
  CHECK(policy.may_hedge(kNow));
}

TEST_CASE("UpstreamRetryPolicy: retries and hedges share one budget, which calls fill") {
  UpstreamRetryPolicy policy(settings(), 2);
  int reserve = 0;
  while (reserve < 1000 && policy.may_hedge(kNow)) ++reserve;
  CHECK(reserve == 10);  // a retry a second, over ten seconds
  CHECK_FALSE(policy.next_try(failed(1), kNow, 0));
  for (int i = 0; i < 10; ++i) policy.note_call(kNow);
  CHECK(policy.next_try(failed(1), kNow, 0));
  CHECK_FALSE(policy.may_hedge(kNow));
}

}  // namespace
}  // namespace sluice::core
