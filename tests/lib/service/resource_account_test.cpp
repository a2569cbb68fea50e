#include <sluice/service/resource_account.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace sluice {
namespace {

constexpr std::uint64_t kEverything = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("ResourceAccount: units are taken up to the limit, and released at the reservation's end") {
  const ResourceAccount account(10);
  {
    const auto first = account.try_reserve(7);
    REQUIRE(first);
    CHECK(first->units() == 7);
    CHECK_FALSE(account.try_reserve(4));
    CHECK(account.try_reserve(3));
    CHECK(account.current() == 7);
  }
  CHECK(account.current() == 0);
  CHECK(account.peak() == 10);
  CHECK(account.limit() == 10);
}

TEST_CASE("ResourceAccount: no amount is large enough to overflow") {
  const ResourceAccount account(kEverything);
  const auto most = account.try_reserve(kEverything - 1);
  REQUIRE(most);
  CHECK_FALSE(account.try_reserve(kEverything));
  CHECK_FALSE(account.try_reserve(2));
  CHECK(account.try_reserve(1));
  CHECK(account.try_reserve(0));
}

TEST_CASE("Reservation: moving it moves the units, and assigning to it releases its old units") {
  const ResourceAccount account(10);
  Reservation first = *account.try_reserve(2);
  Reservation second = std::move(first);
  CHECK(first.units() == 0);
  CHECK(second.units() == 2);
  second = *account.try_reserve(5);
  CHECK(account.current() == 5);
  second = Reservation();
  CHECK(account.current() == 0);
  CHECK(account.peak() == 7);
}

TEST_CASE("Reservation: grows while there is room, shrinks always") {
  const ResourceAccount account(10);
  Reservation mine = *account.try_reserve(4);
  const Reservation other = *account.try_reserve(4);
  CHECK_FALSE(mine.try_resize(7));
  CHECK(mine.units() == 4);
  CHECK(mine.try_resize(6));
  CHECK(account.current() == 10);
  CHECK(mine.try_resize(1));
  CHECK(account.current() == 5);
  mine.release();
  mine.release();
  CHECK(account.current() == 4);
  CHECK_FALSE(mine.try_resize(1));
}

TEST_CASE("ResourceAccount: units of a part are taken from the whole") {
  const ResourceAccount whole(10);
  const ResourceAccount left(8, whole);
  const ResourceAccount right(8, whole);
  const auto taken = left.try_reserve(6);
  REQUIRE(taken);
  CHECK(whole.current() == 6);
  CHECK_FALSE(left.try_reserve(3));
  CHECK_FALSE(right.try_reserve(5));
  CHECK(right.current() == 0);
  CHECK(right.peak() == 0);
  CHECK(right.try_reserve(4));
  CHECK(whole.peak() == 10);
}

TEST_CASE("Reservation: outlives the handles of its account") {
  const ResourceAccount whole(10);
  Reservation kept;
  {
    const ResourceAccount part(5, whole);
    kept = *part.try_reserve(5);
  }
  CHECK(whole.current() == 5);
  kept.release();
  CHECK(whole.current() == 0);
}

TEST_CASE("ResourceAccount: many threads never have more than there is, and everything comes back") {
  static constexpr int kThreads = 8;
  const ResourceAccount whole(100);
  const ResourceAccount parts[2] = {ResourceAccount(70, whole), ResourceAccount(70, whole)};
  std::atomic<std::uint64_t> held{0};
  std::atomic<int> beyond{0};
  std::atomic<int> granted{0};
  {
    std::vector<std::jthread> threads;
    for (int id = 0; id < kThreads; ++id) {
      threads.emplace_back([&, id] {
        std::mt19937 random(static_cast<unsigned>(id));
        for (int i = 0; i < 20'000; ++i) {
          const std::uint64_t units = random() % 40;
          const auto taken = parts[id % 2].try_reserve(units);
          if (!taken) continue;
          ++granted;
          if (held.fetch_add(units) + units > 100) ++beyond;
          held.fetch_sub(units);
        }
      });
    }
  }
  CHECK(beyond == 0);
  CHECK(granted > 0);
  CHECK(whole.current() == 0);
  CHECK(parts[0].current() == 0);
  CHECK(whole.peak() <= 100);
  CHECK(parts[1].peak() <= 70);
}

}  // namespace
}  // namespace sluice
