#include "lib/worker/worker_dispatcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <vector>

#include "tests/lib/worker/worker_pool_calls.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using std::chrono::nanoseconds;
using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;

constexpr nanoseconds kUnknown{0};
constexpr nanoseconds kShort{100};
constexpr nanoseconds kLong = WorkerDispatcher::kShortMax + nanoseconds(1);
// As many short calls as make a share.
constexpr int kShare = WorkerDispatcher::kShareMax / (kShort + WorkerDispatcher::kHandling) + 1;

// The workers that this many calls are assigned to.
std::vector<std::size_t> reserve(WorkerDispatcher& worker_dispatcher, int count, nanoseconds run_time,
                                 TimePoint now) {
  std::vector<std::size_t> workers;
  for (int i = 0; i < count; ++i) workers.push_back(worker_dispatcher.reserve(run_time, now));
  return workers;
}

std::size_t different(const std::vector<std::size_t>& workers) {
  return std::set(workers.begin(), workers.end()).size();
}

// Workers, not running, on so many processors.
struct Fixture {
  explicit Fixture(std::size_t workers, const std::vector<std::size_t>& cpus, std::size_t queue_max = 10'000)
      : pool(workers, queue_max), worker_dispatcher(pool) {
    pool.run_on(cpus);
  }
  WorkerPool pool;
  WorkerDispatcher worker_dispatcher;
  TimePoint now{std::chrono::hours(1)};
};

TEST_CASE(
    "WorkerDispatcher: short calls of an iteration go to one worker, all others to the least loaded one "
    "each") {
  Fixture fixture(4, {0});
  WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
  const auto packed = reserve(worker_dispatcher, 3 * kShare, kShort, fixture.now);
  CHECK(different(packed) == 1);
  const auto spread = reserve(worker_dispatcher, 3, kUnknown, fixture.now);
  CHECK(different(spread) == 3);
  for (const std::size_t worker : spread) CHECK(worker != packed.front());
  CHECK(different(reserve(worker_dispatcher, 6, kLong, fixture.now)) == 3);
}

TEST_CASE(
    "WorkerDispatcher: more than a share of short calls goes to as many workers as there are processors") {
  Fixture fixture(4, {0, 1});
  WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
  const auto first = reserve(worker_dispatcher, kShare, kShort, fixture.now);
  CHECK(different(first) == 1);
  const auto second = reserve(worker_dispatcher, kShare, kShort, fixture.now);
  CHECK(different(second) == 1);
  CHECK(second.front() != first.front());
  auto all = reserve(worker_dispatcher, 4 * kShare, kShort, fixture.now);
  CHECK(std::ranges::count(all, first.front()) == 2 * kShare);
  CHECK(std::ranges::count(all, second.front()) == 2 * kShare);
}

TEST_CASE(
    "WorkerDispatcher: a short call does not go behind a long one of the same iteration while a worker is "
    "free") {
  Fixture fixture(2, {0});
  WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
  const std::size_t first = worker_dispatcher.reserve(kShort, fixture.now);
  const std::size_t other = worker_dispatcher.reserve(kLong, fixture.now);
  CHECK(other != first);
  CHECK(worker_dispatcher.reserve(kShort, fixture.now) == first);
  for (int i = 0; i < 2; ++i) fixture.pool.release_slot(first);
  CHECK(worker_dispatcher.reserve(kLong, fixture.now) == first);
  fixture.pool.release_slot(other);
  CHECK(worker_dispatcher.reserve(kShort, fixture.now) == other);
}

TEST_CASE("WorkerDispatcher: no call is refused before every worker is full") {
  for (const std::size_t queue : {0, 1, 100}) {
    Fixture fixture(3, {0}, queue);
    WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
    const std::size_t slots = 3 * (queue + 1);
    for (std::size_t i = 0; i < slots; ++i) {
      REQUIRE(worker_dispatcher.reserve(i % 3 == 2 ? kLong : kShort, fixture.now) != WorkerPool::kNone);
    }
    CHECK(worker_dispatcher.reserve(kShort, fixture.now) == WorkerPool::kNone);
    CHECK(worker_dispatcher.reserve(kLong, fixture.now) == WorkerPool::kNone);
    fixture.pool.release_slot(1);
    CHECK(worker_dispatcher.reserve(kShort, fixture.now) == 1);
  }
}

// Returns the worker that it is assigned to.
std::size_t enqueue_short(WorkerDispatcher& worker_dispatcher, ActiveCall& call, TimePoint now) {
  call.worker = worker_dispatcher.reserve(kShort, now);
  worker_dispatcher.enqueue(call);
  return call.worker;
}

// The calls of an iteration: they are assigned and enqueued, and then pushed.
struct Iterations {
  void run(WorkerDispatcher& worker_dispatcher, std::vector<nanoseconds> run_times, TimePoint now) {
    workers.clear();
    for (const nanoseconds run_time : run_times) {
      ActiveCall& call = calls.make([](Call&) {});
      call.worker = worker_dispatcher.reserve(run_time, now);
      workers.push_back(call.worker);
      worker_dispatcher.enqueue(call);
    }
    worker_dispatcher.push(now);
  }
  Calls calls;
  std::vector<std::size_t> workers;  // of the last iteration
};

TEST_CASE(
    "WorkerDispatcher: the next iteration's short calls go to the same worker while it makes progress, then "
    "to "
    "another") {
  Fixture fixture(4, {0});
  Iterations iterations;
  WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
  iterations.run(worker_dispatcher, {kShort, kShort}, fixture.now);
  const std::size_t first = iterations.workers.front();
  fixture.now += WorkerDispatcher::kProgressWindow - nanoseconds(1);
  iterations.run(worker_dispatcher, {kShort}, fixture.now);
  CHECK(iterations.workers.front() == first);
  // It has not ended any of them.
  fixture.now += nanoseconds(1);
  iterations.run(worker_dispatcher, {kShort}, fixture.now);
  CHECK(iterations.workers.front() != first);
}

TEST_CASE("WorkerDispatcher: a worker with a full share is helped if there is another processor") {
  Fixture one(4, {0}), two(4, {0, 1});
  for (Fixture* const each : {&one, &two}) {
    Iterations iterations;
    iterations.run(each->worker_dispatcher, std::vector<nanoseconds>(kShare, kShort), each->now);
    const std::size_t first = iterations.workers.front();
    iterations.run(each->worker_dispatcher, {kShort}, each->now);
    CHECK((iterations.workers.front() == first) == (each == &one));
  }
}

TEST_CASE("WorkerDispatcher: a worker that has something long is no longer the one for short calls") {
  Fixture fixture(2, {0});
  Iterations iterations;
  iterations.run(fixture.worker_dispatcher, {kShort}, fixture.now);
  const std::size_t first = iterations.workers.front();
  // Two for each of them.
  iterations.run(fixture.worker_dispatcher, {kLong, kLong, kLong}, fixture.now);
  for (int i = 0; i < 2; ++i) fixture.pool.release_slot(1 - first);
  iterations.run(fixture.worker_dispatcher, {kShort, kShort}, fixture.now);
  CHECK(iterations.workers == std::vector<std::size_t>{1 - first, 1 - first});
}

TEST_CASE("WorkerDispatcher: a worker that is not to take calls any more gets none") {
  Fixture fixture(2, {0});
  Iterations iterations;
  WorkerDispatcher& worker_dispatcher = fixture.worker_dispatcher;
  do {
    iterations.run(worker_dispatcher, {kShort}, fixture.now += WorkerDispatcher::kProgressWindow);
  } while (iterations.workers.front() == 0);
  fixture.pool.resize(1);
  iterations.run(worker_dispatcher, {kShort}, fixture.now);
  CHECK(iterations.workers.front() == 0);
}

TEST_CASE("WorkerDispatcher: calls behind a short call that takes long are run by other workers") {
  Calls calls;
  Gate gate, begun;
  WorkerPool pool(3, 100);
  const OpenAtEnd open(gate);
  pool.start();
  // They sleep soon after that.
  REQUIRE(eventually([&] { return pool.idle() == 3; }));
  WorkerDispatcher worker_dispatcher(pool);
  const TimePoint now = Clock::now();
  const auto enqueue = [&](Calls::Body body) {
    return enqueue_short(worker_dispatcher, calls.make(std::move(body)), now);
  };
  const std::size_t worker = enqueue([&](Call&) {
    begun.open();
    gate.wait();
  });
  for (int i = 0; i < 5; ++i) REQUIRE(enqueue([](Call&) {}) == worker);
  CHECK(worker_dispatcher.push(now));
  CHECK(worker_dispatcher.watching());
  REQUIRE(begun.wait());
  CHECK_FALSE(worker_dispatcher.idle_again());
  worker_dispatcher.check();
  CHECK(eventually([&] { return calls.returned() == 5; }));
  worker_dispatcher.check();
  CHECK_FALSE(worker_dispatcher.watching());
  gate.open();
  CHECK(eventually([&] { return worker_dispatcher.idle_again(); }));
}

TEST_CASE(
    "WorkerDispatcher: what waits behind a call that is not known to be short is begun by another at once") {
  Calls calls;
  Gate gate, begun;
  WorkerPool pool(2, 100);
  const OpenAtEnd open(gate);
  pool.start();
  REQUIRE(eventually([&] { return pool.idle() == 2; }));
  WorkerDispatcher worker_dispatcher(pool);
  const auto enqueue_for_first = [&](Calls::Body body) {
    ActiveCall& call = calls.make(std::move(body));
    REQUIRE(pool.try_reserve_at(0));
    call.worker = 0;
    worker_dispatcher.enqueue(call);
  };
  SUBCASE("in the same iteration") {
    enqueue_for_first([&](Call&) { gate.wait(); });
    enqueue_for_first([](Call&) {});
    worker_dispatcher.push(Clock::now());
  }
  SUBCASE("in a later one") {
    enqueue_for_first([&](Call&) {
      begun.open();
      gate.wait();
    });
    worker_dispatcher.push(Clock::now());
    REQUIRE(begun.wait());
    REQUIRE(eventually([&] { return pool.idle() == 1; }));
    enqueue_for_first([](Call&) {});
    worker_dispatcher.push(Clock::now());
  }
  // No thread calls check().
  CHECK(eventually([&] { return calls.returned() == 1; }));
}

TEST_CASE("WorkerDispatcher: other workers help if a worker progresses too slowly for its waiting calls") {
  Calls calls;
  Gate pushed, second, begun;
  WorkerPool pool(2, 100);
  const OpenAtEnd open_first(pushed), open_second(second);
  pool.start();
  REQUIRE(eventually([&] { return pool.idle() == 2; }));
  WorkerDispatcher worker_dispatcher(pool);
  const TimePoint now = Clock::now();
  const auto enqueue = [&](Calls::Body body) {
    return enqueue_short(worker_dispatcher, calls.make(std::move(body)), now);
  };
  enqueue([&](Call&) { pushed.wait(); });
  enqueue([&](Call&) {
    begun.open();
    second.wait();
  });
  enqueue([](Call&) {});
  enqueue([](Call&) {});
  worker_dispatcher.push(now);
  pushed.open();
  REQUIRE(begun.wait());
  // One has ended since they were pushed, and two wait.
  worker_dispatcher.check();
  CHECK(eventually([&] { return calls.returned() == 3; }));
}

}  // namespace
}  // namespace sluice::core
