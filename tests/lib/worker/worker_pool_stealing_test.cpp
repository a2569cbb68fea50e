#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include "tests/lib/worker/worker_pool_calls.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;

TEST_CASE("WorkerPool: calls behind a hung worker are run by another, in their order") {
  Gate gate;
  Calls calls;
  WorkerPool pool(2, 10);
  const OpenAtEnd open(gate);
  pool.start();
  Gate started;
  submit(pool, 0, calls.make([&](Call&) {
    started.open();
    gate.wait();
  }));
  REQUIRE(started.wait());
  std::vector<ActiveCall*> behind;
  for (int i = 0; i < 8; ++i) {
    behind.push_back(&calls.make([](Call&) {}));
    submit(pool, i < 5 ? 0 : 1, *behind.back());
  }
  REQUIRE(eventually([&] { return calls.returned() == 8; }));
  const auto order = calls.in_order_of_return();
  const auto at = [&](std::size_t i) { return std::ranges::find(order, behind[i]); };
  for (std::size_t i = 0; i + 1 < 5; ++i) CHECK(at(i) < at(i + 1));
  // The hung call holds one slot, and no other.
  CHECK(eventually([&] { return free_slots(pool) == 2 * 11 - 1; }));
}

// The calling worker.
std::size_t this_worker() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return std::stoul(std::string(name.data()).substr(std::string("worker-").size()));
}

TEST_CASE("WorkerPool: an idle worker steals from the longest queue") {
  Gate first_gate, second_gate, third_gate;
  Calls calls;
  WorkerPool pool(3, 10);
  const OpenAtEnd open_first(first_gate), open_second(second_gate), open_third(third_gate);
  pool.start();
  std::array<Gate, 3> started;
  std::array<Gate*, 3> gates = {&first_gate, &second_gate, &third_gate};
  std::size_t freed = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    submit(pool, i, calls.make([&, i](Call&) {
      if (i == 2) freed = this_worker();
      started[i].open();
      gates[i]->wait();
    }));
  }
  // Workers steal any call, so that any of them may run any of the three.
  for (auto& each : started) REQUIRE(each.wait());
  ActiveCall& short_queue = calls.make([](Call&) {});
  std::array<ActiveCall*, 3> long_queue{};
  submit(pool, (freed + 1) % 3, short_queue);
  for (auto& call : long_queue) submit(pool, (freed + 2) % 3, *(call = &calls.make([](Call&) {})));
  third_gate.open();
  REQUIRE(eventually([&] { return calls.returned() == 1 + 4; }));
  const auto order = calls.in_order_of_return();
  CHECK(order[1] == long_queue[0]);
  CHECK(order[2] == long_queue[1]);
}

TEST_CASE(
    "WorkerPool: a call that is pushed behind a hung worker is seen by one that is just going to sleep") {
  Gate gate;
  Calls calls;
  // Checking so many queues takes so long that calls are pushed to the first of them meanwhile.
  constexpr std::size_t kWorkersMax = 2'000;
  WorkerPool pool(2, 10, kWorkersMax);
  const OpenAtEnd open(gate);
  pool.start();
  Gate started;
  std::atomic<std::size_t> hung{2};
  submit(pool, 0, calls.make([&](Call&) {
    started.open();
    gate.wait();
  }));
  REQUIRE(started.wait());
  // The worker that took it is the busy one: its slot is the one that is still reserved.
  const std::size_t first = *try_reserve(pool);
  hung = 1 - first;
  pool.release_slot(first);
  std::mt19937 random;
  // A slow machine tries less often: the hung handler waits no longer than a test does.
  const auto enough = Clock::now() + std::chrono::seconds(8);
  for (int i = 0; i < 50'000 && Clock::now() < enough; ++i) {
    const std::size_t before = calls.returned();
    ActiveCall& call = calls.make([](Call&) {});
    reserve(pool, hung);
    for (std::uint32_t spins = random() % 4000; spins > 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    push(pool, hung, call);
    // The other worker steals it, completes it and looks for more while the next one is being pushed.
    const auto until = Clock::now() + std::chrono::seconds(5);
    while (calls.returned() == before && Clock::now() < until) std::this_thread::yield();
    REQUIRE(calls.returned() == before + 1);
  }
}

TEST_CASE("WorkerPool: clients are served round-robin in a worker's queue, newcomers first") {
  Gate gate, started;
  Calls calls;
  WorkerPool pool(1, 100);
  const OpenAtEnd open(gate);
  pool.start();
  int a = 0, b = 0;
  const auto make = [&](const int& client, Calls::Body body) -> ActiveCall& {
    ActiveCall& call = calls.make(std::move(body));
    call.client = &client;
    return call;
  };
  submit(pool, 0, make(a, [&](Call&) {
           started.open();
           gate.wait();
         }));
  REQUIRE(started.wait());
  std::vector<ActiveCall*> of_a, of_b;
  for (int i = 0; i < 5; ++i) submit(pool, 0, *of_a.emplace_back(&make(a, [](Call&) {})));
  for (int i = 0; i < 2; ++i) submit(pool, 0, *of_b.emplace_back(&make(b, [](Call&) {})));
  SUBCASE("in turn") {
    gate.open();
    REQUIRE(eventually([&] { return calls.returned() == 8; }));
    auto order = calls.in_order_of_return();
    order.erase(order.begin());
    CHECK(order == std::vector<ActiveCall*>{of_b[0], of_a[0], of_b[1], of_a[1], of_a[2], of_a[3], of_a[4]});
  }
  SUBCASE("in the order of arrival where that is asked for") {
    pool.set_fair(false);
    gate.open();
    REQUIRE(eventually([&] { return calls.returned() == 8; }));
    CHECK(calls.in_order_of_return().back() == of_b[1]);
  }
}

TEST_CASE(
    "WorkerPool: where calls take long, a client without running calls goes first, in whichever queue") {
  Gate hung, second, started, second_started;
  Calls calls;
  WorkerPool pool(2, 100);
  const OpenAtEnd open_hung(hung), open_second(second);
  int a = 0, b = 0;
  const auto make = [&](const int& client, Calls::Body body) -> ActiveCall& {
    ActiveCall& call = calls.make(std::move(body));
    call.client = &client;
    return call;
  };
  pool.start();
  submit(pool, 0, make(a, [&](Call&) {
           started.open();
           hung.wait();
         }));
  REQUIRE(started.wait());
  const std::size_t free = *try_reserve(pool);
  pool.release_slot(free);
  // It takes its time, so that its worker knows what calls of this kind take.
  submit(pool, free, make(a, [&](Call&) {
           second_started.open();
           second.wait();
           std::this_thread::sleep_for(std::chrono::milliseconds(20));
         }));
  REQUIRE(second_started.wait());
  std::vector<ActiveCall*> own;
  for (int i = 0; i < 3; ++i) submit(pool, free, *own.emplace_back(&make(a, [](Call&) {})));
  // Behind another's, in whichever queue it is.
  SUBCASE("alone") {}
  SUBCASE("behind another client's") {
    submit(pool, 1 - free, *own.emplace_back(&make(a, [](Call&) {})));
  }
  ActiveCall& elsewhere = make(b, [](Call&) {});
  submit(pool, 1 - free, elsewhere);
  second.open();
  REQUIRE(eventually([&] { return calls.returned() == own.size() + 2; }));
  CHECK(calls.in_order_of_return()[1] == &elsewhere);
  CHECK(calls.in_order_of_return()[2] == own[0]);
}

}  // namespace
}  // namespace sluice::core
