#include "lib/backend/backend_hub.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lib/observe/metrics.hpp"
#include "lib/worker/worker_pool.hpp"
#include "tests/support/eventually.hpp"

namespace sluice::core::testing {
namespace {

// Is over as soon as it is retired.
class Idle final : public Backend {
 public:
  void start() override {}
  void submit(BackendCall&) override {}
  void stop_call(BackendCall&) override {}
  void retire(bool) override { retired_ = true; }
  bool retired() const override { return retired_; }

 private:
  bool retired_ = false;
};

TEST_CASE("a backend is there when it has been added: calls may come at once") {
  Metrics metrics(1);
  WorkerPool pool(1, 1);
  BackendHub hub(Limits{}, pool, metrics.shard(0));
  hub.start();
  for (int i = 0; i < 200; ++i) {
    bool made = false;
    hub.add(hub.new_id(), [&made](BackendHub&) {
      made = true;
      return std::make_unique<Idle>();
    });
    REQUIRE(made);
  }
  hub.stop(seconds(1));
}

// Answers nothing, and at once.
class Silent final : public Backend {
 public:
  explicit Silent(BackendHub& hub) : hub_(hub) {}
  void start() override {}
  void submit(BackendCall& call) override { hub_.finish(call); }
  void stop_call(BackendCall&) override {}
  void retire(bool) override { retired_ = true; }
  bool retired() const override { return retired_; }

 private:
  BackendHub& hub_;
  bool retired_ = false;
};

TEST_CASE("a hub on an I/O thread that others started serves that thread's calls within their iteration") {
  Metrics metrics(1);
  WorkerPool pool(1, 1);
  IoThread thread(0, "io-0", Limits{}, pool, metrics.shard(0));
  std::vector<std::string> order;
  ActiveCall call;
  call.home = &thread.workers();
  sluice::testing::Gate done;
  thread.workers().on_completed([&](ActiveCall&) { order.emplace_back("returned"); });
  thread.start();
  BackendHub hub(thread);
  hub.start();
  const BackendId id = hub.new_id();
  hub.add(id, [](BackendHub& owner) { return std::make_unique<Silent>(owner); });
  thread.post([&] {
    thread.post([&] {
      order.emplace_back("another event");
      done.open();
    });
    hub.submit(id, call);
    order.emplace_back("submitted");
  });
  REQUIRE(done.wait());
  hub.stop(seconds(1));
  thread.stop_and_join();
  CHECK(order == std::vector<std::string>{"submitted", "returned", "another event"});
}

TEST_CASE("a hub on a shared thread completes the calls that its backends still have when it stops") {
  Metrics metrics(1);
  WorkerPool pool(1, 1);
  IoThread thread(0, "io-0", Limits{}, pool, metrics.shard(0));
  ActiveCall call;
  call.home = &thread.workers();
  sluice::testing::Gate returned;
  thread.workers().on_completed([&](ActiveCall&) { returned.open(); });
  thread.start();
  BackendHub hub(thread);
  const BackendId id = hub.new_id();
  hub.add(id, [](BackendHub&) { return std::make_unique<Idle>(); });
  thread.post([&] { hub.submit(id, call); });
  hub.stop(milliseconds(0));
  CHECK(returned.wait());
  thread.stop_and_join();
}

}  // namespace
}  // namespace sluice::core::testing
