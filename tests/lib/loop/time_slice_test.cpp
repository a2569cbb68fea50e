#include "lib/loop/time_slice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "lib/loop/io_thread.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::Gate;

struct Fixture {
  Fixture() {
    thread.on_completed([](ActiveCall&) {});
    thread.start();
  }
  ~Fixture() { thread.stop_and_join(); }

  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
};

// Uses up each of its slices.
struct Endless final : SlicedWork {
  explicit Endless(IoThread& thread) : io(thread) {}
  void on_slice() override {
    while (!io.slice_over(1)) continue;
    ++slices;
    if (!enough) io.postpone(*this);
  }
  IoThread& io;
  int slices = 0;
  bool enough = false;
};

TEST_CASE("IoThread: posts are served between the slices of work that does not end") {
  Fixture fixture;
  Endless work(fixture.thread);
  Gate begun;
  fixture.thread.post([&] {
    fixture.thread.postpone(work);
    begun.open();
  });
  REQUIRE(begun.wait());
  int before = 0, after = 0;
  Gate first, second;
  fixture.thread.post([&] {
    before = work.slices;
    first.open();
  });
  REQUIRE(first.wait());
  REQUIRE(testing::eventually([&] {
    Gate looked;
    int slices = 0;
    fixture.thread.post([&] {
      slices = work.slices;
      looked.open();
    });
    return looked.wait() && slices > before;
  }));
  fixture.thread.post([&] {
    work.enough = true;
    after = work.slices;
    second.open();
  });
  REQUIRE(second.wait());
  fixture.thread.stop_and_join();
  CHECK(after > before);
}

// Asks for the end of each iteration.
struct Restless final : DeferredTask {
  explicit Restless(IoThread& thread) : io(thread) {}
  void on_deferred() override {
    ++runs;
    if (!enough) io.defer(*this);
  }
  IoThread& io;
  int runs = 0;
  bool enough = false;
};

TEST_CASE(
    "IoThread: what asks for the end of each iteration runs once between two tasks, however many came "
    "before") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  Restless work(thread);
  int before = 0, after = 0;
  Gate done;
  thread.post([&] {
    for (int tasks = 0; tasks < 50; ++tasks) thread.post([&] { thread.defer(work); });
    thread.post([&] {
      before = work.runs;
      thread.post([&] {
        after = work.runs;
        work.enough = true;
        done.open();
      });
    });
  });
  REQUIRE(done.wait());
  fixture.thread.stop_and_join();
  CHECK(after - before <= 3);
}

TEST_CASE("IoThread: work that is postponed is continued in turn") {
  Fixture fixture;
  struct Named final : SlicedWork {
    void on_slice() override {
      order->push_back(name);
      while (!io->slice_over(1)) continue;
      if (--left > 0) return io->postpone(*this);
      if (std::ranges::all_of(*all, [](const Named& each) { return each.left == 0; })) done->open();
    }
    IoThread* io = nullptr;
    std::vector<int>* order = nullptr;
    std::array<Named, 3>* all = nullptr;
    Gate* done = nullptr;
    int name = 0;
    int left = 4;
  };
  std::array<Named, 3> works;
  std::vector<int> order;
  Gate done;
  fixture.thread.post([&] {
    int name = 0;
    for (Named& each : works) {
      each.io = &fixture.thread;
      each.order = &order;
      each.all = &works;
      each.done = &done;
      each.name = name++;
      fixture.thread.postpone(each);
    }
  });
  REQUIRE(done.wait());
  fixture.thread.stop_and_join();
  CHECK(order == std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
}

// Each slice takes `time`, and moves the iteration's time, as writing does.
struct Spinning final : SlicedWork {
  Spinning(IoThread& thread, PeerShare& share, std::chrono::nanoseconds takes) : io(thread), time(takes) {
    set_share(&share);
  }
  void on_slice() override {
    for (const auto until = Clock::now() + time; Clock::now() < until;) continue;
    io.update_time();
    ++slices;
    if (!*over) return io.postpone(*this);
  }
  IoThread& io;
  std::chrono::nanoseconds time;
  const bool* over = nullptr;
  int slices = 0;
};

TEST_CASE("IoThread: a slice is charged whole, though the iteration's time is taken anew within it") {
  Fixture fixture;
  SliceQueue& queue = fixture.thread.slices();
  bool over = false;
  std::array<PeerShare*, 2> shares{};
  Gate joined;
  fixture.thread.post([&] {
    for (std::uint64_t peer = 0; peer < shares.size(); ++peer)
      shares[peer] = &queue.join({PeerKey::Kind::ipv4, peer});
    joined.open();
  });
  REQUIRE(joined.wait());
  Spinning greedy(fixture.thread, *shares[0], 4 * kSliceTime);
  Spinning modest(fixture.thread, *shares[1], kSliceTime);
  greedy.over = modest.over = &over;
  fixture.thread.post([&] {
    fixture.thread.postpone(greedy);
    fixture.thread.postpone(modest);
  });
  REQUIRE(testing::eventually([&] {
    Gate looked;
    fixture.thread.post([&] {
      over = greedy.slices + modest.slices >= 50;
      looked.open();
    });
    return looked.wait() && over;
  }));
  fixture.thread.stop_and_join();
  CHECK(modest.slices > greedy.slices);
}

TEST_CASE("Poller: what was not told before the stop is told next") {
  struct Counting final : Watched {
    void on_ready(std::uint32_t) override { ++told; }
    int told = 0;
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
  for (const Counting& each : watched) CHECK(each.told == 1);
  for (std::size_t i = 0; i < 3; ++i) poller.remove(sockets[2 * i].get(), watched[i]);
}

}  // namespace
}  // namespace sluice::core
