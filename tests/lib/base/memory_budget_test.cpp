#include "lib/base/memory_budget.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sluice::core {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

struct Fixture {
  int relieved_first = 0;
  int relieved_second = 0;
  int released = 0;
  MemoryBudget budget{16 * kMiB};
  MemoryBudget::Share& first = budget.add_share([this] { ++relieved_first; });
  MemoryBudget::Share& second = budget.add_share([this] { ++relieved_second; });
  Fixture() {
    budget.on_release([this] { ++released; });
  }
};

TEST_CASE("MemoryBudget: it is short in the last quarter of the common maximum") {
  Fixture fixture;
  fixture.budget.count(fixture.first, 0, 8 * kMiB);
  CHECK_FALSE(fixture.budget.exceeded());
  fixture.budget.count(fixture.second, 0, 6 * kMiB);
  CHECK(fixture.budget.exceeded());
  CHECK(fixture.budget.held_approx() == 14 * kMiB);
  fixture.budget.count(fixture.second, 6 * kMiB, 4 * kMiB);
  CHECK_FALSE(fixture.budget.exceeded());
  fixture.budget.set_max(15 * kMiB);
  CHECK(fixture.budget.exceeded());
}

TEST_CASE("MemoryBudget: much is held from an eighth of the maximum on, until it is less than a sixteenth") {
  Fixture fixture;
  std::vector<bool> changes;
  fixture.budget.on_much_held([&] { changes.push_back(fixture.budget.much_held()); });
  fixture.budget.count(fixture.first, 0, 2 * kMiB);
  CHECK_FALSE(fixture.budget.much_held());
  fixture.budget.count(fixture.second, 0, kMiB);
  CHECK(fixture.budget.much_held());
  fixture.budget.count(fixture.first, 2 * kMiB, kMiB);
  CHECK(fixture.budget.much_held());
  fixture.budget.count(fixture.first, kMiB, 0);
  CHECK_FALSE(fixture.budget.much_held());
  CHECK(changes == std::vector<bool>{true, false});
}

TEST_CASE("MemoryBudget: in the last eighth the thread whose connection holds most is asked for relief") {
  Fixture fixture;
  fixture.budget.count(fixture.first, 0, 9 * kMiB);
  fixture.budget.count(fixture.second, 0, 5 * kMiB);
  CHECK(fixture.relieved_first == 0);
  fixture.budget.count(fixture.second, 5 * kMiB, 6 * kMiB);
  CHECK(fixture.relieved_first == 1);
  CHECK(fixture.relieved_second == 0);
  fixture.budget.count(fixture.first, 9 * kMiB, 0);
  fixture.first.set_largest(0);
  fixture.budget.count(fixture.second, 6 * kMiB, 15 * kMiB);
  CHECK(fixture.relieved_second == 1);
}

TEST_CASE("MemoryBudget: much less than before, or many ends, are worth a release of memory") {
  Fixture fixture;
  fixture.budget.count(fixture.first, 0, 3 * MemoryBudget::kReleaseBytes);
  CHECK(fixture.released == 0);
  fixture.budget.count(fixture.first, 3 * MemoryBudget::kReleaseBytes, 2 * MemoryBudget::kReleaseBytes);
  CHECK(fixture.released == 1);
  for (std::size_t ends = 0; ends < MemoryBudget::kReleaseEnds; ++ends)
    fixture.budget.note_end(fixture.first);
  CHECK(fixture.released == 2);
}

TEST_CASE("MemoryBudget: it is not short any more when all threads have released their memory at once") {
  MemoryBudget budget(16 * kMiB);
  MemoryBudget::Share& first = budget.add_share([] {});
  MemoryBudget::Share& second = budget.add_share([] {});
  std::atomic<int> arrived{0};
  const auto meet = [&arrived](int times) {
    ++arrived;
    while (arrived.load() < 2 * times) std::this_thread::yield();
  };
  int still_short = 0;
  const auto come_and_go = [&](MemoryBudget::Share& share, bool looks) {
    for (int times = 0; times < 3 * 2000;) {
      budget.count(share, 0, 8 * kMiB);
      meet(++times);
      budget.count(share, 8 * kMiB, 0);
      meet(++times);
      if (looks && budget.exceeded()) ++still_short;
      meet(++times);
    }
  };
  std::thread other([&] { come_and_go(second, false); });
  come_and_go(first, true);
  other.join();
  CHECK(still_short == 0);
}

TEST_CASE("MemoryBudget: memory that belongs to no connection counts as well") {
  Fixture fixture;
  fixture.budget.count(fixture.first, 0, 9 * kMiB);
  fixture.budget.count_unowned(fixture.second, 5 * kMiB);
  CHECK(fixture.budget.exceeded());
  CHECK(fixture.budget.held_approx() == 14 * kMiB);
  CHECK(fixture.relieved_first == 0);
  fixture.budget.count_unowned(fixture.second, 8 * kMiB);
  CHECK(fixture.relieved_first == 1);
  fixture.budget.count_unowned(fixture.second, 0);
  CHECK_FALSE(fixture.budget.exceeded());
  CHECK(fixture.released == 1);
}

TEST_CASE("MemoryBudget: no connection is closed for others' memory if that would not help") {
  Fixture fixture;
  fixture.budget.count_unowned(fixture.first, 14 * kMiB);
  fixture.budget.count(fixture.second, 0, 7 * kMiB);
  CHECK(fixture.budget.exceeded());
  CHECK(fixture.relieved_second == 0);
  fixture.budget.count(fixture.second, 7 * kMiB, 9 * kMiB);
  CHECK(fixture.relieved_second == 1);
}

}  // namespace
}  // namespace sluice::core
