#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "tests/lib/worker/worker_pool_calls.hpp"

namespace sluice::core {
namespace {

TEST_CASE("WorkerPool: a call goes to the least loaded worker") {
  WorkerPool pool(4, 10);
  for (int round = 1; round <= 3; ++round) {
    std::multiset<std::size_t> chosen;
    for (int i = 0; i < 4; ++i) chosen.insert(*try_reserve(pool));
    CHECK(chosen == std::multiset<std::size_t>{0, 1, 2, 3});
  }
  for (const std::size_t freed : {2, 0, 3, 1}) {
    pool.release_slot(freed);
    CHECK(try_reserve(pool) == freed);
  }
  pool.release_slot(1);
  pool.release_slot(1);
  pool.release_slot(3);
  CHECK(try_reserve(pool) == 1);
}

TEST_CASE("WorkerPool: has room for one running and `queue` waiting calls a worker, and not for one more") {
  for (const std::size_t workers : {1, 2, 3, 5}) {
    for (const std::size_t queue : {0, 1, 4}) {
      WorkerPool pool(workers, queue);
      for (std::size_t i = 0; i < workers * (queue + 1); ++i) REQUIRE(try_reserve(pool));
      CHECK_FALSE(try_reserve(pool));
      pool.release_slot(workers - 1);
      CHECK(try_reserve(pool) == workers - 1);
      CHECK_FALSE(try_reserve(pool));
      pool.set_queue_max(queue + 2);
      for (std::size_t i = 0; i < workers * 2; ++i) CHECK(try_reserve(pool));
      CHECK_FALSE(try_reserve(pool));
    }
  }
}

TEST_CASE("WorkerPool: reservations of several threads at once fill it exactly") {
  for (int round = 0; round < 30; ++round) {
    WorkerPool pool(3, 99);
    std::array<std::atomic<std::size_t>, 3> by_worker{};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        while (const auto worker = try_reserve(pool)) by_worker[*worker].fetch_add(1);
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& count : by_worker) CHECK(count == 100);
  }
}

TEST_CASE("WorkerPool: is not full for threads that together have fewer calls than it has slots") {
  static constexpr int kThreads = 4;
  static constexpr std::size_t kEach = 3'000;
  WorkerPool pool(1, kThreads - 1);
  pool.start();
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      Calls calls;
      std::size_t pushed = 0;
      for (std::size_t i = 0; i < kEach; ++i) {
        const auto worker = try_reserve(pool);
        if (!worker) {
          refused.fetch_add(1);
          continue;
        }
        push(pool, *worker, calls.make([](Call&) {}));
        ++pushed;
        while (calls.returned() < pushed) std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(refused.load() == 0);
}

TEST_CASE("WorkerPool: the reported wait of a refused caller lies between 10 ms and 5 s") {
  WorkerPool idle(4, 10);
  CHECK(idle.expected_wait_approx() == milliseconds(10));
}

}  // namespace
}  // namespace sluice::core
