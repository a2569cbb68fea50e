#include <sluice/service/background_tasks.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

using std::chrono::milliseconds;
using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;
using Names = std::vector<std::string>;
using Start = BackgroundTasks::Start;

WaitLimit patient() { return WaitLimit::within(testing::kWaitMax); }
WaitLimit::Clock::time_point patience_end() { return patient().deadline; }
constexpr WaitLimit::Clock::time_point kPast{};

void until_stopped(const std::stop_token& stop) {
  CHECK(eventually([&] { return stop.stop_requested(); }));
}

TEST_CASE("BackgroundTasks: a task runs to its end, and its name is free again") {
  std::atomic<int> ran{0};
  const auto captured = std::make_shared<int>(0);
  BackgroundTasks tasks;
  for (int round = 1; round <= 200; ++round) {
    CHECK(tasks.start("once", [&, captured](const std::stop_token&) { ++ran; }) == Start::started);
    CHECK(tasks.wait("once", patient()));
    CHECK(ran == round);
    CHECK(captured.use_count() == 1);
  }
  CHECK(tasks.running().empty());
  CHECK(tasks.wait("unknown", patient()));
}

TEST_CASE("BackgroundTasks: one at a time of a name, and no more in all than may be") {
  BackgroundTasks tasks(2);
  CHECK(tasks.start("b", until_stopped) == Start::started);
  CHECK(tasks.start("b", until_stopped) == Start::already_running);
  CHECK(tasks.start("a", until_stopped) == Start::started);
  CHECK(tasks.start("c", until_stopped) == Start::full);
  CHECK(tasks.running() == Names{"a", "b"});
  CHECK_FALSE(tasks.wait("a", WaitLimit(kPast)));
}

TEST_CASE("BackgroundTasks: cancelling stops the one task") {
  BackgroundTasks tasks;
  tasks.start("kept", until_stopped);
  tasks.start("cancelled", until_stopped);
  CHECK(tasks.cancel("cancelled"));
  CHECK(tasks.wait("cancelled", patient()));
  CHECK_FALSE(tasks.cancel("cancelled"));
  CHECK_FALSE(tasks.cancel("unknown"));
  CHECK(tasks.running() == Names{"kept"});
}

TEST_CASE("BackgroundTasks: a task that throws ends, and is run again only if asked for") {
  std::atomic<int> once{0};
  std::atomic<int> again{0};
  BackgroundTasks tasks;
  tasks.start("once", [&](const std::stop_token&) {
    ++once;
    throw std::runtime_error("of a test");
  });
  const RestartOptions restart{
      .on_failure = true, .backoff_base = milliseconds(1), .backoff_max = milliseconds(1)};
  tasks.start(
      "again",
      [&](const std::stop_token&) {
        if (++again < 20) throw again.load();
      },
      restart);
  CHECK(tasks.wait("once", patient()));
  CHECK(tasks.wait("again", patient()));
  CHECK(once == 1);
  CHECK(again == 20);
}

TEST_CASE("BackgroundTasks: a pause before a restart ends when it is stopped") {
  std::atomic<int> ran{0};
  BackgroundTasks tasks;
  const RestartOptions restart{
      .on_failure = true, .backoff_base = std::chrono::hours(1000), .backoff_max = milliseconds::max()};
  tasks.start(
      "failing",
      [&](const std::stop_token&) {
        ++ran;
        throw std::runtime_error("of a test");
      },
      restart);
  CHECK(eventually([&] { return ran == 1; }));
  CHECK(tasks.close(patience_end()).empty());
  CHECK(ran == 1);
}

TEST_CASE("BackgroundTasks: a periodic task goes on after failures, and never overlaps itself") {
  std::atomic<int> at_once{0};
  std::atomic<int> overlaps{0};
  std::atomic<int> ran{0};
  BackgroundTasks tasks;
  tasks.start_periodic("tick", milliseconds(0), [&](const std::stop_token&) {
    if (++at_once > 1) ++overlaps;
    --at_once;
    if (++ran % 2 == 0) throw std::runtime_error("of a test");
  });
  CHECK(eventually([&] { return ran >= 10; }));
  CHECK(tasks.cancel("tick"));
  CHECK(tasks.wait("tick", patient()));
  CHECK(overlaps == 0);
}

TEST_CASE("BackgroundTasks: a periodic task runs at once, and a long interval does not delay its end") {
  std::atomic<int> ran{0};
  BackgroundTasks tasks;
  tasks.start_periodic("daily", std::chrono::hours(24), [&](const std::stop_token&) { ++ran; });
  tasks.start_periodic("hardly ever", milliseconds::max(), [&](const std::stop_token&) { ++ran; });
  CHECK(eventually([&] { return ran == 2; }));
  CHECK(tasks.close(patience_end()).empty());
  CHECK(ran == 2);
}

TEST_CASE("BackgroundTasks: closing stops all, refuses new ones, and reports unfinished tasks in time") {
  Gate go;
  std::atomic<int> begun{0};
  const auto deaf = [&](const std::stop_token&) {
    ++begun;
    go.wait();
  };
  BackgroundTasks tasks;
  const OpenAtEnd open(go);
  tasks.start("good", until_stopped);
  tasks.start("stubborn", deaf);
  tasks.start("stuck", deaf);
  // A task that is stopped before its thread runs does not begin.
  CHECK(eventually([&] { return begun == 2; }));
  CHECK(eventually([&] { return tasks.close(kPast) == Names{"stubborn", "stuck"}; }));
  CHECK(tasks.start("new", until_stopped) == Start::closed);
  go.open();
  CHECK(tasks.close(patience_end()).empty());
  CHECK(tasks.close(kPast).empty());
}

TEST_CASE("BackgroundTasks: their end waits for every task, and for its captures") {
  std::atomic<int> ended{0};
  const auto captured = std::make_shared<int>(0);
  {
    BackgroundTasks tasks;
    for (int i = 0; i < 8; ++i) {
      tasks.start(std::to_string(i), [&, captured](const std::stop_token& stop) {
        until_stopped(stop);
        ++ended;
      });
    }
  }
  CHECK(ended <= 8);
  CHECK(captured.use_count() == 1);
}

TEST_CASE("BackgroundTasks: a task may start and cancel others, and a stop callback may ask for names") {
  std::atomic<bool> asked{false};
  BackgroundTasks tasks;
  tasks.start("first", [&](const std::stop_token& stop) {
    const std::stop_callback callback(stop, [&] { asked = tasks.running().size() == 2; });
    tasks.start("second", until_stopped);
    until_stopped(stop);
    tasks.cancel("second");
  });
  CHECK(eventually([&] { return tasks.running() == Names{"first", "second"}; }));
  tasks.cancel("first");
  CHECK(tasks.wait("first", patient()));
  CHECK(tasks.wait("second", patient()));
  CHECK(asked);
}

TEST_CASE("BackgroundTasks: many threads that start, cancel and wait at once") {
  static constexpr int kThreads = 6;
  std::atomic<int> at_once{0};
  std::atomic<int> overlaps{0};
  std::atomic<int> started{0};
  std::atomic<int> ran{0};
  {
    BackgroundTasks tasks(3);
    std::vector<std::jthread> threads;
    for (int id = 0; id < kThreads; ++id) {
      threads.emplace_back([&, id] {
        for (int i = 0; i < 100; ++i) {
          const auto outcome = tasks.start("shared", [&](const std::stop_token&) {
            if (++at_once > 1) ++overlaps;
            ++ran;
            --at_once;
          });
          if (outcome == Start::started) ++started;
          tasks.start(std::to_string(id), until_stopped);
          tasks.cancel(std::to_string((id + 1) % kThreads));
          tasks.cancel(std::to_string(id));
          CHECK(tasks.wait(std::to_string(id), patient()));
        }
      });
    }
    threads.clear();
    CHECK(tasks.wait("shared", patient()));
  }
  CHECK(overlaps == 0);
  CHECK(ran == started);
  CHECK(started > 0);
}

}  // namespace
}  // namespace sluice
