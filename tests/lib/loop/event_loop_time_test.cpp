// EventLoop: iterations' time and deadlines, on virtual time.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lib/loop/event_loop.hpp"
#include "tests/lib/loop/virtual_loop.hpp"

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Step;
using testing::VirtualLoop;
using Order = std::vector<std::string>;

struct Alarm final : Deadline {
  void on_deadline(TimePoint now) override {
    passed.push_back(now);
    if (then) then();
  }
  std::vector<TimePoint> passed;
  std::function<void()> then;
};

TEST_CASE("EventLoop: an event has the time of its beginning, until the time is taken again") {
  VirtualLoop fixture;
  const TimePoint began = fixture.now;
  fixture.loop.post([&] {
    CHECK(fixture.loop.now() == began);
    fixture.now += milliseconds(5);
    CHECK(fixture.loop.now() == began);
    fixture.loop.update_time();
    CHECK(fixture.loop.now() == began + milliseconds(5));
  });
  CHECK(fixture.serve() == 1);
}

TEST_CASE("EventLoop: each handler begins where the last one of the iteration ended") {
  VirtualLoop fixture;
  const TimePoint began = fixture.now;
  fixture.loop.post([&] {
    CHECK(fixture.loop.handler_begins() == began);
    fixture.now += milliseconds(1);
    CHECK(fixture.loop.handler_ended() == began + milliseconds(1));
    CHECK(fixture.loop.handler_begins() == began + milliseconds(1));
    CHECK(fixture.loop.now() == began);
  });
  CHECK(fixture.serve() == 1);
}

TEST_CASE("EventLoop: a deadline passes once, within a tick of its time and not before it") {
  VirtualLoop fixture;
  const TimePoint began = fixture.now;
  Alarm alarm;
  fixture.loop.set_deadline(alarm, began + seconds(30));
  fixture.pass(seconds(30) - milliseconds(1));
  CHECK(alarm.passed.empty());
  fixture.pass(milliseconds(2));
  REQUIRE(alarm.passed.size() == 1);
  CHECK(alarm.passed[0] >= began + seconds(30));
  fixture.pass(seconds(100));
  CHECK(alarm.passed.size() == 1);
}

TEST_CASE("EventLoop: deadlines pass in the order of their times, whatever the order of setting them") {
  VirtualLoop fixture;
  const TimePoint began = fixture.now;
  Order order;
  Alarm soon, later, last;
  soon.then = [&] { order.emplace_back("soon"); };
  later.then = [&] { order.emplace_back("later"); };
  last.then = [&] { order.emplace_back("last"); };
  fixture.loop.set_deadline(last, began + seconds(3600));
  fixture.loop.set_deadline(soon, began + milliseconds(10));
  fixture.loop.set_deadline(later, began + seconds(2));
  for (int i = 0; i < 4000; ++i) fixture.pass(seconds(1));
  CHECK(order == Order{"soon", "later", "last"});
}

TEST_CASE("EventLoop: a deadline can be moved and cleared") {
  VirtualLoop fixture;
  const TimePoint began = fixture.now;
  Alarm moved, cleared;
  fixture.loop.set_deadline(moved, began + seconds(1));
  fixture.loop.set_deadline(cleared, began + seconds(1));
  fixture.loop.set_deadline(moved, began + seconds(5));
  fixture.loop.clear_deadline(cleared);
  fixture.pass(seconds(4));
  CHECK(moved.passed.empty());
  fixture.pass(seconds(2));
  CHECK(moved.passed.size() == 1);
  CHECK(cleared.passed.empty());
}

TEST_CASE("EventLoop: a deadline that is set again as it passes, passes again") {
  VirtualLoop fixture;
  Alarm alarm;
  alarm.then = [&] { fixture.loop.set_deadline(alarm, fixture.loop.now() + seconds(1)); };
  fixture.loop.set_deadline(alarm, fixture.now + seconds(1));
  for (int i = 0; i < 1000; ++i) fixture.pass(milliseconds(10));
  CHECK(alarm.passed.size() >= 9);
  CHECK(alarm.passed.size() <= 10);
}

TEST_CASE("EventLoop: a task that a deadline defers runs at the end of its iteration") {
  VirtualLoop fixture;
  Order order;
  Alarm alarm;
  Step end([&] { order.emplace_back("end"); });
  alarm.then = [&] {
    fixture.loop.defer(end);
    order.emplace_back("deadline");
  };
  fixture.loop.set_deadline(alarm, fixture.now + milliseconds(3));
  fixture.now += milliseconds(5);
  CHECK(fixture.serve(1) == 1);
  CHECK(order == Order{"deadline", "end"});
}

}  // namespace
}  // namespace sluice::core
