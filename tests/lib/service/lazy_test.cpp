#include <sluice/service/lazy.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
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

// A factory that waits inside until it is released.
struct SlowFactory {
  Result<int> operator()(const WaitLimit& limit) {
    ++begun;
    while (!go.wait(std::chrono::milliseconds(1))) {
      if (limit.over()) return limit.error();
    }
    return outcome;
  }

  std::atomic<int> begun{0};
  Gate go;
  Result<int> outcome = 42;
};

TEST_CASE("Lazy: nothing is made before it is needed, and one is made for all") {
  int made = 0;
  Lazy<std::string> lazy([&](const WaitLimit&) { return "made " + std::to_string(++made); });
  CHECK(lazy.peek() == nullptr);
  std::string* const first = lazy.get(patient()).value();
  CHECK(*first == "made 1");
  CHECK(lazy.get(patient()).value() == first);
  CHECK(lazy.peek() == first);
}

TEST_CASE("Lazy: a hundred first callers make it once") {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> made{0};
    std::atomic<int> right{0};
    Lazy<int> lazy([&](const WaitLimit&) { return ++made; });
    Gate start;
    std::vector<std::jthread> callers;
    for (int i = 0; i < 100; ++i) {
      callers.emplace_back([&] {
        start.wait();
        if (const auto got = lazy.get(patient()); got.ok() && *got.value() == 1) ++right;
      });
    }
    start.open();
    callers.clear();
    CHECK(made == 1);
    CHECK(right == 100);
  }
}

TEST_CASE("Lazy: a failure is tried again by the next caller") {
  int tries = 0;
  Lazy<int> lazy([&](const WaitLimit&) -> Result<int> {
    if (++tries < 3) return Error{tries, "not yet"};
    return tries;
  });
  CHECK(lazy.get(patient()).error().code == 1);
  CHECK(lazy.get(patient()).error().code == 2);
  CHECK(lazy.peek() == nullptr);
  CHECK(*lazy.get(patient()).value() == 3);
}

TEST_CASE("Lazy: an exception leaves it as it was") {
  int tries = 0;
  Lazy<int> lazy([&](const WaitLimit&) -> Result<int> {
    if (++tries == 1) throw std::logic_error("broken");
    if (tries == 2) throw 2;
    return tries;
  });
  CHECK_THROWS_AS(lazy.get(patient()), std::logic_error);
  CHECK_THROWS_AS(lazy.get(patient()), int);
  CHECK(*lazy.get(patient()).value() == 3);
}

TEST_CASE("Lazy: callers that wait for an attempt get its error, and don't try one after the other") {
  SlowFactory factory;
  const OpenAtEnd open(factory.go);
  factory.outcome = Error{7, "no"};
  Lazy<int> lazy(std::ref(factory));
  std::atomic<int> failed{0};
  std::atomic<int> asked{0};
  const auto ask = [&] {
    ++asked;
    if (const auto got = lazy.get(patient()); !got.ok() && got.error().code == 7) ++failed;
  };
  std::vector<std::jthread> callers;
  for (int i = 0; i < 10; ++i) callers.emplace_back(ask);
  CHECK(eventually([&] { return factory.begun == 1 && asked == 10; }));
  factory.go.open();
  callers.clear();
  CHECK(failed == 10);
}

TEST_CASE("Lazy: callers that wait for an attempt that threw get its error") {
  Gate go;
  const OpenAtEnd open(go);
  std::atomic<int> begun{0};
  Lazy<int> lazy([&](const WaitLimit&) -> Result<int> {
    ++begun;
    go.wait();
    throw std::invalid_argument("what is wrong");
  });
  std::atomic<int> reported{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      try {
        static_cast<void>(lazy.get(patient()));
      } catch (const std::exception& error) {
        if (error.what() == std::string("what is wrong")) ++reported;
      }
    });
  }
  CHECK(eventually([&] { return begun == 1; }));
  go.open();
  callers.clear();
  CHECK(reported == 8);
}

TEST_CASE("Lazy: a waiting caller gives up at its own limit") {
  SlowFactory factory;
  const OpenAtEnd open(factory.go);
  Lazy<int> lazy(std::ref(factory));
  std::jthread maker([&] { CHECK(*lazy.get(patient()).value() == 42); });
  CHECK(eventually([&] { return factory.begun == 1; }));
  CHECK(lazy.get(WaitLimit::within(std::chrono::milliseconds(1))).error().code == -32002);
  std::stop_source stop;
  std::jthread waiter([&] { CHECK(lazy.get(patient(stop.get_token())).error().code == -32800); });
  stop.request_stop();
  waiter.join();
  factory.go.open();
  maker.join();
  CHECK(factory.begun == 1);
}

TEST_CASE("Lazy: a caller past its limit does not begin an attempt") {
  int made = 0;
  Lazy<int> lazy([&](const WaitLimit&) { return ++made; });
  CHECK(lazy.get(WaitLimit(WaitLimit::Clock::time_point{})).error().code == -32002);
  CHECK(made == 0);
}

TEST_CASE("Lazy: after a cancelled attempt a waiting caller makes the next one") {
  SlowFactory factory;
  const OpenAtEnd open(factory.go);
  Lazy<int> lazy(std::ref(factory));
  std::stop_source stop;
  std::jthread maker([&] { CHECK(lazy.get(patient(stop.get_token())).error().code == -32800); });
  CHECK(eventually([&] { return factory.begun == 1; }));
  std::jthread waiter([&] { CHECK(*lazy.get(patient()).value() == 42); });
  stop.request_stop();
  maker.join();
  CHECK(eventually([&] { return factory.begun == 2; }));
  factory.go.open();
  waiter.join();
}

TEST_CASE("Lazy: a service that can only be moved") {
  Lazy<std::unique_ptr<int>> lazy([](const WaitLimit&) { return std::make_unique<int>(3); });
  CHECK(**lazy.get(patient()).value() == 3);
}

}  // namespace
}  // namespace sluice
