#include "lib/loop/busy_poll.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

using std::chrono::microseconds;

// How many of so many events in a row the thread sleeps before at once, where a look always takes so long.
int back_offs_of(BusyPoll& polls, int events, BusyPoll::Duration took) {
  int back_offs = 0;
  for (int i = 0; i < events; ++i) {
    if (polls.backing_off()) {
      ++back_offs;
    } else {
      polls.looked(took);
    }
  }
  return back_offs;
}

TEST_CASE("BusyPoll: goes on polling while events come sooner than sleeping would pay off") {
  BusyPoll polls;
  CHECK(back_offs_of(polls, 100'000, BusyPoll::kPrice - microseconds(1)) == 0);
}

TEST_CASE("BusyPoll: without events it polls a few times, and then rarely") {
  BusyPoll polls;
  const int looks = 100'000 - back_offs_of(polls, 100'000, BusyPoll::kWindow);
  CHECK(looks > 0);
  // Rests grow to the longest; each is followed by as many looks as its savings pay for.
  CHECK(looks < 400);
}

TEST_CASE("BusyPoll: an occasional vain poll is paid by successful ones") {
  BusyPoll polls;
  int back_offs = 0;
  for (int i = 0; i < 10'000; ++i) {
    back_offs += back_offs_of(polls, 9, microseconds(10));
    back_offs += back_offs_of(polls, 1, BusyPoll::kWindow);
  }
  CHECK(back_offs == 0);
}

TEST_CASE("BusyPoll: it backs off where most polls are in vain, though some succeed") {
  // Clients that send two requests in quick succession, or at random times.
  for (const int vain : {1, 2, 4, 10}) {
    CAPTURE(vain);
    BusyPoll polls;
    int back_offs = 0;
    for (int i = 0; i < 10'000; ++i) {
      back_offs += back_offs_of(polls, 1, microseconds(5));
      back_offs += back_offs_of(polls, vain, BusyPoll::kWindow);
    }
    CHECK(back_offs > 10'000 * (1 + vain) * 9 / 10);
  }
}

TEST_CASE("BusyPoll: old successes pay for a few polls only") {
  BusyPoll polls;
  CHECK(back_offs_of(polls, 1'000'000, microseconds(0)) == 0);
  CHECK(back_offs_of(polls, 20, BusyPoll::kWindow) > 0);
}

TEST_CASE("BusyPoll: after a long back-off, close events are polled for again within one back-off") {
  BusyPoll polls;
  back_offs_of(polls, 1'000'000, BusyPoll::kWindow);
  CHECK(back_offs_of(polls, BusyPoll::kBackOffMax, microseconds(5)) <=
        static_cast<int>(BusyPoll::kBackOffMax));
  CHECK(back_offs_of(polls, 100'000, microseconds(5)) == 0);
}

TEST_CASE("BusyPoll: after successful polls the next back-off begins short") {
  BusyPoll polls;
  back_offs_of(polls, 1'000'000, BusyPoll::kWindow);
  back_offs_of(polls, 10'000, microseconds(5));
  // What was saved, then one look too many.
  int looks = 0;
  while (!polls.backing_off() && looks < 100) {
    polls.looked(BusyPoll::kWindow);
    ++looks;
  }
  CHECK(looks < 100);
  CHECK(back_offs_of(polls, 10, microseconds(5)) < 10);
}

}  // namespace
}  // namespace sluice::core
