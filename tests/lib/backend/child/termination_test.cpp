#include "lib/backend/child/termination.hpp"

#include <doctest/doctest.h>

#include <csignal>

namespace sluice::core {
namespace {

constexpr TimePoint kNow{std::chrono::hours(1)};

TEST_CASE("ChildTermination: nothing is sent to a process that may run on") {
  ChildTermination termination;
  CHECK_FALSE(termination.begun());
  CHECK(termination.next() == TimePoint::max());
  CHECK(termination.take_signal(kNow + std::chrono::hours(1000)) == 0);
}

TEST_CASE("ChildTermination: SIGTERM comes after a quarter of the grace, SIGKILL at its end, each once") {
  ChildTermination termination;
  termination.allow(seconds(2), kNow);
  CHECK(termination.begun());
  CHECK(termination.next() == kNow + milliseconds(500));
  CHECK(termination.take_signal(kNow + milliseconds(499)) == 0);
  CHECK(termination.take_signal(kNow + milliseconds(500)) == SIGTERM);
  CHECK(termination.take_signal(kNow + milliseconds(500)) == 0);
  CHECK(termination.next() == kNow + seconds(2));
  CHECK(termination.take_signal(kNow + seconds(2)) == SIGKILL);
  CHECK(termination.take_signal(kNow + seconds(3)) == 0);
  CHECK(termination.next() == TimePoint::max());
}

TEST_CASE("ChildTermination: where time has passed unnoticed, both signals are due, in their order") {
  ChildTermination termination;
  termination.allow(seconds(2), kNow);
  CHECK(termination.take_signal(kNow + seconds(5)) == SIGTERM);
  CHECK(termination.take_signal(kNow + seconds(5)) == SIGKILL);
}

TEST_CASE("ChildTermination: a process that has closed a pipe is killed soon, without SIGTERM") {
  ChildTermination termination;
  termination.expect_end(kNow);
  CHECK(termination.begun());
  termination.expect_end(kNow + milliseconds(100));  // the other pipe: the first counts
  CHECK(termination.next() == kNow + ChildTermination::kSilentTime);
  CHECK(termination.take_signal(kNow + ChildTermination::kSilentTime) == SIGKILL);
}

TEST_CASE(
    "ChildTermination: a closed pipe neither prolongs nor shortens the grace of a process that is to end") {
  ChildTermination termination;
  termination.allow(seconds(2), kNow);
  termination.expect_end(kNow + milliseconds(10));
  CHECK(termination.take_signal(kNow + seconds(1)) == SIGTERM);
  CHECK(termination.next() == kNow + seconds(2));
}

TEST_CASE("ChildTermination: a grace does not put off a signal that is due earlier") {
  ChildTermination termination;
  termination.expect_end(kNow);
  termination.allow(seconds(2), kNow);
  CHECK(termination.take_signal(kNow + ChildTermination::kSilentTime) == SIGKILL);
}

}  // namespace
}  // namespace sluice::core
