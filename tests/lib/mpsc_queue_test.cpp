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
  const auto none = [](Item&) { FAIL("there is none"); };
  CHECK(queue.take_all(none));
  auto items = numbered(5);
  for (Item& item : items) queue.push(item);
  int expected = 0;
  CHECK(queue.take_all([&](Item& item) { CHECK(item.value == expected++); }));
  CHECK(expected == 5);
  CHECK(queue.take_all(none));
}

TEST_CASE("MpscQueue: only the push onto an empty queue says that the taker must be woken") {
  Queue queue;
  Item a, b, c;
  CHECK(queue.push(a));
  CHECK_FALSE(queue.push(b));
  CHECK(queue.take_all([](Item&) {}));
  CHECK(queue.push(c));
}

TEST_CASE("MpscQueue: what is visited may be pushed again, or destroyed, at once") {
  Queue queue;
  Item a(1);
  queue.push(a);
  int visits = 0;
  CHECK(queue.take_all([&](Item& item) {
    if (++visits < 3) CHECK(queue.push(item));
  }));
  CHECK(visits == 1);
  CHECK(queue.take_all([&](Item&) { ++visits; }));
  CHECK(visits == 2);

  for (int i = 0; i < 3; ++i) queue.push(*new Item(i));
  CHECK(queue.take_all([](Item& item) { delete &item; }));
}

TEST_CASE(
    "MpscQueue: what comes while it is being emptied is for the next time, which the taker is told of") {
  Queue queue;
  auto items = numbered(4);
  queue.push(items[0]);
  queue.push(items[1]);
  std::vector<int> seen;
  const auto see = [&](Item& item) { seen.push_back(item.value); };
  CHECK_FALSE(queue.take_all([&](Item& item) {
    see(item);
    // The taker is not woken for it: it has not come to the end.
    if (item.value == 0) CHECK_FALSE(queue.push(items[2]));
  }));
  CHECK(seen == std::vector{0, 1});
  CHECK_FALSE(queue.push(items[3]));
  CHECK(queue.take_all(see));
  CHECK(seen == std::vector{0, 1, 2, 3});
}

TEST_CASE("MpscQueue: of many threads' pushes none is lost, doubled or out of its thread's order") {
  static constexpr int kThreads = 4;
  static constexpr int kEach = 20'000;
  Queue queue;
  std::atomic<int> wakes{0};
  std::vector<std::deque<Item>> items;
  for (int from = 0; from < kThreads; ++from) items.push_back(numbered(kEach, from));
  std::vector<int> next(kThreads, 0);
  int taken = 0;
  std::thread taker([&] {
    // Takes only when it has been woken, as an I/O thread does.
    const auto until = std::chrono::steady_clock::now() + testing::kPatience;
    while (taken < kThreads * kEach && std::chrono::steady_clock::now() < until) {
      if (wakes.load() == 0) {
        std::this_thread::yield();
        continue;
      }
      wakes.fetch_sub(1);
      const bool all = queue.take_all([&](Item& item) {
        int& expected = next[static_cast<std::size_t>(item.from)];
        if (item.value == expected) ++expected;
        ++taken;
      });
      if (!all) wakes.fetch_add(1);
    }
  });
  std::vector<std::thread> pushers;
  for (auto& own : items) {
    pushers.emplace_back([&] {
      for (Item& item : own) {
        if (queue.push(item)) wakes.fetch_add(1);
      }
    });
  }
  for (auto& pusher : pushers) pusher.join();
  taker.join();
  CHECK(taken == kThreads * kEach);
  for (const int count : next) CHECK(count == kEach);
  CHECK(wakes.load() == 0);
}

}  // namespace
}  // namespace sluice::core
