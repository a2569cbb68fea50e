#include "lib/call/cancellation.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace sluice::core {
namespace {

TEST_CASE("Cancellation: a token that was taken before the request sees it") {
  Cancellation cancellation;
  const std::stop_token token = cancellation.token();
  int called = 0;
  const std::stop_callback callback(token, [&called] { ++called; });
  CHECK_FALSE(cancellation.requested());
  CHECK(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
  cancellation.request();
  CHECK(cancellation.requested());
  CHECK(token.stop_requested());
  CHECK(called == 1);
}

TEST_CASE("Cancellation: a token that is taken after the request has stop requested already") {
  Cancellation cancellation;
  cancellation.request();
  CHECK(cancellation.requested());
  int called = 0;
  const std::stop_callback callback(cancellation.token(), [&called] { ++called; });
  CHECK(called == 1);
}

TEST_CASE("Cancellation: callbacks run once, however often stop is requested") {
  Cancellation cancellation;
  int called = 0;
  const std::stop_callback callback(cancellation.token(), [&called] { ++called; });
  cancellation.request();
  cancellation.request();
  CHECK(called == 1);
}

TEST_CASE("Cancellation: a callback may ask for another token and for stop") {
  Cancellation cancellation;
  bool inner = false;
  const std::stop_callback callback(cancellation.token(), [&] {
    cancellation.request();
    inner = cancellation.token().stop_requested();
  });
  cancellation.request();
  CHECK(inner);
}

TEST_CASE("Cancellation: after a reset nothing is left of the call before") {
  Cancellation cancellation;
  const std::stop_token before = cancellation.token();
  cancellation.request();
  cancellation.reset();
  CHECK_FALSE(cancellation.requested());
  CHECK_FALSE(cancellation.token().stop_requested());
  CHECK(before.stop_requested());
  cancellation.reset();
  const std::stop_token kept = cancellation.token();
  cancellation.reset();
  cancellation.request();
  CHECK_FALSE(kept.stop_requested());
}

TEST_CASE("Cancellation: of a request and a taking of the token at the same time neither is lost") {
  for (int i = 0; i < 300; ++i) {
    Cancellation cancellation;
    std::atomic<int> ready{0};
    std::atomic<int> called{0};
    const auto meet = [&ready] {
      ready.fetch_add(1);
      while (ready.load() < 2) std::this_thread::yield();
    };
    std::thread canceller([&] {
      meet();
      cancellation.request();
    });
    {
      meet();
      const std::stop_callback callback(cancellation.token(), [&called] { called.fetch_add(1); });
      canceller.join();
    }
    REQUIRE(called.load() == 1);
  }
}

}  // namespace
}  // namespace sluice::core
