#include "lib/call/fair_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

struct WaitTag;
struct Item final : FairHook<Item, WaitTag> {
  explicit Item(std::string of) : name(std::move(of)) {}
  ~Item() { unlink(); }
  std::string name;
};

using Queue = FairQueue<Item, WaitTag>;

struct Fixture {
  // Who waits is called as its client, with a number: "a1".
  Item& push(const std::string& name, Priority priority = Priority::normal) {
    Item& item = items.emplace_back(name);
    item.client = &clients[name[0]];
    item.waits_since = now;
    queue.push_back(item, priority);
    return item;
  }
  void push_all(const std::vector<std::string>& names) {
    for (const std::string& name : names) push(name);
  }
  std::string pop() {
    const Item* const item = queue.pop(now);
    return item != nullptr ? item->name : "";
  }
  std::vector<std::string> pop_all() {
    std::vector<std::string> names;
    for (std::string name = pop(); !name.empty(); name = pop()) names.push_back(name);
    return names;
  }
  Item* next() {
    return queue.lightest(now, [](const void*) { return 0; });
  }
  void wait_long() { now += Queue::kFifoWindow; }
  char name_of(const void* client) const {
    return std::ranges::find_if(clients, [&](const auto& each) { return &each.second == client; })->first;
  }

  std::map<char, int> clients;
  TimePoint now{std::chrono::hours(1)};
  Queue queue;
  std::deque<Item> items;  // gone before the queue
};

using Names = std::vector<std::string>;

TEST_CASE("FairQueue: elements that have not waited for long leave in the order of arrival") {
  Fixture fixture;
  fixture.push_all({"a1", "a2", "a3", "b1", "a4"});
  fixture.now += Queue::kFifoWindow - std::chrono::nanoseconds(1);
  CHECK(fixture.pop_all() == Names{"a1", "a2", "a3", "b1", "a4"});
  CHECK(fixture.queue.empty());
}

TEST_CASE("FairQueue: clients are served round-robin once one has waited for long") {
  Fixture fixture;
  fixture.push_all({"a1", "a2", "a3", "a4", "b1", "b2", "c1"});
  fixture.wait_long();
  CHECK(fixture.pop_all() == Names{"a1", "b1", "c1", "a2", "b2", "a3", "a4"});
  CHECK(fixture.queue.empty());
}

TEST_CASE("FairQueue: a newcomer goes before the client whose call was the last to go") {
  Fixture fixture;
  fixture.push_all({"a1", "a2", "a3"});
  CHECK(fixture.pop() == "a1");
  fixture.push("b1");
  fixture.wait_long();
  CHECK(fixture.pop() == "b1");
  CHECK(fixture.pop() == "a2");
  // The same among lanes that there are.
  fixture.push_all({"c1", "b2"});
  CHECK(fixture.pop_all() == Names{"c1", "b2", "a3"});
}

TEST_CASE("FairQueue: endless newcomers starve no client") {
  Fixture fixture;
  fixture.push_all({"a1", "a2", "a3"});
  fixture.wait_long();
  int others = 0;
  for (int i = 0; i < 3; ++i) {
    for (std::string name = "b"; name[0] != 'a';) {
      name = fixture.pop();
      others += name[0] != 'a';
      fixture.push(i % 2 == 0 ? "b" : "c");
      REQUIRE(others < 10);
    }
  }
}

TEST_CASE("FairQueue: a client waits behind at most one of each other, whatever comes and goes") {
  std::mt19937 random(18);
  for (int round = 0; round < 200; ++round) {
    Fixture fixture;
    std::map<const Item*, std::map<char, int>>
        ahead;  // clients that were served since, for each waiting element
    std::map<char, std::deque<const Item*>> own;
    for (int step = 0; step < 300; ++step) {
      if (random() % 5 < 3) {
        const std::string name(1, static_cast<char>('a' + random() % (1 + random() % 6)));
        const Item& item = fixture.push(name);
        own[name[0]].push_back(&item);
        if (own[name[0]].size() == 1) ahead[&item];
      } else if (random() % 4 == 0 && !ahead.empty()) {
        // One gives up.
        auto& items = own[ahead.begin()->first->name[0]];
        const_cast<Item*>(items.back())->unlink();
        ahead.erase(items.back());
        items.pop_back();
      } else if (const Item* const gone = fixture.queue.pop(fixture.now)) {
        const char client = gone->name[0];
        REQUIRE(own[client].front() == gone);
        own[client].pop_front();
        ahead.erase(gone);
        for (auto& [item, who] : ahead) CHECK(++who[client] <= 1);
        // The next of its own is first now.
        if (!own[client].empty()) ahead[own[client].front()];
      } else {
        CHECK(fixture.queue.empty());
      }
      fixture.wait_long();
    }
  }
}

TEST_CASE("FairQueue: where clients have a weight, the lightest goes first, whichever was served last") {
  Fixture fixture;
  std::map<char, int> weights{{'a', 2}, {'b', 0}, {'c', 1}};
  const auto take = [&] {
    Item* const item = fixture.queue.lightest(
        fixture.now, [&](const void* client) { return weights[fixture.name_of(client)]; });
    if (item == nullptr) return std::string();
    fixture.queue.take(*item);
    return item->name;
  };
  fixture.push_all({"a1", "a2", "b1", "c1"});
  CHECK(take() == "a1");  // nothing has waited for long
  fixture.wait_long();
  CHECK(take() == "b1");
  fixture.push("b2");
  CHECK(take() == "b2");
  fixture.push("a3", Priority::high);
  CHECK(take() == "a3");
  CHECK(take() == "c1");
  CHECK(take() == "a2");
  CHECK(take().empty());
  CHECK(fixture.queue.empty());
}

TEST_CASE("FairQueue: priorities come first, and clients are served round-robin within each") {
  Fixture fixture;
  fixture.push("a1", Priority::low);
  fixture.push("a2", Priority::low);
  fixture.push("b1", Priority::low);
  fixture.push("a3");
  fixture.push("a4");
  fixture.push("b2");
  fixture.push("a5", Priority::high);
  fixture.wait_long();
  CHECK(fixture.pop_all() == Names{"a5", "a3", "b2", "a4", "a1", "b1", "a2"});
}

TEST_CASE("FairQueue: the oldest of the lowest gets its share among high ones in lanes") {
  Fixture fixture;
  fixture.push("low", Priority::low);
  for (int i = 0; i < 40; ++i) fixture.push("high", Priority::high);
  fixture.wait_long();
  Names names = fixture.pop_all();
  REQUIRE(names.size() == 41);
  names.resize(16);
  CHECK(names.back() == "low");
}

TEST_CASE("FairQueue: an unlinked element has left, and its client keeps its position") {
  Fixture fixture;
  Item& first = fixture.push("a1");
  Item& second = fixture.push("a2");
  fixture.push("a3");
  Item& only = fixture.push("b1");
  fixture.push("c1");
  fixture.wait_long();
  CHECK(fixture.next()->name == "a1");
  first.unlink();
  CHECK_FALSE(first.linked());
  CHECK(fixture.next() == &second);
  only.unlink();
  CHECK(fixture.pop() == "a2");
  CHECK(fixture.pop_all() == Names{"c1", "a3"});
  CHECK(fixture.queue.empty());
  fixture.push("b2");
  CHECK(fixture.pop() == "b2");
}

TEST_CASE("FairQueue: an element that may not go keeps its position, and delays no other") {
  Fixture fixture;
  fixture.push_all({"a1", "a2", "b1", "b2"});
  fixture.wait_long();
  const auto may_go = [](const Item& item) { return item.name != "a1"; };
  CHECK(fixture.queue.take_if(fixture.now, may_go)->name == "a2");
  CHECK(fixture.queue.take_if(fixture.now, may_go)->name == "b1");
  CHECK(fixture.queue.take_if(fixture.now, may_go)->name == "b2");
  CHECK(fixture.queue.take_if(fixture.now, may_go) == nullptr);
  CHECK(fixture.pop_all() == Names{"a1"});
}

TEST_CASE("FairQueue: without fairness the order of arrival counts") {
  Fixture fixture;
  fixture.queue.set_fair(false);
  fixture.push_all({"a1", "a2", "b1"});
  fixture.wait_long();
  CHECK(fixture.pop_all() == Names{"a1", "a2", "b1"});
}

TEST_CASE("FairQueue: more clients than there are hashes have a lane each") {
  Fixture fixture;
  std::array<char, 1000> clients{};
  for (int round = 0; round < 2; ++round) {
    for (char& client : clients) {
      Item& item = fixture.items.emplace_back(std::to_string(round));
      item.client = &client;
      item.waits_since = fixture.now;
      fixture.queue.push_back(item, Priority::normal);
    }
  }
  fixture.wait_long();
  // Some are given up.
  std::size_t left = fixture.items.size();
  REQUIRE(fixture.next() != nullptr);
  for (std::size_t i = 0; i < fixture.items.size(); i += 7, --left) fixture.items[i].unlink();
  std::size_t visited = 0;
  fixture.queue.for_each([&](const Item&) { ++visited; });
  CHECK(visited == left);
  std::map<const void*, int> seen;
  while (const Item* const item = fixture.queue.pop(fixture.now)) {
    ++seen[item->client];
    --left;
  }
  CHECK(left == 0);
  CHECK(seen.size() == clients.size());
}

}  // namespace
}  // namespace sluice::core
