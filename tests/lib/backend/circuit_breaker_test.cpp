#include "lib/backend/circuit_breaker.hpp"

#include <doctest/doctest.h>

namespace sluice::core::testing {
namespace {

using State = CircuitBreaker::State;

struct Fixture {
  BreakerSettings settings{3, seconds(10), seconds(5), milliseconds(0)};
  CircuitBreaker breaker{settings};
  TimePoint now = TimePoint() + std::chrono::hours(1);

  // One call through it, if it is let through.
  void fail() {
    const bool probe = breaker.begin(now);
    breaker.failed(now, probe);
  }
};

TEST_CASE("a breaker is closed until there are so many failures within the window") {
  Fixture f;
  for (int i = 0; i < 20; ++i) {
    f.fail();
    f.now += seconds(6);  // never three within ten seconds
    CHECK(f.breaker.state(f.now) == State::closed);
  }
}

TEST_CASE("a breaker opens at the last failure that it takes, and says for how long") {
  Fixture f;
  f.fail();
  f.fail();
  CHECK(f.breaker.allows(f.now));
  CHECK(f.breaker.failed(f.now, false));
  CHECK(f.breaker.state(f.now) == State::open);
  CHECK_FALSE(f.breaker.allows(f.now));
  CHECK(f.breaker.retry_after(f.now) == seconds(5));
  CHECK(f.breaker.retry_after(f.now + milliseconds(4999)) == milliseconds(1));
}

TEST_CASE("a half-open breaker lets one call through at a time") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail();
  f.now += seconds(5);
  CHECK(f.breaker.state(f.now) == State::half_open);
  CHECK(f.breaker.allows(f.now));
  CHECK(f.breaker.begin(f.now));
  CHECK_FALSE(f.breaker.allows(f.now));
  CHECK(f.breaker.retry_after(f.now) > milliseconds(0));
}

TEST_CASE("a good probe closes a breaker, and what was before is forgotten") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail();
  f.now += seconds(5);
  const bool probe = f.breaker.begin(f.now);
  CHECK(f.breaker.succeeded(f.now, milliseconds(1), probe));
  CHECK(f.breaker.state(f.now) == State::closed);
  f.fail();
  f.fail();
  CHECK(f.breaker.state(f.now) == State::closed);
}

TEST_CASE("a bad probe opens a breaker again") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail();
  f.now += seconds(5);
  f.fail();
  CHECK(f.breaker.state(f.now) == State::open);
  CHECK(f.breaker.retry_after(f.now) == seconds(5));
}

TEST_CASE("an abandoned probe makes room for another") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail();
  f.now += seconds(5);
  f.breaker.begin(f.now);
  f.breaker.abandoned();
  CHECK(f.breaker.allows(f.now));
}

TEST_CASE("calls from before a breaker opened change nothing") {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail();
  CHECK_FALSE(f.breaker.succeeded(f.now, milliseconds(1), false));
  f.now += seconds(5);
  f.breaker.begin(f.now);
  CHECK_FALSE(f.breaker.succeeded(f.now, milliseconds(1), false));
  CHECK_FALSE(f.breaker.failed(f.now, false));
  CHECK(f.breaker.state(f.now) == State::half_open);
}

TEST_CASE("a call that is too slow has failed") {
  Fixture f;
  f.settings.slow = milliseconds(100);
  CircuitBreaker breaker(f.settings);
  for (int i = 0; i < 3; ++i) breaker.succeeded(f.now, milliseconds(101), breaker.begin(f.now));
  CHECK(breaker.state(f.now) == State::open);
}

TEST_CASE("a breaker without a number of failures never opens") {
  Fixture f;
  f.settings.failures = 0;
  CircuitBreaker breaker(f.settings);
  for (int i = 0; i < 1000; ++i) breaker.failed(f.now, false);
  CHECK(breaker.allows(f.now));
}

}  // namespace
}  // namespace sluice::core::testing
