#include <sluice/service/task_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;

TEST_CASE("TaskPool: runs posted tasks on all of its threads") {
  Gate go;
  std::atomic<int> at_work{0};
  TaskPool pool(3, 8);
  const OpenAtEnd open(go);
  CHECK(pool.threads() == 3);
  for (int i = 0; i < 8; ++i) {
    CHECK(pool.try_post([&](const std::stop_token&) {
      ++at_work;
      go.wait();
    }));
  }
  CHECK(eventually([&] { return at_work == 3; }));
  go.open();
  CHECK(eventually([&] { return at_work == 8; }));
}

TEST_CASE("TaskPool: refuses a task without room") {
  Gate go;
  std::atomic<int> at_work{0};
  TaskPool pool(1, 2);
  const OpenAtEnd open(go);
  const auto wait = [&](const std::stop_token&) {
    ++at_work;
    go.wait();
  };
  CHECK(pool.try_post(wait));
  CHECK(eventually([&] { return at_work == 1; }));
  CHECK(pool.try_post(wait));
  CHECK(pool.try_post(wait));
  CHECK_FALSE(pool.try_post(wait));
}

TEST_CASE("TaskPool: an idle thread needs no queue") {
  std::atomic<int> ran{0};
  TaskPool pool(1, 0);
  for (int i = 0; i < 100; ++i) {
    CHECK(eventually([&] { return pool.try_post([&](const std::stop_token&) { ++ran; }); }));
  }
  CHECK(eventually([&] { return ran == 100; }));
}

TEST_CASE("TaskPool: its end stops running tasks, drops waiting ones, and returns after the last task") {
  std::atomic<bool> ended{false};
  std::atomic<int> at_work{0};
  const auto kept = std::make_shared<int>(0);
  std::optional<TaskPool> pool(std::in_place, 1, 4);
  CHECK(pool->try_post([&](const std::stop_token& stop) {
    ++at_work;
    CHECK(eventually([&] { return stop.stop_requested(); }));
    ended = true;
  }));
  CHECK(eventually([&] { return at_work == 1; }));
  CHECK(pool->try_post([&, kept](const std::stop_token&) { ++at_work; }));
  pool.reset();
  CHECK(ended);
  CHECK(at_work == 1);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("TaskPool: a task that throws costs nothing but itself") {
  std::atomic<int> ran{0};
  TaskPool pool(1, 4);
  CHECK(pool.try_post([](const std::stop_token&) { throw std::runtime_error("of a test"); }));
  CHECK(pool.try_post([](const std::stop_token&) { throw 1; }));
  CHECK(pool.try_post([&](const std::stop_token&) { ++ran; }));
  CHECK(eventually([&] { return ran == 1; }));
}

TEST_CASE("TaskPool: with many posting threads, each accepted task runs once") {
  static constexpr int kThreads = 4;
  static constexpr int kEach = 5'000;
  std::atomic<int> accepted{0};
  std::atomic<int> ran{0};
  TaskPool pool(3, 16);
  {
    std::vector<std::jthread> posters;
    for (int i = 0; i < kThreads; ++i) {
      posters.emplace_back([&] {
        for (int n = 0; n < kEach; ++n) {
          if (pool.try_post([&](const std::stop_token&) { ++ran; })) ++accepted;
        }
      });
    }
  }
  CHECK(eventually([&] { return ran == accepted; }));
  CHECK(accepted > 0);
}

}  // namespace
}  // namespace sluice
