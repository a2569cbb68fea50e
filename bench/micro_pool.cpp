// Cost of a call's way to a worker and back, in batches of different sizes.
#include <atomic>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "lib/rpc/registry.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/worker/worker_pool.hpp"

namespace {

using namespace sluice;
using namespace sluice::core;

struct CountingHome final : CallHome {
  bool complete(ActiveCall&) override {
    returned.fetch_add(1, std::memory_order_release);
    return false;
  }
  std::atomic<std::size_t> returned{0};
};

MethodSpec empty_method(std::string name) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.handler = [](Call&, std::string_view, std::string& result) -> std::optional<Error> {
    result += "null";
    return std::nullopt;
  };
  return spec;
}

void push_to_workers(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Metrics metrics(1);
  Registry registry(metrics);
  registry.add(empty_method("empty"));
  const auto method = registry.find("empty");
  WorkerPool pool(1, batch);
  pool.start();
  CountingHome home;
  std::vector<std::unique_ptr<ActiveCall>> calls;
  for (std::size_t i = 0; i < batch; ++i) {
    calls.push_back(std::make_unique<ActiveCall>());
    calls.back()->method = method.get();
    calls.back()->home = &home;
    calls.back()->response_bytes_max = 1024;
  }
  for (auto _ : state) {
    home.returned.store(0, std::memory_order_relaxed);
    CallQueue queue;
    for (const auto& call : calls) {
      call->worker = pool.try_reserve();
      queue.push_back(*call, call->priority);
    }
    pool.push(0, queue, batch);
    while (home.returned.load(std::memory_order_acquire) < batch) continue;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(push_to_workers)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

void find_method(benchmark::State& state) {
  Metrics metrics(1);
  Registry registry(metrics);
  for (int i = 0; i < state.range(0); ++i) registry.add(empty_method("method." + std::to_string(i)));
  for (auto _ : state) benchmark::DoNotOptimize(registry.find("method.7"));
}
BENCHMARK(find_method)->Arg(10)->Arg(100000);

void set_and_clear_deadline(benchmark::State& state) {
  struct Nothing final : Deadline {
    void on_deadline(TimePoint) override {}
  };
  const TimePoint start = Clock::now();
  DeadlineWheel wheel(start);
  Nothing deadline;
  for (auto _ : state) {
    wheel.set(deadline, start + std::chrono::seconds(30));
    wheel.clear(deadline);
  }
}
BENCHMARK(set_and_clear_deadline);

}  // namespace
