#include "lib/rpc/call_deadlines.hpp"

#include <doctest/doctest.h>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using testing::Gate;

struct Fixture final : CallExpiry {
  Fixture() {
    thread.workers().on_completed([](ActiveCall&) {});
    thread.start();
  }
  ~Fixture() { thread.stop_and_join(); }

  ActiveCall& watched(milliseconds limit) {
    ActiveCall& call = *thread.calls().take();
    call.expiry = this;
    call.deadline = thread.now() + limit;
    deadlines.watch(call);
    return call;
  }
  void expire(ActiveCall& call) override {
    expired = &call;
    at = Clock::now();
    gate.open();
  }

  ActiveCall* expired = nullptr;
  TimePoint at;
  Gate gate;
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  CallDeadlines deadlines{thread};
};

constexpr milliseconds kFar = 2 * CallDeadlines::kPause + milliseconds(1);

TEST_CASE("CallDeadlines: a deadline that is close is set at once") {
  Fixture fixture;
  fixture.thread.post([&] { CHECK(DeadlineWheel::is_set(fixture.watched(milliseconds(1)))); });
  REQUIRE(fixture.gate.wait());
}

TEST_CASE("CallDeadlines: a call is notified when its time is up, though its deadline was not set at first") {
  Fixture fixture;
  const ActiveCall* call = nullptr;
  TimePoint deadline;
  fixture.thread.post([&] {
    call = &fixture.watched(kFar);
    deadline = call->deadline;
    CHECK_FALSE(DeadlineWheel::is_set(*call));
  });
  REQUIRE(fixture.gate.wait());
  CHECK(fixture.expired == call);
  CHECK(fixture.at >= deadline);
}

TEST_CASE("CallDeadlines: a call that is answered or recycled by then is not notified") {
  Fixture fixture;
  const ActiveCall* last = nullptr;
  fixture.thread.post([&] {
    fixture.watched(kFar).answered = true;
    fixture.thread.calls().give(&fixture.watched(kFar));
    last = &fixture.watched(kFar + milliseconds(1));
  });
  REQUIRE(fixture.gate.wait());
  CHECK(fixture.expired == last);
}

TEST_CASE("CallDeadlines: looks again for those that come after it has looked") {
  Fixture fixture;
  fixture.thread.post([&] { fixture.watched(kFar); });
  REQUIRE(fixture.gate.wait());
  const ActiveCall* const first = fixture.expired;
  Gate watched;
  fixture.thread.post([&] {
    fixture.watched(kFar);
    watched.open();
  });
  REQUIRE(watched.wait());
  CHECK(testing::eventually([&] {
    const ActiveCall* latest = nullptr;
    Gate looked;
    fixture.thread.post([&] {
      latest = fixture.expired;
      looked.open();
    });
    return looked.wait() && latest != first;
  }));
}

}  // namespace
}  // namespace sluice::core
