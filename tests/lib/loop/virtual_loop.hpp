// An event loop that a test drives on virtual time: without a thread, a timer, sockets or workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "lib/loop/event_loop.hpp"

namespace sluice::testing {

struct VirtualLoop {
  // Handles ready events, `events_max` at most. Returns their number.
  std::size_t serve(std::size_t events_max = 1000) {
    std::size_t events = 0;
    while (events < events_max && loop.poll()) ++events;
    return events;
  }
  // Time passes, and the loop gets to know.
  void pass(std::chrono::nanoseconds time) {
    now += time;
    serve();
  }

  core::TimePoint now{std::chrono::hours(1)};
  core::EventLoop loop{"loop", core::LoopTime(now)};
};

// A deferred task that does what the test says.
struct Step final : core::DeferredTask {
  Step() = default;
  explicit Step(std::function<void()> what) : task(std::move(what)) {}
  void on_deferred() override { task(); }
  std::function<void()> task;
};

}  // namespace sluice::testing
