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
  Dispatcher dispatcher{registry, access, admission, pool, metrics};
  CallTable calls{thread, dispatcher, true};
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

}  // namespace
}  // namespace sluice::core
