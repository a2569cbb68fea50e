#include <sluice/service/channel.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

WaitLimit patient() { return WaitLimit::within(testing::kWaitMax); }
const WaitLimit kPast{WaitLimit::Clock::time_point{}};

TEST_CASE("Channel: values come out in the order in which they went in") {
  Channel<int> channel(3);
  for (int i = 0; i < 3; ++i) CHECK(channel.push(std::move(i), patient()) == ChannelStatus::ok);
  for (int i = 0; i < 3; ++i) CHECK(*channel.pop(patient()) == i);
}

TEST_CASE("Channel: a full one refuses, and the pushing thread keeps the value") {
  Channel<std::unique_ptr<int>> channel(1);
  CHECK(channel.try_push(std::make_unique<int>(1)) == ChannelStatus::ok);
  auto second = std::make_unique<int>(2);
  CHECK(channel.try_push(std::move(second)) == ChannelStatus::no_room);
  CHECK(channel.push(std::move(second), kPast) == ChannelStatus::limit);
  REQUIRE(second);
  CHECK(**channel.pop(patient()) == 1);
  CHECK(channel.push(std::move(second), kPast) == ChannelStatus::ok);
  CHECK(channel.size() == 1);
}

TEST_CASE("Channel: an empty one ends the wait at its limit, and says which it was") {
  Channel<int> channel(1);
  CHECK(channel.try_pop().status == ChannelStatus::empty);
  CHECK(channel.pop(kPast).status == ChannelStatus::limit);
  std::stop_source stop;
  stop.request_stop();
  const WaitLimit stopped = WaitLimit::within(testing::kWaitMax, stop.get_token());
  CHECK(channel.pop(stopped).status == ChannelStatus::limit);
  CHECK(stopped.error().code == -32800);
  CHECK(kPast.error().code == -32002);
  CHECK_FALSE(WaitLimit::within(std::chrono::milliseconds::max()).over());
  CHECK(WaitLimit::within(std::chrono::milliseconds::min()).over());
}

TEST_CASE("Channel: a closed one can still be emptied, and accepts nothing") {
  Channel<int> channel(2);
  CHECK(channel.try_push(7) == ChannelStatus::ok);
  channel.close();
  CHECK(channel.closed());
  CHECK(channel.try_push(8) == ChannelStatus::closed);
  CHECK(channel.push(8, patient()) == ChannelStatus::closed);
  CHECK(*channel.pop(patient()) == 7);
  CHECK(channel.pop(patient()).status == ChannelStatus::closed);
  CHECK(channel.try_pop().status == ChannelStatus::closed);
}

TEST_CASE("Channel: closing can drop its values") {
  Channel<std::shared_ptr<int>> channel(2);
  const auto value = std::make_shared<int>(1);
  CHECK(channel.try_push(std::shared_ptr(value)) == ChannelStatus::ok);
  channel.close_and_drop();
  CHECK(value.use_count() == 1);
  CHECK(channel.pop(patient()).status == ChannelStatus::closed);
}

TEST_CASE("Channel: closing and stopping wake all waiting threads") {
  Channel<int> full(1);
  CHECK(full.try_push(0) == ChannelStatus::ok);
  Channel<int> empty(1);
  std::stop_source stop;
  std::atomic<int> closed{0};
  std::atomic<int> stopped{0};
  const auto count = [&](ChannelStatus status) {
    if (status == ChannelStatus::closed) ++closed;
    if (status == ChannelStatus::limit) ++stopped;
  };
  const WaitLimit stoppable = WaitLimit::within(testing::kWaitMax, stop.get_token());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { count(full.push(1, stoppable)); });
    threads.emplace_back([&] { count(empty.pop(patient()).status); });
  }
  stop.request_stop();
  empty.close();
  threads.clear();
  CHECK(closed == 4);
  CHECK(stopped == 4);
}

// Values whose copying and destruction ask the channel: under its lock that would never end.
struct Nosy {
  explicit Nosy(Channel<Nosy>& of) : channel(&of) {}
  Nosy(Nosy&& other) noexcept : channel(other.channel) { channel->size(); }
  Nosy& operator=(Nosy&& other) noexcept {
    channel = other.channel;
    channel->size();
    return *this;
  }
  ~Nosy() { channel->size(); }
  Channel<Nosy>* channel;
};

TEST_CASE("Channel: a value's own code runs without the lock") {
  Channel<Nosy> channel(2);
  CHECK(channel.try_push(Nosy(channel)) == ChannelStatus::ok);
  CHECK(channel.try_push(Nosy(channel)) == ChannelStatus::ok);
  CHECK(channel.try_push(Nosy(channel)) == ChannelStatus::no_room);
  CHECK(channel.pop(patient()));
  channel.close_and_drop();
}

TEST_CASE(
    "Channel: with many pushing and popping threads, nothing is lost, doubled or out of its pusher's order") {
  static constexpr int kPushers = 4;
  static constexpr int kEach = 5'000;
  Channel<std::pair<int, int>> channel(3);
  std::mutex mutex;
  std::vector<std::vector<int>> seen(kPushers);
  std::atomic<int> wrong{0};
  std::vector<std::jthread> poppers;
  for (int i = 0; i < 4; ++i) {
    poppers.emplace_back([&] {
      std::vector<int> last(kPushers, -1);
      std::vector<std::pair<int, int>> mine;
      for (;;) {
        auto received = channel.pop(patient());
        if (!received) break;
        auto& before = last[static_cast<std::size_t>(received->first)];
        if (received->second <= before) ++wrong;
        before = received->second;
        mine.push_back(*received);
      }
      const std::lock_guard lock(mutex);
      for (const auto& [from, value] : mine) seen[static_cast<std::size_t>(from)].push_back(value);
    });
  }
  {
    std::vector<std::jthread> pushers;
    for (int from = 0; from < kPushers; ++from) {
      pushers.emplace_back([&, from] {
        for (int i = 0; i < kEach; ++i) {
          if (channel.push({from, i}, patient()) != ChannelStatus::ok) ++wrong;
        }
      });
    }
  }
  channel.close();
  poppers.clear();
  CHECK(wrong == 0);
  for (auto& values : seen) {
    std::sort(values.begin(), values.end());
    CHECK(values.size() == kEach);
    CHECK(std::unique(values.begin(), values.end()) == values.end());
  }
}

TEST_CASE("Channel: waits that end early and those that don't leave no value behind") {
  // Wake-ups that go to a wait which is ending must reach another one.
  static constexpr int kValues = 3'000;
  Channel<int> channel(1);
  std::atomic<int> taken{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&](const std::stop_token& end) {
      while (!end.stop_requested()) {
        if (channel.pop(WaitLimit::within(std::chrono::milliseconds(0)))) ++taken;
      }
    });
  }
  std::jthread patient_one([&] {
    while (channel.pop(patient())) ++taken;
  });
  for (int i = 0; i < kValues; ++i) CHECK(channel.push(std::move(i), patient()) == ChannelStatus::ok);
  channel.close();
  patient_one.join();
  threads.clear();
  CHECK(taken == kValues);
}

}  // namespace
}  // namespace sluice
