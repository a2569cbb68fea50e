// Limit of new connections on a busy I/O thread.
#include "lib/transport/arrivals.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace {

using sluice::core::Arrivals;
using sluice::core::TimePoint;

std::size_t accept_all(Arrivals& arrivals, TimePoint now) {
  std::size_t count = 0;
  while (arrivals.next_may_come(now)) {
    arrivals.came();
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("Arrivals: a busy thread takes new connections in proportion to the sockets that it serves") {
  Arrivals arrivals;
  const TimePoint now;
  CHECK(accept_all(arrivals, now) == Arrivals::kAheadMax);
  CHECK(accept_all(arrivals, now) == 0);
  for (std::uint64_t i = 0; i < 10 * Arrivals::kServedPerArrival; ++i) arrivals.served();
  CHECK(accept_all(arrivals, now) == 10);
}

TEST_CASE("Arrivals: sockets that were served before are not saved up") {
  Arrivals arrivals;
  for (int i = 0; i < 1'000'000; ++i) arrivals.served();
  CHECK(accept_all(arrivals, TimePoint()) == Arrivals::kAheadMax);
}

TEST_CASE("Arrivals: where no socket was ready during a pause, the next may come") {
  constexpr auto kHalf = std::chrono::microseconds(Arrivals::kPause) / 2;
  Arrivals arrivals;
  TimePoint now;
  arrivals.served();
  CHECK(accept_all(arrivals, now) == Arrivals::kAheadMax);
  now += kHalf;
  CHECK_FALSE(arrivals.next_may_come(now));
  now += kHalf;
  CHECK(arrivals.next_may_come(now));
}
