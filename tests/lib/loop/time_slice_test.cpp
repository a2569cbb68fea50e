#include "lib/loop/time_slice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include <sys/socket.h>

#include "lib/loop/event_loop.hpp"
#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::core {
namespace {

using testing::VirtualLoop;

// Work whose units take a microsecond each.
struct Units {
  // Works until the slice is over, or as many units as that.
  int work(VirtualLoop& fixture, int units_max = 1'000'000) {
    int units = 0;
    do {
      fixture.now += std::chrono::microseconds(1);
      ++units;
    } while (!fixture.loop.slice_over(1) && units < units_max);
    return units;
  }
};

// Uses up each of its slices.
struct Endless final : SlicedWork, Units {
  explicit Endless(VirtualLoop& on) : fixture(on) {}
  void on_slice() override {
    units.push_back(work(fixture));
    if (!enough) fixture.loop.postpone(*this);
  }
  VirtualLoop& fixture;
  std::vector<int> units;
  bool enough = false;
};

TEST_CASE("EventLoop: posts are served between the slices of work that does not end") {
  VirtualLoop fixture;
  Endless work(fixture);
  std::vector<std::size_t> slices;
  fixture.loop.post([&] { fixture.loop.postpone(work); });
  for (int post = 0; post < 3; ++post) {
    fixture.serve(3);
    fixture.loop.post([&] { slices.push_back(work.units.size()); });
  }
  work.enough = true;
  fixture.serve();
  REQUIRE(slices.size() == 3);
  CHECK(slices[0] > 0);
  CHECK(slices[1] > slices[0]);
  CHECK(slices[2] > slices[1]);
}

TEST_CASE("EventLoop: a source that is alone has a slice of the whole iteration") {
  VirtualLoop fixture;
  Units source;
  int units = 0;
  fixture.loop.post([&] {
    fixture.loop.begin_slice();
    units = source.work(fixture);
    CHECK(fixture.loop.slice_used() >= kIterationTime);
  });
  fixture.serve();
  CHECK(std::chrono::microseconds(units) >= kIterationTime);
  CHECK(std::chrono::microseconds(units) <= kIterationTime + std::chrono::microseconds(kUnitsPerLook));
}

TEST_CASE("EventLoop: while other work waits a slice is short, and the loop is contended") {
  VirtualLoop fixture;
  Endless waiting(fixture);
  waiting.enough = true;
  Units source;
  int units = 0;
  CHECK_FALSE(fixture.loop.contended());
  fixture.loop.post([&] {
    fixture.loop.postpone(waiting);
    CHECK(fixture.loop.contended());
    fixture.loop.begin_slice();
    units = source.work(fixture);
  });
  fixture.serve();
  CHECK(std::chrono::microseconds(units) >= kSliceTime);
  CHECK(std::chrono::microseconds(units) <= kSliceTime + std::chrono::microseconds(kUnitsPerLook));
  CHECK_FALSE(fixture.loop.contended());
}

TEST_CASE("EventLoop: postponed work continues in round-robin order") {
  VirtualLoop fixture;
  struct Named final : SlicedWork, Units {
    void on_slice() override {
      order->push_back(name);
      work(*fixture);
      if (--left > 0) fixture->loop.postpone(*this);
    }
    VirtualLoop* fixture = nullptr;
    std::vector<int>* order = nullptr;
    int name = 0;
    int left = 4;
  };
  std::array<Named, 3> works;
  std::vector<int> order;
  fixture.loop.post([&] {
    int name = 0;
    for (Named& each : works) {
      each.fixture = &fixture;
      each.order = &order;
      each.name = name++;
      fixture.loop.postpone(each);
    }
  });
  fixture.serve();
  CHECK(order == std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
}

// Each slice takes `time`, and moves the iteration's time, as writing does.
struct Spinning final : SlicedWork {
  Spinning(VirtualLoop& on, PeerShare& share, std::chrono::nanoseconds takes) : fixture(on), time(takes) {
    set_share(&share);
  }
  void on_slice() override {
    fixture.now += time;
    fixture.loop.update_time();
    if (++*all < 50) {
      ++slices;
      fixture.loop.postpone(*this);
    }
  }
  VirtualLoop& fixture;
  std::chrono::nanoseconds time;
  int* all = nullptr;
  int slices = 0;
};

TEST_CASE("EventLoop: a slice is charged whole, though the iteration's time is updated within it") {
  VirtualLoop fixture;
  SliceQueue& queue = fixture.loop.slices();
  int all = 0;
  Spinning greedy(fixture, queue.join({PeerKey::Kind::ipv4, 1}), 4 * kSliceTime);
  Spinning modest(fixture, queue.join({PeerKey::Kind::ipv4, 2}), kSliceTime);
  greedy.all = modest.all = &all;
  fixture.loop.post([&] {
    fixture.loop.postpone(greedy);
    fixture.loop.postpone(modest);
  });
  fixture.serve();
  CHECK(modest.slices >= 3 * greedy.slices);
}

TEST_CASE("Poller: sockets that were not reported before the stop are reported next") {
  struct Counting final : Watched {
    void on_ready(std::uint32_t) override { ++reported; }
    int reported = 0;
  };
  Poller poller;
  std::array<Counting, 3> watched;
  std::vector<Descriptor> sockets;
  for (Counting& each : watched) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    sockets.emplace_back(ends[0]);
    sockets.emplace_back(ends[1]);
    REQUIRE(::send(ends[1], "x", 1, 0) == 1);
    poller.add(ends[0], Poller::kReadable, each);
  }
  const auto always = [] { return true; };
  for (std::size_t i = 0; i < 3; ++i) CHECK(poller.dispatch(always) == 3);
  for (const Counting& each : watched) CHECK(each.reported == 1);
  for (std::size_t i = 0; i < 3; ++i) poller.remove(sockets[2 * i].get(), watched[i]);
}

}  // namespace
}  // namespace sluice::core
