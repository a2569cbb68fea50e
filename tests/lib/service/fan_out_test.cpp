#include <sluice/service/fan_out.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

using testing::eventually;
using testing::Gate;
using testing::OpenAtEnd;

WaitLimit patient(std::stop_token stop = {}) { return WaitLimit::within(testing::kWaitMax, std::move(stop)); }

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST_CASE("fan_out: results come in the order of the inputs") {
  TaskPool pool(3, 16);
  const auto squares = fan_out(pool, numbers(1000), 4, patient(), [](int n) { return n * n; });
  REQUIRE(squares.ok());
  REQUIRE(squares.value().size() == 1000);
  for (int n = 0; n < 1000; ++n) CHECK(squares.value()[static_cast<std::size_t>(n)] == n * n);
}

TEST_CASE("fan_out: any range and any result") {
  TaskPool pool(1, 4);
  const std::array<std::string, 2> names{"a", "bc"};
  const auto sizes = fan_out(pool, names, 2, patient(), [](const std::string& name) {
    return std::make_unique<std::size_t>(name.size());
  });
  CHECK(*sizes.value()[1] == 2);
  const auto odd = fan_out(pool, numbers(3), 2, patient(), [](int n) { return n % 2 == 1; });
  CHECK(odd.value() == std::vector<bool>{false, true, false});
  CHECK(fan_out(pool, std::vector<int>(), 2, patient(), [](int n) { return n; }).value().empty());
}

TEST_CASE("fan_out: uses as many threads as its width says, and no more") {
  TaskPool pool(8, 16);
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  Gate all_three;
  const auto result = fan_out(pool, numbers(200), 3, patient(), [&](int n) {
    const int now = ++at_once;
    for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
    }
    if (now == 3) all_three.open();
    all_three.wait();
    --at_once;
    return n;
  });
  CHECK(result.ok());
  CHECK(most == 3);
}

TEST_CASE("fan_out: goes on by itself where the pool has no thread to spare") {
  Gate go;
  std::atomic<bool> taken{false};
  TaskPool pool(1, 1);
  const OpenAtEnd open(go);
  CHECK(pool.try_post([&](const std::stop_token&) {
    taken = true;
    go.wait();
  }));
  CHECK(eventually([&] { return taken.load(); }));
  CHECK(fan_out(pool, numbers(100), 8, patient(), [](int n) { return n; }).ok());
}

TEST_CASE("fan_out: one inside the other, from many threads, on a pool of two") {
  TaskPool pool(2, 4);
  std::atomic<int> right{0};
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&] {
      const auto outer = fan_out(pool, numbers(10), 4, patient(), [&](int n) -> Result<int> {
        const auto inner = fan_out(pool, numbers(20), 4, patient(), [n](int m) { return n * m; });
        if (!inner.ok()) return inner.error();
        return std::accumulate(inner.value().begin(), inner.value().end(), 0);
      });
      if (outer.ok() && std::accumulate(outer.value().begin(), outer.value().end(), 0) == 45 * 190) ++right;
    });
  }
  callers.clear();
  CHECK(right == 8);
}

TEST_CASE("fan_out: the first error is the result, and nothing is begun after it") {
  TaskPool pool(2, 8);
  std::atomic<int> begun{0};
  const auto result =
      fan_out(pool, numbers(10'000), 3, patient(), [&](int n, const std::stop_token& stop) -> Result<int> {
        ++begun;
        if (n == 5) return Error{5, "five"};
        if (n > 5) CHECK(eventually([&] { return stop.stop_requested(); }));
        return n;
      });
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == 5);
  CHECK(begun <= 8);
}

TEST_CASE("fan_out: an exception of the function leaves it, from whichever thread it came") {
  TaskPool pool(3, 8);
  for (int thrower = 0; thrower < 50; ++thrower) {
    std::atomic<int> running{0};
    const auto run = [&] {
      return fan_out(pool, numbers(50), 4, patient(), [&](int n) {
        ++running;
        if (n == thrower) {
          --running;
          throw std::out_of_range(std::to_string(n));
        }
        --running;
        return n;
      });
    };
    CHECK_THROWS_WITH_AS(run(), std::to_string(thrower).c_str(), std::out_of_range);
    CHECK(running == 0);
  }
}

TEST_CASE("fan_out: stops at the caller's stop token, and at its deadline") {
  TaskPool pool(2, 8);
  std::stop_source stop;
  const auto stopped =
      fan_out(pool, numbers(1000), 3, patient(stop.get_token()), [&](int n, const std::stop_token& token) {
        if (n == 3) stop.request_stop();
        if (n >= 3) CHECK(eventually([&] { return token.stop_requested(); }));
        return n;
      });
  CHECK(stopped.error().code == -32800);
  int begun = 0;
  const WaitLimit past{WaitLimit::Clock::time_point{}};
  const auto late = fan_out(pool, numbers(10), 1, past, [&](int n) { return ++begun, n; });
  CHECK(late.error().code == -32002);
  CHECK(begun == 0);
}

TEST_CASE("fan_out: helpers that come after its end touch nothing") {
  std::atomic<bool> after{false};
  Gate go;
  TaskPool pool(1, 64);
  {
    const OpenAtEnd open(go);
    std::atomic<bool> taken{false};
    CHECK(pool.try_post([&](const std::stop_token&) {
      taken = true;
      go.wait();
    }));
    CHECK(eventually([&] { return taken.load(); }));
    for (int i = 0; i < 20; ++i) {
      auto inputs = std::make_unique<std::vector<int>>(numbers(10));
      CHECK(fan_out(pool, *inputs, 2, patient(), [](int n) { return n; }).ok());
    }
  }
  CHECK(pool.try_post([&](const std::stop_token&) { after = true; }));
  CHECK(eventually([&] { return after.load(); }));
}

}  // namespace
}  // namespace sluice
