#include "lib/call/priority_queue.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <string>

namespace sluice::core::testing {
namespace {

struct WaitTag;
struct Item : ListHook<WaitTag> {
  Item(char of, bool is_free) : name(of), free(is_free) {}
  char name;
  bool free;
};

struct Fixture {
  void push(const std::string& names, Priority priority, bool free = true) {
    for (const char name : names) queue.push_back(items.emplace_back(name, free), priority);
  }
  std::string pop_all() {
    std::string names;
    while (const Item* item = queue.pop_front()) names += item->name;
    return names;
  }
  Item* take_free() {
    return queue.take_if([](const Item& item) { return item.free; });
  }

  std::deque<Item> items;
  PriorityQueue<Item, WaitTag> queue;
};

TEST_CASE("PriorityQueue: the higher go first, and those of one priority in their order") {
  Fixture f;
  f.push("ab", Priority::low);
  f.push("kl", Priority::normal);
  f.push("xy", Priority::high);
  CHECK(f.pop_all() == "xyklab");
  CHECK(f.queue.empty());
}

TEST_CASE("PriorityQueue: every sixteenth is the oldest of the lowest") {
  Fixture f;
  f.push("ab", Priority::low);
  f.push(std::string(40, 'x'), Priority::high);
  CHECK(f.pop_all() == std::string(15, 'x') + "a" + std::string(15, 'x') + "b" + std::string(10, 'x'));
}

TEST_CASE("PriorityQueue: an element that may not go keeps its position, and delays no other") {
  Fixture f;
  f.push("x", Priority::high, false);
  f.push("y", Priority::high);
  CHECK(f.take_free()->name == 'y');
  CHECK(f.take_free() == nullptr);
  f.push("z", Priority::high);
  CHECK(f.pop_all() == "xz");
}

TEST_CASE("PriorityQueue: the round does not advance if no element may go") {
  Fixture f;
  f.push("a", Priority::low);
  f.push(std::string(20, 'x'), Priority::high);
  std::string names;
  while (names.size() < 16) {
    for (auto& item : f.items) item.free = false;
    CHECK(f.take_free() == nullptr);
    for (auto& item : f.items) item.free = true;
    names += f.take_free()->name;
  }
  CHECK(names == std::string(15, 'x') + "a");
}

TEST_CASE("PriorityQueue: shows the probable next element, and leaves it there") {
  Fixture f;
  CHECK(f.queue.likely_next() == nullptr);
  f.push("ab", Priority::low);
  CHECK(f.queue.likely_next()->name == 'a');
  f.push("xy", Priority::high);
  CHECK(f.queue.likely_next()->name == 'x');
  CHECK(f.pop_all() == "xyab");
}

TEST_CASE("PriorityQueue: an unlinked element has left") {
  Fixture f;
  f.push("abc", Priority::normal);
  static_cast<ListHook<WaitTag>&>(f.items[1]).unlink();
  CHECK(f.pop_all() == "ac");
}

}  // namespace
}  // namespace sluice::core::testing
