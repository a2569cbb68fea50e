// The loop with its waiting, on a thread of its own.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

#include "lib/loop/event_loop.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/failing_allocator.hpp"

namespace sluice::core {
namespace {

using std::chrono::seconds;
using testing::fail_allocations;
using testing::Gate;

struct PassedGate final : Deadline {
  void on_deadline(TimePoint) override { passed.open(); }
  Gate passed;
};

struct RunningLoop {
  ~RunningLoop() { stop(); }
  void stop() {
    loop.stop();
    if (thread.joinable()) thread.join();
  }
  EventLoop loop{"loop"};
  std::thread thread{[this] { loop.run(); }};
};

TEST_CASE(
    "EventLoop: while memory does not suffice for a timer, other events are served, and then it is set") {
  RunningLoop fixture;
  EventLoop& loop = fixture.loop;
  PassedGate soon, late;
  const std::size_t before = testing::failed_allocations();
  Gate begun;
  loop.post([&] {
    fail_allocations(0, std::numeric_limits<std::size_t>::max());
    // The second moves the timer while the memory of the first wait is still in use.
    loop.set_deadline(late, loop.now() + seconds(3600));
    loop.set_deadline(soon, loop.now() + std::chrono::milliseconds(1));
    begun.open();
  });
  REQUIRE(begun.wait());
  Gate relieved;
  // More than std::function holds without memory of its own.
  const std::array<std::size_t, 16> load{1};
  loop.post([&, load] {
    CHECK(load[0] == 1);
    CHECK_FALSE(soon.passed.is_open());
    fail_allocations(0, 0);
    relieved.open();
  });
  REQUIRE(relieved.wait());
  CHECK(testing::failed_allocations() > before);
  CHECK(soon.passed.wait());
  CHECK_FALSE(late.passed.is_open());
  Gate cleared;
  loop.post([&] {
    loop.clear_deadline(late);
    cleared.open();
  });
  REQUIRE(cleared.wait());
}

TEST_CASE("EventLoop: runs posts of other threads in their order, here, until it is stopped") {
  RunningLoop fixture;
  EventLoop& loop = fixture.loop;
  std::string order;
  Gate done;
  CHECK_FALSE(loop.here());
  for (const char name : {'a', 'b', 'c'}) {
    loop.post([&order, &loop, name] {
      CHECK(loop.here());
      order += name;
    });
  }
  loop.post([&] { done.open(); });
  REQUIRE(done.wait());
  fixture.stop();
  loop.post([&] { order += 'd'; });
  CHECK(order == "abc");
}

TEST_CASE("EventLoop: a deadline wakes a sleeping loop") {
  RunningLoop fixture;
  PassedGate gate;
  fixture.loop.post(
      [&] { fixture.loop.set_deadline(gate, fixture.loop.now() + std::chrono::milliseconds(5)); });
  CHECK(gate.passed.wait());
  fixture.stop();
}

// One end of a pair of sockets that the thread watches, and the other.
struct Ends {
  Ends() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
  ~Ends() {
    for (const int end : ends) ::close(end);
  }
  void send(std::string_view text) const { CHECK(::write(ends[1], text.data(), text.size()) > 0); }
  std::array<int, 2> ends{};
};

struct SocketReader final : Watched, Reader {
  explicit SocketReader(EventLoop& on) : loop(on) {}
  void on_ready(std::uint32_t) override {
    const auto space = loop.reads().space();
    const auto got = ::read(socket.ends[0], space.data(), space.size());
    if (got > 0) loop.reads().add(*this, static_cast<std::size_t>(got));
  }
  void on_bytes(std::string_view bytes) override {
    text = bytes;
    processed.open();
  }
  EventLoop& loop;
  Ends socket;
  std::string text;
  Gate processed;
};

struct Thrower final : Watched {
  explicit Thrower(EventLoop& on) : loop(on) {}
  void on_ready(std::uint32_t) override {
    loop.poller().remove(socket.ends[0], *this);
    throw std::bad_alloc();
  }
  EventLoop& loop;
  Ends socket;
};

TEST_CASE(
    "EventLoop: what was read is processed, though another socket's event fails in the same iteration") {
  RunningLoop fixture;
  EventLoop& loop = fixture.loop;
  SocketReader reader(loop);
  Thrower thrower(loop);
  loop.post([&] {
    loop.poller().add(reader.socket.ends[0], Poller::kReadable, reader);
    loop.poller().add(thrower.socket.ends[0], Poller::kReadable, thrower);
    // Ready in this order, and reported together.
    reader.socket.send("text");
    thrower.socket.send("text");
  });
  CHECK(reader.processed.wait());
  CHECK(reader.text == "text");
  fixture.stop();
}

}  // namespace
}  // namespace sluice::core
