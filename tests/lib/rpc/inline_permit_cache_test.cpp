#include "lib/rpc/inline_permit_cache.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

using testing::Gate;

MethodSpec spec(std::size_t max_concurrent = 0) {
  MethodSpec made;
  made.name = "a";
  made.kind = HandlerKind::inline_io;
  made.handler = [](Call&, std::string_view, std::string&) { return std::optional<Error>(); };
  made.options.max_concurrent = max_concurrent;
  return made;
}

// An I/O thread that runs the test's steps, each as an event of its own.
struct Fixture {
  explicit Fixture(bool only_thread = true) : permits(thread, only_thread) {
    thread.workers().on_completed([](ActiveCall&) {});
    thread.start();
  }
  ~Fixture() { thread.stop_and_join(); }

  template <typename Step>
  void iteration(const Step& step) {
    Gate done;
    thread.post([&] {
      step();
      done.open();
    });
    REQUIRE(done.wait());
  }

  // Runs a call, and returns whether it reused the kept permit.
  bool run(Method& method, std::size_t method_max = 0) {
    ActiveCall& call = *thread.calls().take();
    call.method = &method;
    const bool reused = permits.reuse(call);
    if (!reused) CHECK(admission.try_admit({method.metrics(), method_max}, call.permit));
    permits.end(call);
    thread.calls().give(&call);
    return reused;
  }

  Metrics metrics{1};
  WorkerPool pool{1, 1};
  IoThread thread{0, "io-0", Limits{}, pool, metrics.shard(0)};
  Admission admission{100};
  InlinePermitCache permits;  // used by the thread until the fixture's end has stopped it
};

TEST_CASE(
    "InlinePermitCache: the next call of an iteration uses the permit of the last, and in the end all are "
    "released") {
  Fixture fixture;
  Method method(spec(), fixture.metrics.method("a")), other(spec(), fixture.metrics.method("b"));
  fixture.iteration([&] {
    CHECK_FALSE(fixture.run(method));
    CHECK(fixture.admission.in_flight_approx() == 1);
    CHECK(fixture.run(method));
    CHECK(fixture.admission.in_flight_approx() == 1);
    // Another method's call is counted as that.
    CHECK_FALSE(fixture.run(other));
    CHECK(fixture.admission.in_flight_approx() == 1);
    CHECK(method.metrics().in_flight == 1);
    CHECK(other.metrics().in_flight == 0);
  });
  fixture.iteration([&] {
    CHECK(fixture.admission.in_flight_approx() == 0);
    CHECK(method.metrics().in_flight == 0);
    CHECK_FALSE(fixture.run(method));
    CHECK(fixture.permits.release());
    CHECK_FALSE(fixture.permits.release());
    CHECK(fixture.admission.in_flight_approx() == 0);
  });
}

struct Step final : DeferredTask {
  void on_deferred() override { task(); }
  std::function<void()> task;
};

TEST_CASE("InlinePermitCache: a kept permit is released before the iteration's replies are sent") {
  Step send;
  Gate sent;
  Fixture fixture;
  Method method(spec(), fixture.metrics.method("a"));
  send.task = [&] {
    CHECK(fixture.admission.in_flight_approx() == 0);
    sent.open();
  };
  fixture.iteration([&] {
    fixture.thread.defer(send);
    fixture.run(method);
    CHECK(fixture.admission.in_flight_approx() == 1);
  });
  CHECK(sent.wait());
}

TEST_CASE(
    "InlinePermitCache: keeps no permit if other threads acquire permits too, or the method has a limit") {
  for (const bool only_thread : {true, false}) {
    Fixture fixture(only_thread);
    const std::size_t method_max = only_thread ? 5 : 0;
    Method method(spec(method_max), fixture.metrics.method("a"));
    fixture.iteration([&] {
      CHECK_FALSE(fixture.run(method, method_max));
      CHECK(fixture.admission.in_flight_approx() == 0);
      CHECK_FALSE(fixture.run(method, method_max));
    });
  }
}

}  // namespace
}  // namespace sluice::core
