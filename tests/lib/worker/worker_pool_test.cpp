#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "tests/lib/worker/worker_pool_calls.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;

TEST_CASE("WorkerPool: runs calls of one worker in the order of pushing, and releases their slots") {
  WorkerPool pool(1, 100);
  Calls calls;
  pool.start();
  std::vector<ActiveCall*> pushed;
  for (int i = 0; i < 50; ++i) {
    pushed.push_back(&calls.make([](Call&) {}));
    submit(pool, 0, *pushed.back());
  }
  REQUIRE(eventually([&] { return calls.returned() == 50; }));
  CHECK(calls.in_order_of_return() == pushed);
  CHECK(free_slots(pool) == 101);
  CHECK(pushed.front()->reply == R"({"jsonrpc":"2.0","id":1,"result":1})");
  CHECK(pushed.front()->started <= pushed.front()->finished);
}

TEST_CASE(
    "WorkerPool: a refused caller's wait is the mean run time, times the calls that wait for each worker") {
  Gate gate;
  Calls calls;
  constexpr std::size_t kWorkers = 2;
  WorkerPool pool(kWorkers, 100);
  const OpenAtEnd open(gate);
  pool.start();
  CHECK(pool.expected_wait_approx() == milliseconds(10));  // nothing is known
  // One of each worker's, at the same time.
  std::atomic<int> begun{0};
  std::vector<ActiveCall*> first;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    first.push_back(&calls.make([&](Call&) {
      ++begun;
      while (begun < 2) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
    }));
    submit(pool, i, *first.back());
  }
  REQUIRE(eventually([&] { return calls.returned() == kWorkers; }));
  std::array<Gate, kWorkers> started;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    submit(pool, i, calls.make([&, i](Call&) {
      started[i].open();
      gate.wait();
    }));
  }
  for (Gate& each : started) REQUIRE(each.wait());
  constexpr std::size_t kWaiting = 5;
  for (std::size_t i = 0; i < kWorkers * kWaiting; ++i) submit(pool, i % kWorkers, calls.make([](Call&) {}));
  std::chrono::nanoseconds ran{0};
  for (const ActiveCall* const call : first) ran += call->finished - call->started;
  const auto expected = std::chrono::duration_cast<milliseconds>(ran * (kWaiting + 1) / kWorkers);
  CHECK(expected >= milliseconds(360));
  CHECK(pool.expected_wait_approx() == std::min(expected, milliseconds(5000)));
}

TEST_CASE("WorkerPool: no wake-up is lost between workers that fall asleep and calls that come") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Calls calls;
  WorkerPool pool(3, 50);
  pool.start();
  std::size_t expected = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::size_t burst = random() % 4 + 1;
    for (std::size_t k = 0; k < burst; ++k) {
      ActiveCall& call = calls.make([](Call&) {});
      const auto worker = try_reserve(pool);
      REQUIRE(worker);
      push(pool, *worker, call);
    }
    expected += burst;
    const auto until = Clock::now() + std::chrono::seconds(10);
    while (calls.returned() < expected && Clock::now() < until) std::this_thread::yield();
    REQUIRE(calls.returned() == expected);
  }
  CHECK(eventually([&] { return free_slots(pool) == 3 * 51; }));
}

TEST_CASE("WorkerPool: a call that no worker has begun can be cancelled, one that runs or has ended cannot") {
  Gate gate;
  Calls calls;
  WorkerPool pool(1, 10);
  const OpenAtEnd open(gate);
  pool.start();
  Gate started;
  ActiveCall& running = calls.make([&](Call&) {
    started.open();
    gate.wait();
  });
  ActiveCall& first = calls.make([](Call&) {});
  ActiveCall& second = calls.make([](Call&) {});
  submit(pool, 0, running);
  REQUIRE(started.wait());
  submit(pool, 0, first);
  submit(pool, 0, second);
  CHECK(pool.queue_depth_approx(0) == 2);
  CHECK(free_slots(pool) == 11 - 3);
  CHECK_FALSE(pool.cancel_queued(running));
  CHECK(pool.cancel_queued(first));
  CHECK_FALSE(pool.cancel_queued(first));
  CHECK(pool.queue_depth_approx(0) == 1);
  CHECK(free_slots(pool) == 11 - 2);
  gate.open();
  REQUIRE(eventually([&] { return calls.returned() == 2; }));
  CHECK_FALSE(pool.cancel_queued(second));
  CHECK(calls.in_order_of_return() == std::vector<ActiveCall*>{&running, &second});
  CHECK(free_slots(pool) == 11);
}

TEST_CASE(
    "WorkerPool: a call is either cancelled or run, however the two race, and its slot is released once") {
  static constexpr int kThreads = 3;
  static constexpr int kEach = 3'000;
  WorkerPool pool(3, 20);
  pool.start();
  std::array<Calls, kThreads> homes;
  std::array<std::size_t, kThreads> withdrawn{};
  std::array<std::atomic<std::size_t>, kThreads> ran{};
  std::atomic<bool> all_reserved{true};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<std::uint32_t>(t));
      for (int i = 0; i < kEach; ++i) {
        std::array<ActiveCall*, 3> calls{};
        for (auto& call : calls) {
          const auto worker = try_reserve(pool);
          if (!worker) {
            all_reserved = false;
            continue;
          }
          call = &homes[t].make([&ran, t](Call&) { ran[t].fetch_add(1); });
          push(pool, *worker, *call);
        }
        for (std::uint32_t spins = random() % 200; spins > 0; --spins)
          std::atomic_signal_fence(std::memory_order_seq_cst);
        std::size_t mine = 0;
        for (ActiveCall* call : calls) {
          if (call != nullptr && pool.cancel_queued(*call)) ++mine;
        }
        withdrawn[t] += mine;
        // Not more at once than there is room for.
        eventually([&, done = static_cast<std::size_t>(i + 1) * 3] {
          return homes[t].returned() + withdrawn[t] >= done;
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(all_reserved);
  for (std::size_t t = 0; t < kThreads; ++t) {
    CHECK(homes[t].returned() == ran[t]);
    CHECK(ran[t] + withdrawn[t] == kEach * 3);
  }
  CHECK(eventually([&] { return free_slots(pool) == 3 * 21; }));
}

TEST_CASE(
    "WorkerPool: every worker in a handler past its time limit makes it stuck, one that is not does not") {
  Gate gate;
  Calls calls;
  WorkerPool pool(2, 10);
  const OpenAtEnd open(gate);
  pool.start();
  const TimePoint begin = Clock::now();
  std::array<Gate, 2> started;
  const auto hang = [&](std::size_t i) {
    return [&, i](Call&) {
      started[i].open();
      gate.wait();
    };
  };
  CHECK_FALSE(pool.all_stuck(begin + std::chrono::hours(1), std::chrono::seconds(1)));
  submit(pool, 0, calls.make(hang(0), milliseconds(1000)));
  REQUIRE(started[0].wait());
  CHECK_FALSE(pool.all_stuck(begin + std::chrono::hours(1), std::chrono::seconds(1)));
  ActiveCall& second = calls.make(hang(1), milliseconds(5000));
  submit(pool, *try_reserve(pool), second);
  REQUIRE(started[1].wait());
  CHECK(eventually([&] { return pool.busy_approx(0) && pool.busy_approx(1); }));
  CHECK_FALSE(pool.all_stuck(second.deadline + std::chrono::milliseconds(999), std::chrono::seconds(1)));
  CHECK(pool.all_stuck(second.deadline + std::chrono::milliseconds(1001), std::chrono::seconds(1)));
  gate.open();
  REQUIRE(eventually([&] { return !pool.busy_approx(0) && !pool.busy_approx(1); }));
  CHECK_FALSE(pool.all_stuck(begin + std::chrono::hours(1), std::chrono::seconds(1)));
}

TEST_CASE("WorkerPool: stopping leaves a worker in a handler alone, and reports it") {
  Gate gate, started;
  auto calls = std::make_unique<Calls>();
  auto pool = std::make_unique<WorkerPool>(2, 10);
  submit(*pool, 0, calls->make([&](Call&) {
    started.open();
    gate.wait();
  }));
  pool->start();
  REQUIRE(started.wait());
  CHECK(pool->stop(Clock::now() + std::chrono::seconds(1)) == 1);
  gate.open();
  CHECK(eventually([&] { return calls->returned() == 1; }));
  // A detached worker still looks at the pool once more: as in the engine, both outlive it.
  testing::keep_for_ever(std::move(pool));
  testing::keep_for_ever(std::move(calls));
}

TEST_CASE("WorkerPool: stopping ends sleeping workers, and queued calls are not run") {
  Calls calls;
  WorkerPool pool(3, 10);
  pool.start();
  submit(pool, 0, calls.make([](Call&) {}));
  REQUIRE(eventually([&] { return calls.returned() == 1; }));
  CHECK(pool.stop(Clock::now() + testing::kWaitMax) == 0);
  ActiveCall& late = calls.make([](Call&) {});
  submit(pool, 0, late);
  CHECK(pool.cancel_queued(late));
  CHECK(calls.returned() == 1);
}

}  // namespace
}  // namespace sluice::core
