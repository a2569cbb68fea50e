#include "lib/backend/breaker_guard.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {
namespace {

struct Recorded final : BreakerGuard::Callbacks {
  void on_breaker_line(bool is_warning, std::string_view text) override {
    if (out_of_memory) throw std::bad_alloc();
    lines.push_back((is_warning ? "warn: " : "info: ") + std::string(text));
  }
  void on_breaker_open() override { ++opened; }
  std::vector<std::string> lines;
  int opened = 0;
  bool out_of_memory = false;
};

struct Fixture {
  std::uint64_t changes(CircuitBreaker::State state) {
    return metrics.breaker_changes[static_cast<std::size_t>(state)].load();
  }
  BreakerSettings settings{.failures = 2, .window = seconds(10), .open = milliseconds(1500)};
  BackendMetrics metrics{"demo", 1, 1};
  Recorded recorded;
  BreakerGuard guard{settings, metrics, recorded};
  TimePoint now{std::chrono::hours(1)};
};

TEST_CASE("BreakerGuard: a change of state is counted, logged and reported once") {
  Fixture fixture;
  BreakerGuard& guard = fixture.guard;
  for (int call = 0; call < 2; ++call) {
    CHECK_FALSE(guard.begin(fixture.now));
    guard.failed(fixture.now, false);
  }
  CHECK(guard.is_open(fixture.now));
  CHECK(fixture.recorded.opened == 1);
  CHECK(fixture.recorded.lines == std::vector<std::string>{"warn: breaker open for 1500 ms"});
  CHECK(fixture.changes(CircuitBreaker::State::open) == 1);

  fixture.now += milliseconds(1500);
  CHECK(guard.may_allow_soon(fixture.now));
  CHECK(guard.begin(fixture.now));
  CHECK(fixture.changes(CircuitBreaker::State::half_open) == 1);
  guard.succeeded(fixture.now, milliseconds(1), true);
  CHECK(guard.allows(fixture.now));
  CHECK(fixture.changes(CircuitBreaker::State::closed) == 1);
  CHECK(fixture.recorded.lines == std::vector<std::string>{"warn: breaker open for 1500 ms",
                                                           "info: breaker half-open, one call is let through",
                                                           "info: breaker closed"});
  CHECK(fixture.recorded.opened == 1);
}

TEST_CASE("BreakerGuard: what memory does not suffice to log happens all the same") {
  Fixture fixture;
  fixture.recorded.out_of_memory = true;
  for (int call = 0; call < 2; ++call) {
    fixture.guard.begin(fixture.now);
    fixture.guard.failed(fixture.now, false);
  }
  CHECK(fixture.recorded.opened == 1);
  fixture.now += milliseconds(1500);
  CHECK(fixture.guard.begin(fixture.now));
  fixture.guard.succeeded(fixture.now, milliseconds(1), true);
  CHECK(fixture.guard.allows(fixture.now));
  CHECK(fixture.changes(CircuitBreaker::State::half_open) == 1);
}

TEST_CASE("BreakerGuard: half-open counts once, however many probes are abandoned") {
  Fixture fixture;
  for (int call = 0; call < 2; ++call) {
    fixture.guard.begin(fixture.now);
    fixture.guard.failed(fixture.now, false);
  }
  fixture.now += milliseconds(1500);
  for (int probe = 0; probe < 3; ++probe) {
    CHECK(fixture.guard.begin(fixture.now));
    fixture.guard.abandoned();
  }
  CHECK(fixture.changes(CircuitBreaker::State::half_open) == 1);
}

TEST_CASE("most_willing_state: of several the one that takes calls most readily counts") {
  struct Guarded {
    CircuitBreaker::State breaker_state() const { return state; }
    CircuitBreaker::State state;
  };
  std::vector<std::unique_ptr<Guarded>> all;
  CHECK(most_willing_state(all) == 2);
  all.push_back(std::make_unique<Guarded>(Guarded{CircuitBreaker::State::open}));
  all.push_back(std::make_unique<Guarded>(Guarded{CircuitBreaker::State::half_open}));
  CHECK(most_willing_state(all) == 1);
  all.push_back(std::make_unique<Guarded>(Guarded{CircuitBreaker::State::closed}));
  CHECK(most_willing_state(all) == 0);
}

}  // namespace
}  // namespace sluice::core
