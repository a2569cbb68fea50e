#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <sluice/service/background_tasks.hpp>
#include <sluice/service/channel.hpp>
#include <sluice/service/fan_out.hpp>
#include <sluice/service/lazy.hpp>
#include <sluice/service/pipeline.hpp>
#include <sluice/service/task_pool.hpp>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/failing_allocator.hpp"

namespace sluice {
namespace {

using testing::fail_allocations;
using testing::failed_allocations;

WaitLimit patient() { return WaitLimit::within(testing::kWaitMax); }

// Calls `action` while the first, then while the second of this thread's allocations fails, and so on until
// none of them does. `after` gets whether std::bad_alloc left it. Returns how often one failed.
template <typename Action, typename After>
int with_each_allocation_failing(Action action, After after) {
  for (int skip = 0;; ++skip) {
    const std::size_t before = failed_allocations();
    bool threw = false;
    fail_allocations(static_cast<std::size_t>(skip));
    try {
      action();
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    fail_allocations(0, 0);
    after(threw);
    if (failed_allocations() == before) return skip;
  }
}

TEST_CASE("Channel: the pushing thread keeps a value that memory does not suffice for") {
  Channel<std::unique_ptr<int>> channel(1);
  auto value = std::make_unique<int>(1);
  const int failures = with_each_allocation_failing([&] { channel.try_push(std::move(value)); },
                                                    [&](bool threw) {
                                                      CHECK(channel.size() == (threw ? 0 : 1));
                                                      CHECK((value == nullptr) == !threw);
                                                    });
  CHECK(failures == 1);
}

TEST_CASE("Lazy: after an allocation failure the next caller tries again") {
  std::optional<Lazy<std::string>> lazy;
  const auto make = [](const WaitLimit&) { return std::string(100, 'x'); };
  const auto again = [&] { lazy.emplace(make); };
  again();
  const int failures = with_each_allocation_failing([&] { static_cast<void>(lazy->get(patient())); },
                                                    [&](bool threw) {
                                                      CHECK((lazy->peek() == nullptr) == threw);
                                                      CHECK(lazy->get(patient()).ok());
                                                      again();
                                                    });
  CHECK(failures >= 1);
}

TEST_CASE("fan_out: where memory runs out, its helpers no longer use the caller's objects") {
  TaskPool pool(2, 8);
  bool right = false;
  const int failures = with_each_allocation_failing(
      [&] {
        right = false;
        const std::vector<int> inputs{1, 2, 3, 4};
        const auto doubled = fan_out(pool, inputs, 3, patient(), [](int n) { return 2 * n; });
        right = doubled.ok() && doubled.value() == std::vector<int>{2, 4, 6, 8};
      },
      [&](bool threw) { CHECK(right == !threw); });
  CHECK(failures >= 3);
}

TEST_CASE("Pipeline: where memory runs out it ends, and reports it") {
  int sum = 0;
  const int failures = with_each_allocation_failing(
      [&] {
        sum = 0;
        Pipeline pipeline(patient());
        auto& in =
            pipeline.source({}, [n = 0]() mutable { return n < 10 ? std::optional(n++) : std::nullopt; });
        auto& out = pipeline.stage(in, {.width = 2}, [](int n) { return n; });
        if (pipeline.drain(out, [&](int n) { sum += n; })) sum = -1;
      },
      [&](bool threw) { CHECK((sum == 45) == !threw); });
  CHECK(failures >= 3);
}

TEST_CASE("BackgroundTasks: a task that memory does not suffice for has not taken the name") {
  BackgroundTasks tasks(1);
  const int failures = with_each_allocation_failing(
      [&] { tasks.start("a name that is too long to be kept in place", [](const std::stop_token&) {}); },
      [&](bool threw) {
        if (threw) CHECK(tasks.running().empty());
        CHECK(tasks.wait("a name that is too long to be kept in place", patient()));
      });
  CHECK(failures >= 3);
}

TEST_CASE("The ends of background tasks and task pools need no memory") {
  static constexpr std::size_t kAll = 1'000'000;
  std::optional<BackgroundTasks> tasks(std::in_place);
  std::optional<TaskPool> pool(std::in_place, 2, 8);
  testing::Gate begun;
  tasks->start("waits", [&](const std::stop_token& stop) {
    begun.open();
    testing::eventually([&] { return stop.stop_requested(); });
  });
  CHECK(begun.wait());
  CHECK(pool->try_post([](const std::stop_token&) {}));
  const std::size_t before = failed_allocations();
  fail_allocations(0, kAll);
  tasks.reset();
  pool.reset();
  fail_allocations(0, 0);
  CHECK(failed_allocations() == before);
}

}  // namespace
}  // namespace sluice
