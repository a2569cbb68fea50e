#include "cli/backoff.hpp"

#include <doctest/doctest.h>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart = TimePoint() + 1h;

}  // namespace

TEST_CASE("Backoff: pauses double up to a bound") {
  Backoff backoff;
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    CHECK(backoff.next(kStart, 1) == pause);
  }
}

TEST_CASE("Backoff: pauses spread over their second half") {
  Backoff backoff;
  CHECK(backoff.next(kStart, 0) == 50ms);
  CHECK(backoff.next(kStart, 0.5) == 150ms);
}

TEST_CASE("Backoff: a connection that lasted begins again, a short one does not") {
  Backoff backoff;
  backoff.next(kStart, 1);
  backoff.opened(kStart);
  CHECK(backoff.next(kStart + Backoff::kStable - 1ms, 1) == 200ms);
  backoff.opened(kStart);
  CHECK(backoff.next(kStart + Backoff::kStable, 1) == 100ms);
  CHECK(backoff.next(kStart + 2 * Backoff::kStable, 1) == 200ms);
}

}  // namespace sluice::client
