#include "lib/backend/backend_hub.hpp"

#include <doctest/doctest.h>

#include "lib/observe/metrics.hpp"
#include "lib/worker/worker_pool.hpp"

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

}  // namespace
}  // namespace sluice::core::testing
