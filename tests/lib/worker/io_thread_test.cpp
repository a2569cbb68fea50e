#include "lib/worker/io_thread.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using std::chrono::seconds;
using testing::Gate;

// One thread with nothing on it but what a test posts.
struct Fixture {
  Fixture() { thread.start(); }
  ~Fixture() { thread.stop_and_join(); }

  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
};

TEST_CASE("IoThread: memory of long buffers is released once it has not been used for a while") {
  Fixture fixture;
  IoThread& thread = fixture.thread;
  thread.post([&] {
    std::string buffer(2 * BufferPool::kBufferBytesMax, 'a');
    thread.buffers().give(buffer);
    CHECK(thread.buffers().holds_long());
  });
  CHECK(testing::eventually([&] {
    bool holds = true;
    Gate looked;
    thread.post([&] {
      holds = thread.buffers().holds_long();
      looked.open();
    });
    return looked.wait() && !holds;
  }));
}

TEST_CASE("IoThread: a control task is waited for where the thread runs, and only there") {
  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  bool ran = false;
  CHECK(run_and_wait(thread, Clock::now() + seconds(30), [&] { ran = true; }));
  CHECK_FALSE(ran);
  thread.start();
  CHECK(run_and_wait(thread, Clock::now() + seconds(30), [&] { ran = thread.here(); }));
  CHECK(ran);
}

TEST_CASE("IoThread: each change of its limits is a new version") {
  Fixture fixture;
  Limits changed;
  changed.batch_width = 3;
  const auto before = fixture.thread.limits_version();
  fixture.thread.post([&] { fixture.thread.set_limits(changed); });
  REQUIRE(run_and_wait(fixture.thread, Clock::now() + seconds(30), {}));
  fixture.thread.stop_and_join();
  CHECK(fixture.thread.limits.batch_width == 3);
  CHECK(fixture.thread.limits_version() != before);
}

}  // namespace
}  // namespace sluice::core
