// Calls for a worker pool without a server around it.
#pragma once

#include "lib/worker/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace sluice::core {

// Calls with a handler of their own, and their completion target.
class Calls final : public CallHome {
 public:
  using Body = std::function<void(Call&)>;

  ActiveCall& make(Body body, milliseconds limit = milliseconds(60'000)) {
    MethodSpec spec;
    spec.name = "test";
    spec.handler = [body = std::move(body)](Call& call, std::string_view,
                                            std::string& result) -> std::optional<Error> {
      body(call);
      result += "1";
      return std::nullopt;
    };
    ActiveCall& call = calls_.emplace_back();
    call.method_kept = std::make_shared<Method>(std::move(spec), metrics_.method("test"));
    call.method = call.method_kept.get();
    call.request.id = "1";
    call.response_bytes_max = 1000;
    call.deadline = Clock::now() + limit;
    call.home = this;
    return call;
  }

  bool complete(ActiveCall& call) override {
    {
      const std::lock_guard lock(mutex_);
      returned_.push_back(&call);
    }
    count_.fetch_add(1);
    return false;
  }

  std::size_t returned() const { return count_.load(); }
  std::vector<ActiveCall*> in_order_of_return() {
    const std::lock_guard lock(mutex_);
    return returned_;
  }

 private:
  Metrics metrics_{1};
  std::deque<ActiveCall> calls_;
  std::mutex mutex_;
  std::vector<ActiveCall*> returned_;
  std::atomic<std::size_t> count_{0};
};

inline void push(WorkerPool& pool, std::size_t worker, ActiveCall& call) {
  call.worker = worker;
  CallQueue queue;
  queue.push_back(call, call.priority);
  if (!pool.push(worker, queue, 1)) pool.wake_one_idle();
}

inline std::optional<std::size_t> try_reserve(WorkerPool& pool) {
  const std::size_t worker = pool.try_reserve();
  if (worker == WorkerPool::kNone) return std::nullopt;
  return worker;
}

// Reserves a slot of that worker and no other.
inline void reserve(WorkerPool& pool, std::size_t worker) {
  std::vector<std::size_t> others;
  for (;;) {
    const auto got = try_reserve(pool);
    REQUIRE(got);
    if (*got == worker) break;
    others.push_back(*got);
  }
  for (const std::size_t other : others) pool.release_slot(other);
}

inline void submit(WorkerPool& pool, std::size_t worker, ActiveCall& call) {
  reserve(pool, worker);
  push(pool, worker, call);
}

// The number of free slots; they are free again afterwards.
inline std::size_t free_slots(WorkerPool& pool) {
  std::vector<std::size_t> got;
  while (const auto worker = try_reserve(pool)) got.push_back(*worker);
  for (const std::size_t worker : got) pool.release_slot(worker);
  return got.size();
}

}  // namespace sluice::core
