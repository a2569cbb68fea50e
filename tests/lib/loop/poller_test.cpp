#include "lib/loop/poller.hpp"

#include <doctest/doctest.h>

#include <array>

#include <sys/socket.h>

namespace sluice::core {
namespace {

struct Counter final : Watched {
  void on_ready(std::uint32_t events) override {
    ++times;
    last = events;
  }
  int times = 0;
  std::uint32_t last = 0;
};

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
  }
  Descriptor ours;
  Descriptor theirs;
};

TEST_CASE("Poller: a ready socket is reported repeatedly") {
  Poller poller;
  Pair pair;
  Counter counter;
  poller.add(pair.ours.get(), Poller::kReadable, counter);
  pair.theirs = Descriptor();
  for (int looks = 0; looks < 3; ++looks) poller.dispatch();
  CHECK(counter.times == 3);
  CHECK((counter.last & Poller::kGone) != 0);
}

TEST_CASE("Poller: with kOnce a socket is reported once, and once more for each change") {
  Poller poller;
  Pair pair;
  Counter counter;
  poller.add(pair.ours.get(), Poller::kReadable, counter);
  poller.change(pair.ours.get(), Poller::kOnce, counter);
  poller.dispatch();
  CHECK(counter.times == 0);
  pair.theirs = Descriptor();
  for (int looks = 0; looks < 3; ++looks) poller.dispatch();
  CHECK(counter.times == 1);
  poller.change(pair.ours.get(), Poller::kReadable, counter);
  for (int looks = 0; looks < 3; ++looks) poller.dispatch();
  CHECK(counter.times == 4);
}

}  // namespace
}  // namespace sluice::core
