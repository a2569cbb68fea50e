#include "lib/worker/work_queue.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

bool push_one(WorkQueue& queue, ActiveCall& call) {
  CallQueue calls;
  calls.push_back(call, call.priority);
  return queue.push(calls, 1);
}

TEST_CASE("WorkQueue: only a push to a sleeping worker with an empty queue says that it begins at once") {
  WorkQueue queue;
  std::atomic<int> woken{0};
  std::atomic<int> popped{0};
  std::thread worker([&] {
    while (!queue.stopped()) {
      queue.sleep();
      woken.fetch_add(1);
      while (queue.try_pop(Clock::now()) != nullptr) popped.fetch_add(1);
    }
  });
  int begun = 0;
  ActiveCall first, second;
  // A slow machine tries less often.
  const auto enough = Clock::now() + std::chrono::seconds(8);
  for (int round = 1; round <= 2'000 && Clock::now() < enough; ++round) {
    // Usually it falls asleep.
    for (int i = 0; i < 20; ++i) std::this_thread::yield();
    const bool begins = push_one(queue, first);
    // Whether it sleeps, is being woken or is awake.
    const bool second_begins = push_one(queue, second);
    if (begins) ++begun;
    if (begins && second_begins) CHECK(popped.load() > 2 * (round - 1));
    REQUIRE(testing::eventually([&] { return popped.load() == 2 * round; }));
  }
  CHECK(begun > 0);
  CHECK(woken.load() > 0);
  queue.stop();
  worker.join();
}

TEST_CASE("WorkQueue: a push or wake_to_steal() between two looks is not missed") {
  WorkQueue queue;
  ActiveCall call;
  CHECK_FALSE(push_one(queue, call));
  queue.sleep();
  CHECK(queue.try_pop(Clock::now()) == &call);
  CHECK_FALSE(queue.wake_to_steal());
  queue.sleep();
  queue.stop();
  queue.sleep();
  CHECK(queue.stopped());
}

}  // namespace
}  // namespace sluice::core
