#include "lib/admission/gradient_limit.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace sluice::core::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr nanoseconds kWindow = milliseconds(100);

LoadSample sample(std::uint64_t calls, nanoseconds queued_each, nanoseconds ran_each) {
  const auto count = static_cast<std::int64_t>(calls);
  return {calls, queued_each * count, ran_each * count, kWindow};
}

// A server that ends `capacity` calls in a window, each of which runs for `run`, under more load than it can
// take: as many are in flight as are let in.
LoadSample overloaded(std::size_t limit, std::uint64_t capacity, nanoseconds run) {
  // Little's law: the calls in flight, times the window, are the time that they spend.
  const auto spent = kWindow * static_cast<std::int64_t>(limit) / static_cast<std::int64_t>(capacity);
  return sample(capacity, std::max(nanoseconds(0), spent - run), run);
}

TEST_CASE("a limit stays as high as it may be while calls do not wait") {
  GradientLimit limit(8, 4000);
  for (int i = 0; i < 100; ++i) CHECK(limit.update(sample(1000, milliseconds(0), milliseconds(5))) == 4000);
}

TEST_CASE(
    "a limit stays as high as it may be where short calls wait until other workers are woken for them") {
  GradientLimit limit(8, 4000);
  for (int i = 0; i < 100; ++i) {
    CHECK(limit.update(sample(1000, milliseconds(2), std::chrono::microseconds(3))) == 4000);
  }
}

TEST_CASE("a limit falls within a few windows to where calls wait as long as they run") {
  GradientLimit limit(8, 4000);
  int windows = 0;
  while (limit.limit() > 40 && windows < 50) {
    limit.update(overloaded(limit.limit(), 80, milliseconds(5)));
    ++windows;
  }
  CHECK(windows <= 8);
  // 80 calls of 5 ms in 100 ms are 4 at once; as many again may wait.
  for (int i = 0; i < 100; ++i) {
    limit.update(overloaded(limit.limit(), 80, milliseconds(5)));
    CHECK(limit.limit() >= 4);
    CHECK(limit.limit() <= 24);
  }
}

TEST_CASE("a limit shrinks from the calls that there are, wherever it stood") {
  GradientLimit limit(8, 1'000'000);
  limit.update(sample(80, milliseconds(100), milliseconds(5)));
  CHECK(limit.limit() <= 84);
}

TEST_CASE("a limit is never below its least") {
  GradientLimit limit(8, 100);
  for (int i = 0; i < 100; ++i) CHECK(limit.update(sample(50, milliseconds(500), milliseconds(1))) >= 8);
}

TEST_CASE("a limit recovers once calls no longer wait") {
  GradientLimit limit(8, 1000);
  for (int i = 0; i < 20; ++i) limit.update(overloaded(limit.limit(), 80, milliseconds(5)));
  REQUIRE(limit.limit() < 100);
  for (int i = 0; i < 200; ++i) limit.update(sample(10, milliseconds(0), milliseconds(5)));
  CHECK(limit.limit() == 1000);
}

TEST_CASE("a limit recovers while nothing is called") {
  GradientLimit limit(8, 1000);
  for (int i = 0; i < 20; ++i) limit.update(overloaded(limit.limit(), 80, milliseconds(5)));
  for (int i = 0; i < 200; ++i) limit.update(LoadSample{0, nanoseconds(0), nanoseconds(0), kWindow});
  CHECK(limit.limit() == 1000);
}

TEST_CASE("a limit does not shrink for waits under a millisecond, however short calls are") {
  GradientLimit limit(8, 1000);
  for (int i = 0; i < 50; ++i)
    CHECK(limit.update(sample(5000, std::chrono::microseconds(900), std::chrono::microseconds(5))) == 1000);
}

TEST_CASE("a few calls do not change the limit") {
  GradientLimit limit(8, 1000);
  CHECK(limit.update(sample(4, std::chrono::seconds(10), milliseconds(1))) == 1000);
}

TEST_CASE("other bounds hold from the next look on, and a limit that was open stays so") {
  GradientLimit limit(8, 1000);
  limit.set_bounds(8, 2000);
  CHECK(limit.limit() == 2000);
  limit.set_bounds(50, 20);
  CHECK(limit.limit() == 20);
}

}  // namespace
}  // namespace sluice::core::testing
