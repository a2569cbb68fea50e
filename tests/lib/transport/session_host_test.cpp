#include "lib/transport/session_host.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

// A host whose thread has nothing to do.
struct Fixture {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  Registry registry{metrics};
  Access access{std::vector<ClientSettings>{}};
  Admission admission{1};
  AdmissionPipeline admission_pipeline{registry, access, admission, pool, metrics};
  CallExecutor calls{thread, admission_pipeline, true};
  std::unique_ptr<SessionHost> host = std::make_unique<SessionHost>(thread, calls);
};

TEST_CASE("SessionHost: a connection on its way is counted once, until it has come") {
  Fixture fixture;
  {
    SessionHost::Expected first(*fixture.host);
    const SessionHost::Expected moved(std::move(first));
    CHECK(fixture.host->count_approx() == 1);
  }
  CHECK(fixture.host->count_approx() == 0);
}

// As it does where a thread ends with connections still posted to it. The address sanitizer sees it.
TEST_CASE("SessionHost: a connection on its way may outlive it") {
  Fixture fixture;
  const SessionHost::Expected expected(*fixture.host);
  fixture.host.reset();
}

// Holds what a test says.
struct Holder final : Session {
  explicit Holder(SessionHost& of) : host(of) {}
  void start() override {}
  void drain() override {}
  void abort_calls(const proto::Error&) override {}
  void close(CloseReason) override {
    closed = true;
    host.remove(*this);
  }
  SessionHost& host;
  bool closed = false;
};

TEST_CASE("SessionHost: spare memory counts, and is released before a session is closed") {
  constexpr std::size_t kMiB = 1024 * 1024;
  MemoryBudget budget(16 * kMiB);
  Fixture fixture;
  fixture.host->count_memory(budget);
  const auto session = std::make_shared<Holder>(*fixture.host);
  fixture.host->add(session);
  std::string spare(8 * kMiB, 'x');
  fixture.thread.buffers().give(spare);
  fixture.host->count_bytes(*session, 4 * kMiB);
  CHECK(budget.held_approx() >= 12 * kMiB);
  CHECK_FALSE(fixture.host->memory_short());
  fixture.host->count_bytes(*session, 7 * kMiB);
  CHECK(fixture.host->memory_short());
  fixture.host->count_bytes(*session, 9 * kMiB);
  CHECK_FALSE(fixture.thread.buffers().holds_long());
  CHECK(budget.held_approx() == 9 * kMiB);
  CHECK_FALSE(session->closed);
  fixture.host.reset();
}

}  // namespace
}  // namespace sluice::core
