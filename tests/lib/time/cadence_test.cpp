#include "lib/time/cadence.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kBegin{std::chrono::hours(5)};

TEST_CASE("Cadence: is due at multiples of its interval, however late one looks") {
  const Cadence cadence(kBegin, milliseconds(100));
  CHECK(cadence.next(kBegin - milliseconds(1)) == kBegin);
  CHECK(cadence.next(kBegin) == kBegin + milliseconds(100));
  CHECK(cadence.next(kBegin + milliseconds(99)) == kBegin + milliseconds(100));
  CHECK(cadence.next(kBegin + milliseconds(100)) == kBegin + milliseconds(200));
}

TEST_CASE("Cadence: missed moments are skipped") {
  const Cadence cadence(kBegin, milliseconds(100));
  CHECK(cadence.next(kBegin + milliseconds(1234)) == kBegin + milliseconds(1300));
}

TEST_CASE("Cadence: does not drift over many runs that are a little late each") {
  const Cadence cadence(kBegin, milliseconds(100));
  TimePoint now = kBegin;
  for (int run = 0; run < 1000; ++run) now = cadence.next(now + milliseconds(37));
  CHECK(now == kBegin + milliseconds(100'000));
}

TEST_CASE("Cadence: an interval of nothing is the shortest there is") {
  const Cadence cadence(kBegin, milliseconds(0));
  CHECK(cadence.next(kBegin) == kBegin + std::chrono::nanoseconds(1));
}

}  // namespace
}  // namespace sluice::core
