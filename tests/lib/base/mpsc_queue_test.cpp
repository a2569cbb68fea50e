#include "lib/base/mpsc_queue.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

struct Item {
  explicit Item(int number = 0, int sender = 0) : value(number), from(sender) {}
  int value;
  int from;
  std::atomic<Item*> next = nullptr;
};
using Queue = MpscQueue<Item, &Item::next>;

std::deque<Item> numbered(int count, int from = 0) {
  std::deque<Item> items;
  for (int i = 0; i < count; ++i) items.emplace_back(i, from);
  return items;
}

TEST_CASE("MpscQueue: everything is taken at once, oldest first") {
  Queue queue;
  const auto none = [](Item&) { FAIL("the queue is not empty"); };
  queue.take_all(none);
  CHECK(queue.empty());
  auto items = numbered(5);
  for (Item& item : items) queue.push(item);
  int expected = 0;
  CHECK_FALSE(queue.empty());
  queue.take_all([&](Item& item) { CHECK(item.value == expected++); });
  CHECK(expected == 5);
  queue.take_all(none);
  CHECK(queue.empty());
}

TEST_CASE("MpscQueue: only the push onto an empty queue says that the consumer must be woken") {
  Queue queue;
  Item a, b, c;
  CHECK(queue.push(a));
  CHECK_FALSE(queue.push(b));
  queue.take_all([](Item&) {});
  CHECK(queue.push(c));
}

TEST_CASE("MpscQueue: a visited element may be pushed again, or destroyed, at once") {
  Queue queue;
  Item a(1);
  queue.push(a);
  int visits = 0;
  queue.take_all([&](Item& item) {
    if (++visits < 3) CHECK(queue.push(item));
  });
  CHECK(visits == 1);
  queue.take_all([&](Item&) { ++visits; });
  CHECK(visits == 2);

  for (int i = 0; i < 3; ++i) queue.push(*new Item(i));
  queue.take_all([](Item& item) { delete &item; });
}

TEST_CASE(
    "MpscQueue: elements pushed while it is emptied wait for the next time, and the consumer sees them") {
  Queue queue;
  auto items = numbered(4);
  queue.push(items[0]);
  queue.push(items[1]);
  std::vector<int> seen;
  const auto see = [&](Item& item) { seen.push_back(item.value); };
  queue.take_all([&](Item& item) {
    see(item);
    // The taker is not woken for it: it has not come to the end.
    if (item.value == 0) CHECK_FALSE(queue.push(items[2]));
  });
  CHECK_FALSE(queue.empty());
  CHECK(seen == std::vector{0, 1});
  CHECK_FALSE(queue.push(items[3]));
  queue.take_all(see);
  CHECK(queue.empty());
  CHECK(seen == std::vector{0, 1, 2, 3});
}

TEST_CASE("MpscQueue: pushes of many threads are not lost, doubled or out of their thread's order") {
  static constexpr int kThreads = 4;
  static constexpr int kEach = 20'000;
  Queue queue;
  std::atomic<int> wakes{0};
  std::atomic<bool> looks{false};  // before it sleeps
  std::vector<std::deque<Item>> items;
  for (int from = 0; from < kThreads; ++from) items.push_back(numbered(kEach, from));
  std::vector<int> next(kThreads, 0);
  int taken = 0;
  std::thread taker([&] {
    // Sleeps as an I/O thread does.
    const auto until = std::chrono::steady_clock::now() + testing::kWaitMax;
    while (taken < kThreads * kEach && std::chrono::steady_clock::now() < until) {
      looks = true;
      queue.take_all([&](Item& item) {
        int& expected = next[static_cast<std::size_t>(item.from)];
        if (item.value == expected) ++expected;
        ++taken;
      });
      looks = false;
      if (!queue.empty() || taken == kThreads * kEach) continue;
      while (wakes.exchange(0) == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    }
  });
  std::vector<std::thread> pushers;
  for (auto& own : items) {
    pushers.emplace_back([&] {
      for (Item& item : own) {
        if (queue.push(item) && !looks) wakes.fetch_add(1);
      }
    });
  }
  for (auto& pusher : pushers) pusher.join();
  taker.join();
  CHECK(taken == kThreads * kEach);
  for (const int count : next) CHECK(count == kEach);
}

}  // namespace
}  // namespace sluice::core
