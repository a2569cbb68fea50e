#include "lib/time/quick_clock.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

namespace sluice::core {
namespace {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;

// A clock and a counter of two ticks a nanosecond, which go on as the test says.
struct FakeTime {
  static inline Duration time{0};
  static inline std::uint64_t counted = 0;
  static inline int readings = 0;     // of the clock
  static inline Duration reading{0};  // goes by in one, behind its time
  static inline bool usable = true;

  static bool has_ticks() { return usable; }
  static std::uint64_t ticks() { return counted; }
  static TimePoint now() {
    ++readings;
    const TimePoint reported(time);
    pass(reading);
    return reported;
  }
  static void pass(Duration by, double ticks_each = 2) {
    time += by;
    counted += static_cast<std::uint64_t>(static_cast<double>(by.count()) * ticks_each);
  }
};

constexpr Duration kReading = 50ns;

struct Fixture {
  Fixture() {
    FakeTime::time = 1h;
    FakeTime::counted = 1'000'000;
    FakeTime::readings = 0;
    FakeTime::reading = kReading;
    FakeTime::usable = true;
  }

  // What the clock tells, from the time at which it is asked.
  Duration error() {
    const TimePoint asked(FakeTime::time);
    return clock.now() - asked;
  }
  // Off by rounding, and late by what a reading takes, which is taken for not having passed.
  bool is_right() {
    const Duration off = error();
    return off <= 5ns && off >= -kReading - 5ns;
  }
  // How often the clock is read for `times` times that are asked for, `apart` from one another.
  int readings_for(int times, Duration apart) {
    const int before = FakeTime::readings;
    for (int i = 0; i < times; ++i) {
      FakeTime::pass(apart);
      clock.now();
    }
    return FakeTime::readings - before;
  }
  // A tick is known after two measures, which take three readings.
  void measure_tick() {
    for (int i = 0; i < 3; ++i) {
      clock.now();
      FakeTime::pass(20ms);
    }
    clock.now();
  }

  QuickClock<FakeTime> clock;
};

TEST_CASE("QuickClock: reads the clock every time until two measures of a tick agree") {
  Fixture fixture;
  CHECK(fixture.readings_for(20, 1ms) == 20);
  CHECK(fixture.readings_for(1, 1ms) == 1);
  CHECK(fixture.readings_for(50, 1us) == 0);
}

TEST_CASE("QuickClock: then reads it once a millisecond, and tells the time from there by ticks") {
  Fixture fixture;
  fixture.measure_tick();
  CHECK(fixture.readings_for(99, 10us) == 0);
  CHECK(fixture.is_right());
  CHECK(fixture.readings_for(1000, 10us) == 10);
  CHECK(fixture.is_right());
  CHECK(fixture.readings_for(10, 2ms) == 10);
  CHECK(fixture.is_right());
}

TEST_CASE("QuickClock: never goes back, though the clock says less than ticks did") {
  Fixture fixture;
  fixture.measure_tick();
  FakeTime::pass(900us, 2.002);
  const TimePoint ahead = fixture.clock.now();
  CHECK(ahead > TimePoint(FakeTime::time));
  FakeTime::pass(100us - 500ns, 2.002);
  const TimePoint read = fixture.clock.now();
  CHECK(read >= ahead);
  FakeTime::pass(1us);
  CHECK(fixture.clock.now() >= read);
}

TEST_CASE("QuickClock: is off by no more than it says where the clock is slewed as much as clocks are") {
  Fixture fixture;
  fixture.measure_tick();
  for (int i = 0; i < 100'000; ++i) {
    // One in two thousand, this way or that, each tenth of a second.
    FakeTime::pass(37us, i / 2'700 % 2 == 0 ? 2.0005 : 1.9995);
    REQUIRE(std::chrono::abs(fixture.error()) <= QuickClock<FakeTime>::kErrorMax);
  }
}

TEST_CASE("QuickClock: an interrupted reading neither starts ticks nor measures them") {
  Fixture fixture;
  fixture.measure_tick();
  FakeTime::reading = 1ms;
  CHECK(fixture.readings_for(5, 2ms) == 5);
  CHECK(fixture.readings_for(5, 1us) == 5);
  FakeTime::reading = kReading;
  CHECK(fixture.readings_for(50, 1us) == 1);
  CHECK(fixture.is_right());
}

TEST_CASE(
    "QuickClock: ticks that went back, or on through a pause, are not used until they are measured again") {
  Fixture fixture;
  SUBCASE("with a tick that is known") { fixture.measure_tick(); }
  SUBCASE("after one measure") { fixture.readings_for(11, 1ms); }
  SUBCASE("after one reading") { fixture.readings_for(1, 1ms); }
  SUBCASE("a long time after one reading") {
    fixture.readings_for(1, 1ms);
    FakeTime::time += 1h;
  }
  SUBCASE("a long time after a measure") {
    fixture.measure_tick();
    FakeTime::time += 1h;
  }
  for (const std::uint64_t jumped_to : {std::uint64_t{5}, std::uint64_t{1'000'000'000'000}}) {
    FakeTime::counted = jumped_to;
    CHECK(fixture.is_right());
    CHECK(fixture.readings_for(9, 1ms) == 9);
    CHECK(fixture.is_right());
    // The exact time, however long it takes until ticks are used again.
    for (int i = 0; i < 100; ++i) {
      FakeTime::pass(1ms);
      CHECK(fixture.is_right());
    }
    CHECK(fixture.readings_for(50, 1us) == 0);
    CHECK(fixture.is_right());
  }
}

TEST_CASE("QuickClock: an impossible counter is not used") {
  Fixture fixture;
  double ticks_each = 2;
  SUBCASE("too slow") { ticks_each = 0.01; }
  SUBCASE("too quick") { ticks_each = 100; }
  for (int i = 0; i < 50; ++i) {
    FakeTime::pass(1ms, ticks_each);
    CHECK(fixture.is_right());
  }
  CHECK(fixture.readings_for(50, 1us) == 50);
}

TEST_CASE("QuickClock: where the processor's ticks can't be used the clock is read every time") {
  Fixture fixture;
  FakeTime::usable = false;
  fixture.measure_tick();
  CHECK(fixture.readings_for(100, 1us) == 100);
  CHECK(fixture.is_right());
}

TEST_CASE("QuickClock: tells the time of this machine's clock") {
  QuickClock<> clock;
  TimePoint last;
  for (const TimePoint end = Clock::now() + 50ms; last < end;) {
    const TimePoint before = Clock::now();
    const TimePoint reported = clock.now();
    REQUIRE(reported <= Clock::now() + QuickClock<>::kErrorMax);
    REQUIRE(reported >= last);
    // It may have been interrupted where it read the clock, and be as late as that for as long as it trusts
    // ticks.
    REQUIRE(reported + 1s >= before);
    last = reported;
  }
}

}  // namespace
}  // namespace sluice::core
