#include "lib/time/deadline_wheel.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

const TimePoint kOrigin{hours(1000)};

struct Alarm final : Deadline {
  void on_deadline(TimePoint now) override {
    ++fired;
    fired_at = now;
    if (then) then();
  }
  int fired = 0;
  TimePoint fired_at{};
  std::function<void()> then;
};

// Advances as an event loop does: whenever the wheel asks for it, never anywhere else.
void run_until(DeadlineWheel& wheel, TimePoint end) {
  for (auto wake = wheel.next_wake(); wake && *wake <= end; wake = wheel.next_wake()) wheel.advance(*wake);
  wheel.advance(end);
}

TEST_CASE("DeadlineWheel: a deadline is reported in the tick that follows it, and once") {
  DeadlineWheel wheel(kOrigin);
  Alarm alarm;
  wheel.set(alarm, kOrigin + microseconds(2500));
  CHECK(DeadlineWheel::is_set(alarm));
  wheel.advance(kOrigin + microseconds(2999));
  CHECK(alarm.fired == 0);
  wheel.advance(kOrigin + milliseconds(3));
  CHECK(alarm.fired == 1);
  CHECK(alarm.fired_at == kOrigin + milliseconds(3));
  CHECK_FALSE(DeadlineWheel::is_set(alarm));
  wheel.advance(kOrigin + hours(1));
  CHECK(alarm.fired == 1);
}

TEST_CASE("DeadlineWheel: a deadline in the past is reported by the next advance") {
  DeadlineWheel wheel(kOrigin);
  wheel.advance(kOrigin + milliseconds(1000));
  Alarm long_gone;
  Alarm before_the_origin;
  wheel.set(long_gone, kOrigin + milliseconds(10));
  wheel.set(before_the_origin, kOrigin - hours(1));
  REQUIRE(wheel.next_wake());
  CHECK(*wheel.next_wake() <= kOrigin + milliseconds(1001));
  wheel.advance(kOrigin + milliseconds(1001));
  CHECK(long_gone.fired == 1);
  CHECK(before_the_origin.fired == 1);
}

TEST_CASE("DeadlineWheel: time that goes back or before the origin changes nothing") {
  DeadlineWheel wheel(kOrigin);
  Alarm alarm;
  wheel.set(alarm, kOrigin + milliseconds(100));
  wheel.advance(kOrigin + milliseconds(50));
  wheel.advance(kOrigin + milliseconds(10));
  wheel.advance(kOrigin - hours(1));
  CHECK(alarm.fired == 0);
  wheel.advance(kOrigin + milliseconds(100));
  CHECK(alarm.fired == 1);
}

TEST_CASE("DeadlineWheel: without deadlines there is no wake-up, and time may jump as it likes") {
  DeadlineWheel wheel(kOrigin);
  CHECK_FALSE(wheel.next_wake());
  wheel.advance(kOrigin + hours(24 * 365));
  Alarm alarm;
  wheel.set(alarm, kOrigin + hours(24 * 365) + milliseconds(7));
  run_until(wheel, kOrigin + hours(24 * 365) + milliseconds(6));
  CHECK(alarm.fired == 0);
  run_until(wheel, kOrigin + hours(24 * 365) + milliseconds(7));
  CHECK(alarm.fired == 1);
  CHECK_FALSE(wheel.next_wake());
}

TEST_CASE("DeadlineWheel: setting again moves a deadline, clearing and destroying forget it") {
  DeadlineWheel wheel(kOrigin);
  Alarm moved;
  Alarm cleared;
  auto destroyed = std::make_unique<Alarm>();
  wheel.set(moved, kOrigin + milliseconds(10));
  wheel.set(cleared, kOrigin + milliseconds(10));
  wheel.set(*destroyed, kOrigin + milliseconds(10));
  wheel.set(moved, kOrigin + milliseconds(5000));
  wheel.clear(cleared);
  wheel.clear(cleared);
  destroyed.reset();
  wheel.advance(kOrigin + milliseconds(4999));
  CHECK(moved.fired == 0);
  wheel.set(moved, kOrigin + milliseconds(5001));
  wheel.advance(kOrigin + milliseconds(5001));
  CHECK(moved.fired == 1);
  CHECK(cleared.fired == 0);
}

TEST_CASE("DeadlineWheel: a deadline beyond the wheel's horizon is kept, and reported in time") {
  for (const auto far : {hours(24 * 30), hours(24 * 365 * 3), hours(24 * 365 * 200)}) {
    DeadlineWheel wheel(kOrigin);
    Alarm alarm;
    const TimePoint when = kOrigin + far + milliseconds(3);
    wheel.set(alarm, when);
    run_until(wheel, when - milliseconds(1));
    CHECK(alarm.fired == 0);
    REQUIRE(wheel.next_wake());
    CHECK(*wheel.next_wake() <= when);
    run_until(wheel, when);
    CHECK(alarm.fired == 1);
  }
}

TEST_CASE("DeadlineWheel: the greatest time never comes, and does not disturb other deadlines") {
  DeadlineWheel wheel(kOrigin);
  Alarm never;
  Alarm soon;
  wheel.set(never, TimePoint::max());
  wheel.set(soon, kOrigin + milliseconds(20));
  run_until(wheel, kOrigin + hours(24 * 365 * 10));
  CHECK(soon.fired == 1);
  CHECK(never.fired == 0);
}

TEST_CASE("DeadlineWheel: a deadline that sets itself for now waits for the next tick") {
  DeadlineWheel wheel(kOrigin);
  Alarm alarm;
  alarm.then = [&] {
    if (alarm.fired < 5) wheel.set(alarm, kOrigin);
  };
  wheel.set(alarm, kOrigin + milliseconds(1));
  wheel.advance(kOrigin + milliseconds(1));
  CHECK(alarm.fired == 1);
  wheel.advance(kOrigin + milliseconds(2));
  CHECK(alarm.fired == 2);
  wheel.advance(kOrigin + milliseconds(100));
  CHECK(alarm.fired == 5);
}

TEST_CASE("DeadlineWheel: an exception of a deadline keeps no other of its tick from being reported") {
  DeadlineWheel wheel(kOrigin);
  Alarm before, throwing, after, later;
  throwing.then = [] { throw std::bad_alloc(); };
  for (Alarm* alarm : {&before, &throwing, &after}) wheel.set(*alarm, kOrigin + milliseconds(5));
  wheel.set(later, kOrigin + milliseconds(7));
  CHECK_THROWS_AS(wheel.advance(kOrigin + milliseconds(10)), std::bad_alloc);
  CHECK(before.fired + throwing.fired + after.fired == 3);
  wheel.advance(kOrigin + milliseconds(10));
  CHECK(later.fired == 1);
}

TEST_CASE("DeadlineWheel: deadlines may set, clear and destroy others of their own tick") {
  DeadlineWheel wheel(kOrigin);
  Alarm first;
  Alarm cleared;
  Alarm added;
  Alarm last;
  auto destroyed = std::make_unique<Alarm>();
  const TimePoint when = kOrigin + milliseconds(64);
  wheel.set(first, when);
  wheel.set(cleared, when);
  wheel.set(*destroyed, when);
  wheel.set(last, when);
  first.then = [&] {
    wheel.clear(cleared);
    destroyed.reset();
    wheel.set(added, when + milliseconds(64));
    wheel.set(last, when + milliseconds(64 * 64));
  };
  wheel.advance(when);
  CHECK(first.fired == 1);
  CHECK(cleared.fired == 0);
  CHECK(last.fired == 0);
  run_until(wheel, when + milliseconds(64));
  CHECK(added.fired == 1);
  run_until(wheel, when + milliseconds(64 * 64));
  CHECK(last.fired == 1);
}

TEST_CASE("DeadlineWheel: one late advance reports everything, the earlier before the later") {
  DeadlineWheel wheel(kOrigin);
  std::vector<int> order;
  std::array<Alarm, 6> alarms;
  const std::array<int, 6> at_ms = {90'000, 3, 64, 4'096, 5'000'000, 63};
  for (std::size_t i = 0; i < alarms.size(); ++i) {
    alarms[i].then = [&order, ms = at_ms[i]] { order.push_back(ms); };
    wheel.set(alarms[i], kOrigin + milliseconds(at_ms[i]));
  }
  wheel.advance(kOrigin + hours(10));
  CHECK(order == std::vector<int>{3, 63, 64, 4'096, 90'000, 5'000'000});
}

// The same operations on the wheel and on a plain list.
class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kAlarms; ++i) {
      alarms_.push_back(std::make_unique<Alarm>());
      alarms_.back()->then = [this, i] { fire(i); };
    }
  }

  void step() {
    switch (random_() % 8) {
      case 0:
        clear(random_() % kAlarms);
        break;
      case 1:
        advance(now_ + span());
        break;
      case 2:
        advance(now_);
        break;
      case 3: {
        const auto wake = wheel_.next_wake();
        if (wake) advance(std::max(now_, *wake));
        break;
      }
      default:
        set(random_() % kAlarms);
    }
    check_wake();
  }

  bool right() const { return right_; }

 private:
  static constexpr std::size_t kAlarms = 40;

  // Of any order of magnitude from microseconds to months.
  std::chrono::nanoseconds span() {
    const std::uint64_t bits = random_() % 44 + 10;
    return std::chrono::nanoseconds(
        std::uniform_int_distribution<std::int64_t>(0, std::int64_t{1} << bits)(random_));
  }

  std::int64_t tick_of_now() const { return std::chrono::floor<milliseconds>(now_ - kOrigin).count(); }

  void set(std::size_t index) {
    const TimePoint when = random_() % 10 == 0 ? now_ - span() : now_ + span();
    wheel_.set(*alarms_[index], when);
    const auto tick = std::chrono::ceil<milliseconds>(when - kOrigin).count();
    due_[index] = std::max(tick, advancing_ ? *advancing_ + 1 : tick_of_now() + 1);
  }

  void clear(std::size_t index) {
    wheel_.clear(*alarms_[index]);
    due_.erase(index);
  }

  void advance(TimePoint to) {
    now_ = to;
    wheel_.advance(to);
    advancing_.reset();
    // Nothing that was due has been left.
    for (const auto& [index, tick] : due_) right_ = right_ && tick > tick_of_now();
  }

  void fire(std::size_t index) {
    const auto found = due_.find(index);
    if (found == due_.end()) {
      right_ = false;
      return;
    }
    // In order, and not before its time.
    right_ = right_ && found->second <= tick_of_now() && (!advancing_ || *advancing_ <= found->second);
    advancing_ = found->second;
    due_.erase(found);
    switch (random_() % 4) {
      case 0:
        set(index);
        break;
      case 1:
        set(random_() % kAlarms);
        break;
      case 2:
        clear(random_() % kAlarms);
        break;
      default:
        break;
    }
    check_wake();
  }

  void check_wake() {
    if (due_.empty()) return;
    std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
    for (const auto& [index, tick] : due_) earliest = std::min(earliest, tick);
    const auto wake = wheel_.next_wake();
    // While a slot is being reported, its remaining deadlines need no wake-up.
    if (advancing_ && earliest == *advancing_) return;
    right_ = right_ && wake && *wake <= kOrigin + milliseconds(earliest);
  }

  std::mt19937 random_;
  DeadlineWheel wheel_{kOrigin};
  TimePoint now_ = kOrigin;
  std::optional<std::int64_t> advancing_;  // the tick being reported
  std::vector<std::unique_ptr<Alarm>> alarms_;
  std::map<std::size_t, std::int64_t> due_;  // tick by alarm
  bool right_ = true;
};

TEST_CASE("DeadlineWheel: does what a sorted list does, whatever is set, cleared and reported when") {
  std::random_device device;
  for (int round = 0; round < 60; ++round) {
    // A few seeds that stay, and others that don't.
    const std::uint32_t seed = round < 20 ? static_cast<std::uint32_t>(round) : device();
    CAPTURE(seed);
    Model model(seed);
    for (int i = 0; i < 2000 && model.right(); ++i) model.step();
    REQUIRE(model.right());
  }
}

TEST_CASE(
    "DeadlineWheel: an event loop that wakes only at next_wake() reports each deadline in its own tick") {
  std::random_device device;
  for (int round = 0; round < 20; ++round) {
    const std::uint32_t seed = round < 10 ? static_cast<std::uint32_t>(round) : device();
    CAPTURE(seed);
    std::mt19937 random(seed);
    DeadlineWheel wheel(kOrigin);
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::vector<TimePoint> due;
    for (int i = 0; i < 300; ++i) {
      const auto after = microseconds(random() % (std::uint64_t{1} << (random() % 36 + 1)));
      alarms.push_back(std::make_unique<Alarm>());
      due.push_back(kOrigin + after);
      wheel.set(*alarms.back(), due.back());
    }
    std::size_t wakes = 0;
    while (const auto wake = wheel.next_wake()) {
      wheel.advance(*wake);
      ++wakes;
    }
    for (std::size_t i = 0; i < alarms.size(); ++i) {
      REQUIRE(alarms[i]->fired == 1);
      CHECK(alarms[i]->fired_at >= due[i]);
      CHECK(alarms[i]->fired_at - due[i] <= milliseconds(1));
    }
    // Each deadline is moved down once a level at most.
    CHECK(wakes <= 300 * 6);
  }
}

}  // namespace
}  // namespace sluice::core
