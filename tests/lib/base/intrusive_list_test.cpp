#include "lib/base/intrusive_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

namespace sluice::core {
namespace {

struct OneTag;
struct OtherTag;
struct Item : ListHook<OneTag>, ListHook<OtherTag> {
  explicit Item(int of) : value(of) {}
  int value;
};
using One = IntrusiveList<Item, OneTag>;
using Other = IntrusiveList<Item, OtherTag>;

std::vector<int> values(One& list) {
  std::vector<int> all;
  list.for_each([&all](Item& item) { all.push_back(item.value); });
  return all;
}

bool linked(const Item& item) { return static_cast<const ListHook<OneTag>&>(item).linked(); }
void unlink(Item& item) { static_cast<ListHook<OneTag>&>(item).unlink(); }

TEST_CASE("IntrusiveList: gives elements back in the order of pushing") {
  Item a(1), b(2), c(3);
  One list;
  CHECK(list.empty());
  CHECK(list.front() == nullptr);
  CHECK(list.pop_front() == nullptr);
  for (Item* item : {&a, &b, &c}) list.push_back(*item);
  CHECK(list.front() == &a);
  CHECK(list.pop_front() == &a);
  CHECK_FALSE(linked(a));
  CHECK(list.pop_front() == &b);
  CHECK(list.pop_front() == &c);
  CHECK(list.empty());
}

TEST_CASE("IntrusiveList: an element leaves from the front, the middle and the end") {
  Item a(1), b(2), c(3), d(4);
  One list;
  for (Item* item : {&a, &b, &c, &d}) list.push_back(*item);
  unlink(b);
  CHECK(values(list) == std::vector<int>{1, 3, 4});
  unlink(a);
  CHECK(values(list) == std::vector<int>{3, 4});
  unlink(d);
  CHECK(values(list) == std::vector<int>{3});
  unlink(d);
  CHECK(values(list) == std::vector<int>{3});
  list.push_back(a);
  CHECK(values(list) == std::vector<int>{3, 1});
}

TEST_CASE("IntrusiveList: an element can be in one list for each of its tags") {
  Item a(1), b(2);
  One one;
  Other other;
  one.push_back(a);
  one.push_back(b);
  other.push_back(b);
  other.push_back(a);
  CHECK(one.pop_front() == &a);
  CHECK(other.front() == &b);
  CHECK(other.pop_front() == &b);
  CHECK(other.pop_front() == &a);
  CHECK(one.pop_front() == &b);
}

TEST_CASE("IntrusiveList: takes all of another's elements, in their order, behind its own") {
  Item a(1), b(2), c(3);
  One list, from;
  list.push_back(a);
  from.push_back(b);
  from.push_back(c);
  list.take_all(from);
  CHECK(from.empty());
  CHECK(values(list) == std::vector<int>{1, 2, 3});
  list.take_all(from);
  CHECK(values(list) == std::vector<int>{1, 2, 3});
}

TEST_CASE("IntrusiveList: a visit may remove the element that it is given, or move it to another list") {
  std::deque<Item> items;
  One list, even;
  for (int i = 0; i < 10; ++i) list.push_back(items.emplace_back(i));
  list.for_each([&even](Item& item) {
    if (item.value % 3 == 0) return unlink(item);
    if (item.value % 2 == 0) {
      unlink(item);
      even.push_back(item);
    }
  });
  CHECK(values(list) == std::vector<int>{1, 5, 7});
  CHECK(values(even) == std::vector<int>{2, 4, 8});
}

TEST_CASE("IntrusiveList: finds the first that matches, or nothing") {
  Item a(1), b(2), c(2);
  One list;
  for (Item* item : {&a, &b, &c}) list.push_back(*item);
  CHECK(list.find_if([](const Item& item) { return item.value == 2; }) == &b);
  CHECK(list.find_if([](const Item& item) { return item.value == 3; }) == nullptr);
}

TEST_CASE("IntrusiveList: a list that ends leaves its elements unlinked") {
  Item a(1), b(2);
  {
    One list;
    list.push_back(a);
    list.push_back(b);
  }
  CHECK_FALSE(linked(a));
  CHECK_FALSE(linked(b));
}

TEST_CASE("IntrusiveList: does what a plain list does, whatever is pushed and removed") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::deque<Item> items;
  for (int i = 0; i < 30; ++i) items.emplace_back(i);
  One list;
  std::vector<int> model;
  for (int i = 0; i < 5000; ++i) {
    Item& item = items[random() % items.size()];
    if (random() % 5 == 0) {
      Item* const front = list.pop_front();
      REQUIRE((front == nullptr) == model.empty());
      if (front == nullptr) continue;
      REQUIRE(front->value == model.front());
      model.erase(model.begin());
    } else if (linked(item)) {
      unlink(item);
      std::erase(model, item.value);
    } else {
      list.push_back(item);
      model.push_back(item.value);
    }
    REQUIRE(values(list) == model);
  }
}

}  // namespace
}  // namespace sluice::core
