#include "lib/io/slice_queue.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr PeerKey kHome{PeerKey::Kind::ipv4, 1};
constexpr PeerKey kAway{PeerKey::Kind::ipv4, 2};

struct Work final : SlicedWork {
  explicit Work(std::string whose, PeerShare* share, nanoseconds takes)
      : name(std::move(whose)), time(takes) {
    set_share(share);
  }
  void on_slice() override {}
  std::string name;
  nanoseconds time;
};

// Runs what is next until `until`; everything has more to do. How long each name ran.
struct Loop {
  void run(nanoseconds until) {
    while (now < TimePoint(until)) {
      auto* const work = static_cast<Work*>(queue.pop());
      REQUIRE(work != nullptr);
      now += work->time;
      ran[work->name] += work->time;
      queue.charge_popped(now, work->time);
      queue.push(*work);
    }
  }
  double share(const std::string& name) {
    return static_cast<double>(ran[name].count()) / static_cast<double>(now.time_since_epoch().count());
  }

  SliceQueue queue;
  TimePoint now{nanoseconds(0)};
  std::map<std::string, nanoseconds> ran;
};

TEST_CASE("SliceQueue: a peer with a hundred connections gets half of the time beside a peer with one") {
  Loop loop;
  std::vector<std::unique_ptr<Work>> works;
  PeerShare& away = loop.queue.join(kAway);
  for (int count = 0; count < 100; ++count) {
    works.push_back(std::make_unique<Work>("away", &away, kSliceTime));
  }
  works.push_back(std::make_unique<Work>("home", &loop.queue.join(kHome), kSliceTime));
  for (const auto& work : works) loop.queue.push(*work);
  loop.run(milliseconds(100));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("SliceQueue: what a turn takes longer than its slice is charged to the next turns") {
  Loop loop;
  Work handshake("away", &loop.queue.join(kAway), milliseconds(1));
  Work quick("home", &loop.queue.join(kHome), microseconds(40));
  loop.queue.push(handshake);
  loop.queue.push(quick);
  loop.run(milliseconds(100));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("SliceQueue: connections of one peer take turns") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  Work first("first", &home, {}), second("second", &home, {});
  queue.push(first);
  queue.push(second);
  queue.push(first);  // waits already
  CHECK(queue.pop() == &first);
  queue.push(first);
  CHECK(queue.pop() == &second);
  CHECK(queue.pop() == &first);
  CHECK(queue.pop() == nullptr);
  CHECK(queue.empty());
}

TEST_CASE("SliceQueue: work of no peer has a share like a peer") {
  Loop loop;
  Work left_behind("nobody", nullptr, kSliceTime);
  Work home("home", &loop.queue.join(kHome), kSliceTime);
  loop.queue.push(left_behind);
  loop.queue.push(home);
  loop.run(milliseconds(50));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("SliceQueue: a peer whose last connection ends while its work runs is forgotten") {
  SliceQueue queue;
  {
    Work home("home", &queue.join(kHome), {});
    queue.push(home);
    CHECK(queue.pop() == &home);
    queue.leave(kHome);
  }
  queue.charge_popped(TimePoint(milliseconds(1)), kSliceTime);
  CHECK(queue.pop() == nullptr);
  Work away("away", &queue.join(kAway), {});
  queue.push(away);
  CHECK(queue.pop() == &away);
}

TEST_CASE("SliceQueue: a peer takes more than half of the time only while another has work") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  TimePoint now{std::chrono::hours(1)};
  const auto use = [&](PeerShare& share, milliseconds time) {
    now += time;
    queue.charge(share, now, time);
  };
  use(away, milliseconds(30));
  CHECK_FALSE(queue.over_half(away, now));  // alone
  use(home, milliseconds(1));
  CHECK(queue.over_half(away, now));
  CHECK_FALSE(queue.over_half(home, now));
  CHECK_FALSE(queue.over_half(away, now + kUseWindow + milliseconds(1)));  // it had none since
}

TEST_CASE("SliceQueue: what a peer took too much is forgotten at the rate of its half") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  TimePoint now{std::chrono::hours(1)};
  queue.charge(away, now, milliseconds(6));
  queue.charge(home, now, milliseconds(1));
  CHECK(queue.over_half(away, now + milliseconds(6)));
  CHECK_FALSE(queue.over_half(away, now + milliseconds(10)));
}

}  // namespace
}  // namespace sluice::core
