#include "lib/base/mpsc_stack.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice::core {
namespace {

struct Item {
  int from = 0;
  int value = 0;
  Item* next = nullptr;
};
using Stack = MpscStack<Item, &Item::next>;

TEST_CASE("MpscStack: everything is taken at once, oldest first") {
  Stack stack;
  CHECK(stack.take_all() == nullptr);
  std::vector<Item> items(5);
  for (int i = 0; i < 5; ++i) {
    items[static_cast<std::size_t>(i)].value = i;
    stack.push(items[static_cast<std::size_t>(i)]);
  }
  int expected = 0;
  for (Item* item = stack.take_all(); item != nullptr; item = item->next) CHECK(item->value == expected++);
  CHECK(expected == 5);
  CHECK(stack.take_all() == nullptr);
}

TEST_CASE("MpscStack: only the push onto an empty stack says that the taker must be woken") {
  Stack stack;
  Item a, b, c;
  CHECK(stack.push(a));
  CHECK_FALSE(stack.push(b));
  stack.take_all();
  CHECK(stack.push(c));
}

TEST_CASE("MpscStack: of many threads' pushes none is lost, doubled or out of its thread's order") {
  static constexpr int kThreads = 4;
  static constexpr int kEach = 20'000;
  Stack stack;
  std::atomic<int> wakes{0};
  std::vector<std::vector<Item>> items(kThreads, std::vector<Item>(kEach));
  std::vector<int> next(kThreads, 0);
  int taken = 0;
  int takes = 0;
  std::thread taker([&] {
    // Takes only when it has been woken, as an I/O thread does.
    const auto until = std::chrono::steady_clock::now() + testing::kPatience;
    while (taken < kThreads * kEach && std::chrono::steady_clock::now() < until) {
      if (wakes.load() == 0) {
        std::this_thread::yield();
        continue;
      }
      wakes.fetch_sub(1);
      ++takes;
      for (Item* item = stack.take_all(); item != nullptr;) {
        Item* const after = item->next;
        if (item->value == next[static_cast<std::size_t>(item->from)])
          ++next[static_cast<std::size_t>(item->from)];
        ++taken;
        item = after;
      }
    }
  });
  std::vector<std::thread> pushers;
  for (int from = 0; from < kThreads; ++from) {
    pushers.emplace_back([&, from] {
      for (int i = 0; i < kEach; ++i) {
        Item& item = items[static_cast<std::size_t>(from)][static_cast<std::size_t>(i)];
        item.from = from;
        item.value = i;
        if (stack.push(item)) wakes.fetch_add(1);
      }
    });
  }
  for (auto& pusher : pushers) pusher.join();
  taker.join();
  CHECK(taken == kThreads * kEach);
  CHECK(takes <= taken);
  for (const int count : next) CHECK(count == kEach);
  CHECK(wakes.load() == 0);
}

}  // namespace
}  // namespace sluice::core
