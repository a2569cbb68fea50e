#include "lib/loop/io_thread.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

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

// One thread with nothing on it but what a test posts.
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

TEST_CASE(
    "IoThread: while memory does not suffice for a timer, other events are dealt with, and then it is set") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  PassedGate soon, late;
  const std::size_t before = testing::failed_allocations();
  Gate begun;
  thread.post([&] {
    fail_allocations(0, std::numeric_limits<std::size_t>::max());
    // The second moves the timer while the memory of the first wait is still in use.
    thread.set_deadline(late, thread.now() + seconds(3600));
    thread.set_deadline(soon, thread.now() + std::chrono::milliseconds(1));
    begun.open();
  });
  REQUIRE(begun.wait());
  Gate relieved;
  // More than std::function holds without memory of its thread.
  const std::array<std::size_t, 16> load{1};
  thread.post([&, load] {
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
  thread.post([&] {
    thread.clear_deadline(late);
    cleared.open();
  });
  REQUIRE(cleared.wait());
}

TEST_CASE("IoThread: what is given back as the loop goes to sleep is dealt with") {
  Limits limits;
  limits.busy_poll = false;
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", limits, pool, metrics.shard(0)};
  std::atomic<std::size_t> returned{0};
  thread.on_completed([&](ActiveCall&) { returned.fetch_add(1); });
  thread.start();
  ActiveCall call;
  call.stage = ActiveCall::Stage::async;
  // A slow machine tries less often.
  const auto enough = Clock::now() + seconds(4);
  for (std::size_t i = 1; i <= 200'000 && Clock::now() < enough; ++i) {
    thread.complete(call);
    const auto until = Clock::now() + seconds(10);
    while (returned.load() < i && Clock::now() < until) continue;
    REQUIRE(returned.load() == i);
    // From before it looks whether to sleep to after that, in small steps.
    for (std::size_t spins = i % 600; spins > 0; --spins) std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  thread.stop_and_join();
}

TEST_CASE("IoThread: a call that waits for the iteration's end, or in a worker's queue, can be taken back") {
  Fixture fixture;  // its worker is not running
  IoThread& thread = fixture.thread;
  ActiveCall first, second, third;
  Gate staged;
  thread.post([&] {
    for (ActiveCall* const call : {&first, &second, &third}) {
      call->worker = 0;
      fixture.pool.try_reserve();
      thread.stage(*call);
      CHECK(thread.waits(*call));
    }
    CHECK(thread.withdraw(first));
    CHECK(fixture.pool.queue_depth_approx(0) == 0);
  });
  thread.post([&] {
    CHECK(fixture.pool.queue_depth_approx(0) == 2);
    CHECK(thread.waits(second));
    CHECK(thread.withdraw(second));
    CHECK_FALSE(thread.waits(second));
    CHECK_FALSE(thread.withdraw(second));
    CHECK(fixture.pool.queue_depth_approx(0) == 1);
    CHECK(thread.withdraw(third));
    staged.open();
  });
  REQUIRE(staged.wait());
}

TEST_CASE("IoThread: memory of long buffers is released once nobody has used it for a while") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  thread.post([&] {
    std::string buffer(2 * BufferPool::kBufferBytesMax, 'a');
    thread.buffers().give(buffer);
    CHECK(thread.buffers().holds_long());
  });
  CHECK(testing::eventually([&] {
    bool holds = true;
    Gate looked;
    thread.post([&] {
      holds = thread.buffers().holds_long();
      looked.open();
    });
    return looked.wait() && !holds;
  }));
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
  explicit SocketReader(IoThread& on) : thread(on) {}
  void on_ready(std::uint32_t) override {
    const auto space = thread.reads().space();
    const auto got = ::read(socket.ends[0], space.data(), space.size());
    if (got > 0) thread.reads().add(*this, static_cast<std::size_t>(got));
  }
  void on_bytes(std::string_view bytes) override {
    text = bytes;
    told.open();
  }
  IoThread& thread;
  Ends socket;
  std::string text;
  Gate told;
};

struct Thrower final : Watched {
  explicit Thrower(IoThread& on) : thread(on) {}
  void on_ready(std::uint32_t) override {
    thread.poller().remove(socket.ends[0], *this);
    throw std::bad_alloc();
  }
  IoThread& thread;
  Ends socket;
};

TEST_CASE(
    "IoThread: what was read is dealt with, though another socket's event fails in the same iteration") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  SocketReader reader(thread);
  Thrower thrower(thread);
  thread.post([&] {
    thread.poller().add(reader.socket.ends[0], Poller::kReadable, reader);
    thread.poller().add(thrower.socket.ends[0], Poller::kReadable, thrower);
    // Ready in this order, and told of together.
    reader.socket.send("text");
    thrower.socket.send("text");
  });
  CHECK(reader.told.wait());
  CHECK(reader.text == "text");
  thread.stop_and_join();
}

struct Step final : DeferredTask {
  void on_deferred() override { task(); }
  std::function<void()> task;
};

TEST_CASE(
    "IoThread: what an iteration's end asks for late is done in the same iteration, other work in the next") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  std::vector<std::string> order;
  Step first, late, other;
  Gate done;
  late.task = [&] { order.emplace_back("late"); };
  other.task = [&] {
    order.emplace_back("other");
    done.open();
  };
  first.task = [&] {
    thread.defer(other);
    thread.defer_late(late);
  };
  thread.post([&] {
    thread.post([&] { order.emplace_back("another event"); });
    thread.defer(first);
  });
  REQUIRE(done.wait());
  CHECK(order == std::vector<std::string>{"late", "another event", "other"});
}

TEST_CASE("IoThread: a call that ends on the thread itself is settled at the end of its iteration") {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread(0, "io-0", Limits{}, pool, metrics.shard(0));
  std::vector<std::string> order;
  ActiveCall call;
  Gate done;
  thread.on_completed(
      [&](ActiveCall& returned) { order.emplace_back(&returned == &call ? "the call" : "?"); });
  thread.start();
  thread.post([&] {
    thread.post([&] {
      order.emplace_back("another event");
      done.open();
    });
    thread.complete(call);
    order.emplace_back("the iteration's event");
  });
  REQUIRE(done.wait());
  thread.stop_and_join();
  CHECK(order == std::vector<std::string>{"the iteration's event", "the call", "another event"});
}

TEST_CASE("IoThread: a call that ends while others are settled is settled after the next event") {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread(0, "io-0", Limits{}, pool, metrics.shard(0));
  ActiveCall first, second, third;
  Gate second_settled, third_settled;
  thread.on_completed([&](ActiveCall& call) {
    if (&call == &first) thread.complete(second);
    if (&call == &second) second_settled.open();
    if (&call == &third) third_settled.open();
  });
  thread.start();
  thread.post([&] { thread.complete(first); });
  CHECK(second_settled.wait());
  thread.complete(third);  // from outside: whoever comes next is not to wait either
  CHECK(third_settled.wait());
  thread.stop_and_join();
}

TEST_CASE("IoThread: a worker with a long reply waits for a bounded time while many have not been taken") {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  thread.on_completed([](ActiveCall&) {});
  std::deque<ActiveCall> calls;
  const auto wait = [&](std::size_t bytes) {
    ActiveCall& call = calls.emplace_back();
    call.stage = ActiveCall::Stage::pooled;
    call.reply.reserve(bytes);
    const auto begin = Clock::now();
    thread.await_room(call);
    return Clock::now() - begin;
  };
  wait(IoThread::kCompletedBytesMax);
  thread.complete(calls.back());
  CHECK(wait(IoThread::kCompletedReplyBytesMin / 2) < IoThread::kRoomWaitMax);  // a short one
  CHECK(wait(IoThread::kCompletedReplyBytesMin) >= IoThread::kRoomWaitMax);
  CHECK(thread.completed_bytes() >= IoThread::kCompletedBytesMax + IoThread::kCompletedReplyBytesMin);
  thread.drain_completions();
  CHECK(thread.completed_bytes() < IoThread::kCompletedBytesMax);
  CHECK(wait(IoThread::kCompletedReplyBytesMin) < IoThread::kRoomWaitMax);
}

TEST_CASE("IoThread: workers wait as well while it deals with what they gave back") {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  ActiveCall first;
  ActiveCall second;
  for (ActiveCall* const call : {&first, &second}) {
    call->stage = ActiveCall::Stage::pooled;
    call->reply.reserve(IoThread::kCompletedBytesMax);
  }
  std::size_t held = 0;
  thread.on_completed([&](ActiveCall& call) {
    if (&call == &first) held = thread.completed_bytes();
  });
  thread.await_room(first);
  thread.complete(first);
  thread.await_room(second);
  thread.complete(second);
  thread.drain_completions();
  CHECK(held >= IoThread::kCompletedBytesMax);
  CHECK(thread.completed_bytes() == 0);
}

TEST_CASE("IoThread: a worker that composes one long reply after another does not pass those that wait") {
  constexpr int kWaits = 11;
  constexpr auto kHeld = std::chrono::milliseconds(1);
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  thread.on_completed([](ActiveCall&) {});
  std::atomic<bool> over{false};
  std::atomic<int> replies{0};
  std::thread busy([&] {
    ActiveCall call;
    call.stage = ActiveCall::Stage::pooled;
    call.reply.reserve(IoThread::kCompletedBytesMax);
    while (!over) {
      thread.await_room(call);
      thread.complete(call);
      ++replies;
      const auto until = Clock::now() + kHeld;
      while (Clock::now() < until) continue;
      thread.drain_completions();
    }
  });
  while (replies == 0) std::this_thread::yield();
  std::vector<int> passed_by;
  for (int count = 0; count < kWaits; ++count) {
    ActiveCall call;
    call.reply.reserve(IoThread::kCompletedReplyBytesMin);
    const int before = replies;
    thread.await_room(call);
    passed_by.push_back(replies - before);
  }
  over = true;
  busy.join();
  std::ranges::sort(passed_by);
  CHECK(passed_by[kWaits / 2] <= 10);
}

}  // namespace
}  // namespace sluice::core
