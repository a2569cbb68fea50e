// A loop that a test drives on virtual time, linked to workers that do not run.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <utility>

#include "lib/worker/worker_link.hpp"
#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::testing {

struct LinkedLoop : VirtualLoop {
  explicit LinkedLoop(std::function<void(core::ActiveCall&)> on_completed = [](core::ActiveCall&) {}) {
    link.on_completed(std::move(on_completed));
  }
  // As the calls of a connection that come in one iteration.
  void enqueue(core::ActiveCall& call) {
    call.worker = link.reserve({});
    REQUIRE(call.worker != core::WorkerPool::kNone);
    link.enqueue(call);
  }
  std::size_t queued() const { return pool.queue_depth_approx(0); }

  core::WorkerPool pool{1, 4};
  core::WorkerLink link{loop, pool};
};

}  // namespace sluice::testing
