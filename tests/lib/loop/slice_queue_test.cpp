#include "lib/loop/slice_queue.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr PeerKey kHome{PeerKey::Kind::ipv4, 1};
constexpr PeerKey kAway{PeerKey::Kind::ipv4, 2};

constexpr TimePoint kStart{std::chrono::hours(1)};

struct Work final : SlicedWork {
  explicit Work(std::string whose, PeerShare* share, nanoseconds takes)
      : name(std::move(whose)), time(takes) {
    set_share(share);
  }
  void on_slice() override {}
  std::string name;
  nanoseconds time;
};

// Runs the next work until `until`; each work always has more to do. Returns the time of each name.
struct Loop {
  void run(nanoseconds until) {
    while (now < kStart + until) {
      auto* const work = static_cast<Work*>(queue.pop());
      REQUIRE(work != nullptr);
      now += work->time;
      ran[work->name] += work->time;
      queue.end_popped(now, work->time);
      queue.push(*work, now);
    }
  }
  double share(const std::string& name) {
    return static_cast<double>(ran[name].count()) / static_cast<double>((now - kStart).count());
  }

  SliceQueue queue;
  TimePoint now = kStart;
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
  for (const auto& work : works) loop.queue.push(*work, loop.now);
  loop.run(milliseconds(100));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("SliceQueue: time beyond a slice is charged to the peer's next slices") {
  Loop loop;
  Work handshake("away", &loop.queue.join(kAway), milliseconds(1));
  Work quick("home", &loop.queue.join(kHome), microseconds(40));
  loop.queue.push(handshake, loop.now);
  loop.queue.push(quick, loop.now);
  loop.run(milliseconds(100));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("SliceQueue: connections of one peer alternate") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  Work first("first", &home, {}), second("second", &home, {});
  queue.push(first, kStart);
  queue.push(second, kStart);
  queue.push(first, kStart);  // waits already
  CHECK(queue.pop() == &first);
  queue.push(first, kStart);
  CHECK(queue.pop() == &second);
  CHECK(queue.pop() == &first);
  CHECK(queue.pop() == nullptr);
  CHECK(queue.empty());
}

TEST_CASE("SliceQueue: work of no peer has a share like a peer") {
  Loop loop;
  Work left_behind("no peer", nullptr, kSliceTime);
  Work home("home", &loop.queue.join(kHome), kSliceTime);
  loop.queue.push(left_behind, loop.now);
  loop.queue.push(home, loop.now);
  loop.run(milliseconds(50));
  CHECK(loop.share("home") == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("SliceQueue: a peer whose last connection ends while its work runs is forgotten") {
  SliceQueue queue;
  {
    Work home("home", &queue.join(kHome), {});
    queue.push(home, kStart);
    CHECK(queue.pop() == &home);
    queue.leave(kHome);
  }
  queue.end_popped(kStart + kSliceTime, kSliceTime);
  CHECK(queue.pop() == nullptr);
  Work away("away", &queue.join(kAway), {});
  queue.push(away, kStart);
  CHECK(queue.pop() == &away);
}

TEST_CASE("SliceQueue: a peer takes more than half of the time only while another has work") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  TimePoint now = kStart;
  const auto use = [&](PeerShare& share, milliseconds time) {
    queue.begin(share, now);
    now += time;
    queue.end(now);
  };
  use(away, milliseconds(30));
  CHECK_FALSE(queue.over_half(away, now));  // alone
  use(home, milliseconds(1));
  CHECK(queue.over_half(away, now));
  CHECK_FALSE(queue.over_half(home, now));
  CHECK_FALSE(queue.over_half(away, now + kUseWindow + milliseconds(1)));  // it had none since
}

TEST_CASE("SliceQueue: a peer's excess time is forgotten at the rate of its half") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  TimePoint now = kStart;
  queue.begin(away, now);
  queue.begin(home, now += milliseconds(12));
  queue.end(now += milliseconds(1));
  CHECK(queue.over_half(away, now + milliseconds(5)));
  CHECK_FALSE(queue.over_half(away, now + milliseconds(17)));
}

TEST_CASE("SliceQueue: work too short for the clock is charged at its mean time") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  queue.charge_small(home, kStart, SmallWork::write);
  for (int write = 0; write < 999; ++write) queue.charge_small(away, kStart, SmallWork::write);
  queue.observe_small(SmallWork::write, microseconds(4000));  // 4 us each
  CHECK_FALSE(queue.over_half(away, kStart));                 // charged at less so far
  for (int write = 0; write < 999; ++write) queue.charge_small(away, kStart, SmallWork::write);
  CHECK(queue.over_half(away, kStart));
  CHECK_FALSE(queue.over_half(home, kStart));
}

TEST_CASE("SliceQueue: work too short for the clock is charged by its bytes as well") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  const auto read = [&](PeerShare& share, std::size_t bytes) {
    queue.begin_read(share, kStart, bytes);
    queue.end(kStart);
  };
  for (int reads = 0; reads < 80; ++reads) read(home, 100), read(away, 256 * 1024);
  CHECK(queue.over_half(away, kStart));
  CHECK_FALSE(queue.over_half(home, kStart));
}

TEST_CASE("SliceQueue: one long iteration does not decide the charge of short work") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  for (int iteration = 0; iteration < 10; ++iteration) {
    queue.charge_small(home, kStart, SmallWork::write);
    queue.observe_small(SmallWork::write, microseconds(1));
  }
  queue.charge_small(away, kStart, SmallWork::write);
  queue.observe_small(SmallWork::write, milliseconds(100));
  for (int write = 0; write < 500; ++write) queue.charge_small(home, kStart, SmallWork::write);
  CHECK_FALSE(queue.over_half(home, kStart));
}

TEST_CASE("SliceQueue: time charged to a peer without waiting work does not keep it waiting") {
  Loop loop;
  PeerShare& home = loop.queue.join(kHome);
  Work long_ago("home", &home, kSliceTime), other("away", &loop.queue.join(kAway), kSliceTime);
  loop.queue.push(long_ago, loop.now);
  CHECK(loop.queue.pop() == &long_ago);
  loop.queue.end_popped(loop.now += milliseconds(3), milliseconds(3));
  for (int message = 0; message < 1000; ++message) {
    loop.queue.begin(home, loop.now);
    loop.queue.end(loop.now += milliseconds(1));
  }
  loop.now += kUseWindow;
  loop.queue.push(long_ago, loop.now);
  loop.queue.push(other, loop.now);
  loop.run(loop.now - kStart + milliseconds(20));
  CHECK(loop.ran["home"] >= milliseconds(5));
}

TEST_CASE("SliceQueue: work that is part of a scope is not charged twice") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  PeerShare& away = queue.join(kAway);
  queue.charge_small(away, kStart, SmallWork::write);
  queue.begin(home, kStart);
  for (int write = 0; write < 10'000; ++write) queue.charge_small(home, kStart, SmallWork::write);
  queue.end(kStart + microseconds(10));
  CHECK_FALSE(queue.over_half(home, kStart + microseconds(10)));
}

TEST_CASE("SliceQueue: a new peer is served in the next round, however many peers wait") {
  constexpr int kPeers = 100;
  Loop loop;
  std::vector<std::unique_ptr<Work>> works;
  for (std::uint64_t peer = 0; peer < kPeers; ++peer) {
    PeerShare& share = loop.queue.join(PeerKey{PeerKey::Kind::ipv6, peer});
    works.push_back(std::make_unique<Work>("others", &share, kSliceTime));
    loop.queue.push(*works.back(), loop.now);
  }
  loop.run(milliseconds(500));
  Work home("home", &loop.queue.join(kHome), kSliceTime);
  loop.queue.push(home, loop.now);
  const auto before = loop.ran["others"];
  while (loop.ran["home"] == nanoseconds(0)) loop.run(loop.now - kStart + kSliceTime);
  CHECK(loop.ran["others"] - before <= kPeers * kSliceTime);
}

TEST_CASE("SliceQueue: a peer that has been quiet has no debt") {
  SliceQueue queue;
  PeerShare& home = queue.join(kHome);
  Work often("home", &home, {}), other("away", &queue.join(kAway), {});
  TimePoint now = kStart;
  for (int call = 0; call < 10'000; ++call) {
    queue.begin(home, now);
    queue.end(now += microseconds(10));
    now += milliseconds(1);
  }
  queue.push(often, now);
  queue.push(other, now);
  CHECK(queue.pop() == &often);
}

TEST_CASE("SliceQueue: the only work that there is does not wait while it runs") {
  SliceQueue queue;
  Work home("home", &queue.join(kHome), {}), away("away", &queue.join(kAway), {});
  CHECK(queue.empty());
  queue.push(home, kStart);
  CHECK_FALSE(queue.empty());
  CHECK(queue.pop() == &home);
  CHECK(queue.empty());
  queue.push(away, kStart);
  CHECK_FALSE(queue.empty());
}

TEST_CASE("SliceQueue: a connection whose peer becomes known is one of that peer's") {
  SliceQueue queue;
  PeerMembership member(queue, kHome);
  PeerShare& home = member.share();
  CHECK(&home == &queue.join(kHome));
  member.move_to(kAway);
  CHECK(&member.share() == &queue.join(kAway));
  CHECK(&member.share() != &home);
  PeerMembership unknown(queue, std::nullopt);
  CHECK(&unknown.share() == &queue.common());
}

}  // namespace
}  // namespace sluice::core
