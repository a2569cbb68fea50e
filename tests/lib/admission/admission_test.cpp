#include "lib/admission/admission.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::core {
namespace {

std::optional<Permit> admit(Admission& admission, MethodMetrics& method, std::size_t method_max = 0) {
  Permit permit;
  if (!admission.try_admit({method, method_max}, permit)) return std::nullopt;
  CHECK(permit);
  return permit;
}

Rejection rejection(Admission& admission, MethodMetrics& method, std::size_t method_max = 0) {
  Permit permit;
  const auto admitted = admission.try_admit({method, method_max}, permit);
  CHECK_FALSE(permit);
  REQUIRE_FALSE(admitted);
  return admitted.error();
}

// Whether a call was refused for that reason.
bool is(const Result<void, Rejection>& admitted, Rejection rejection) {
  return !admitted && admitted.error() == rejection;
}

TEST_CASE(
    "Admission: admits up to its limit, then refuses at once, and again admits when a permit comes back") {
  Admission admission(2);
  MethodMetrics method;
  auto first = admit(admission, method);
  auto second = admit(admission, method);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first);
  CHECK(rejection(admission, method) == Rejection::queue_full);
  CHECK(admission.in_flight_approx() == 2);
  CHECK(method.in_flight == 2);
  first.reset();
  CHECK(admission.in_flight_approx() == 1);
  CHECK(admit(admission, method));
}

TEST_CASE(
    "Admission: a method's own limit refuses only that method, and takes no permit of the other limit") {
  Admission admission(10);
  MethodMetrics limited;
  MethodMetrics other;
  const auto only = admit(admission, limited, 1);
  REQUIRE(only);
  CHECK(rejection(admission, limited, 1) == Rejection::method_busy);
  CHECK(admission.in_flight_approx() == 1);
  CHECK(limited.in_flight == 1);
  CHECK(admit(admission, other, 1));
}

TEST_CASE("Admission: a method without a limit of its own is held by the server's only") {
  Admission admission(100);
  MethodMetrics method;
  std::vector<Permit> permits;
  while (auto permit = admit(admission, method)) permits.push_back(std::move(*permit));
  CHECK(permits.size() == 100);
}

TEST_CASE("Admission: a limit that is lowered under load refuses until enough permits have come back") {
  Admission admission(4);
  MethodMetrics method;
  std::vector<Permit> permits;
  for (int i = 0; i < 4; ++i) permits.push_back(*admit(admission, method));
  admission.set_in_flight_max(2);
  permits.pop_back();
  permits.pop_back();
  CHECK_FALSE(admit(admission, method));
  permits.pop_back();
  CHECK(admit(admission, method));
  admission.set_in_flight_max(0);
  CHECK_FALSE(admit(admission, method));
}

TEST_CASE("Permit: is released once, however it is moved and released") {
  Admission admission(5);
  MethodMetrics method;
  {
    Permit permit = *admit(admission, method);
    Permit moved = std::move(permit);
    CHECK_FALSE(permit);
    CHECK(moved);
    permit.release();
    CHECK(admission.in_flight_approx() == 1);
    moved.release();
    moved.release();
    CHECK_FALSE(moved);
    CHECK(admission.in_flight_approx() == 0);
    moved = *admit(admission, method);
    Permit other = *admit(admission, method);
    CHECK(admission.in_flight_approx() == 2);
    moved = std::move(other);
    CHECK(admission.in_flight_approx() == 1);
  }
  CHECK(admission.in_flight_approx() == 0);
  CHECK(method.in_flight == 0);
}

TEST_CASE("Admission: no burst from several threads passes a limit, and every permit comes back") {
  static constexpr std::size_t kMax = 7;
  static constexpr std::size_t kMethodMax = 3;
  Admission admission(kMax);
  MethodMetrics limited;
  MethodMetrics free;
  std::atomic<std::size_t> held{0}, held_limited{0}, admitted{0};
  std::atomic<bool> overshot{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<Permit> mine;
      for (int i = 0; i < 30'000; ++i) {
        const bool use_limited = (i + t) % 2 == 0;
        auto permit = admit(admission, use_limited ? limited : free, use_limited ? kMethodMax : 0);
        if (permit) {
          // Counted after it was acquired and before it is released, so that this never counts too many.
          if (held.fetch_add(1) + 1 > kMax) overshot = true;
          if (use_limited && held_limited.fetch_add(1) + 1 > kMethodMax) overshot = true;
          admitted.fetch_add(1);
          if (use_limited) held_limited.fetch_sub(1);
          held.fetch_sub(1);
          // Some are kept for a while, and released by another statement.
          if (!use_limited) mine.push_back(std::move(*permit));
        }
        if (admission.in_flight_approx() > kMax) overshot = true;
        if (mine.size() >= 3) mine.clear();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(overshot);
  CHECK(admitted > 0);
  CHECK(admission.in_flight_approx() == 0);
  CHECK(limited.in_flight == 0);
  CHECK(free.in_flight == 0);
}

TEST_CASE("Admission: a client's own limit refuses only that client, and takes no permit of the others") {
  Admission admission(10);
  MethodMetrics method;
  std::atomic<std::size_t> limited{0};
  std::atomic<std::size_t> counted{0};
  Permit first;
  Permit other;
  Permit none;
  CHECK(admission.try_admit({method, 0, Priority::normal, {&limited, 1}}, first));
  CHECK(is(admission.try_admit({method, 0, Priority::normal, {&limited, 1}}, none), Rejection::rate_limited));
  CHECK(admission.in_flight_approx() == 1);
  CHECK(admission.try_admit({method, 0, Priority::normal, {&counted, 0}}, other));
  CHECK(counted == 1);
  // A call that is refused elsewhere is not counted.
  CHECK(is(admission.try_admit({method, 2, Priority::normal, {&counted, 0}}, none), Rejection::method_busy));
  CHECK(counted == 1);
  Permit moved = std::move(first);
  CHECK(limited == 1);
  moved.release();
  moved.release();
  CHECK(limited == 0);
  CHECK(admission.in_flight_approx() == 1);
}

TEST_CASE("Admission: one thread alone finds the same limits, and every permit comes back") {
  Admission admission(20, true);
  admission.use_priorities(true);
  MethodMetrics method;
  std::atomic<std::size_t> client{0}, backend{0};
  std::vector<Permit> permits;
  const auto take = [&](std::size_t method_max, std::size_t client_max, std::size_t backend_max,
                        Priority priority = Priority::high) {
    Permit permit;
    const AdmissionRequest request{
        method, method_max, priority, {&client, client_max}, {&backend, backend_max}};
    const auto admitted = admission.try_admit(request, permit);
    if (permit) permits.push_back(std::move(permit));
    return admitted;
  };
  for (int i = 0; i < 3; ++i) CHECK(take(0, 0, 0));
  CHECK(is(take(3, 0, 0), Rejection::method_busy));
  CHECK(is(take(0, 3, 0), Rejection::rate_limited));
  CHECK(is(take(0, 0, 3), Rejection::method_busy));
  CHECK(admission.in_flight_approx() == 3);
  CHECK(std::array{method.in_flight.load(), client.load(), backend.load()} ==
        std::array<std::size_t, 3>{3, 3, 3});
  // The last tenth is not for priorities that have their share: a tenth of the permits for low priority.
  for (int i = 0; i < 15; ++i) CHECK(take(0, 0, 0, Priority::low));
  CHECK(is(take(0, 0, 0, Priority::low), Rejection::queue_full));
  for (int i = 0; i < 2; ++i) CHECK(take(0, 0, 0));
  CHECK(is(take(0, 0, 0), Rejection::queue_full));
  CHECK(permits.size() == 20);
  permits.clear();
  CHECK(admission.in_flight_approx() == 0);
  CHECK(std::array{method.in_flight.load(), client.load(), backend.load()} == std::array<std::size_t, 3>{});
  // A priority's count came back too, or its share would be gone.
  for (int i = 0; i < 18; ++i) CHECK(take(0, 0, 0));
  CHECK(take(0, 0, 0, Priority::low));
}

TEST_CASE("Permit: may be released by another thread than the one that acquired it") {
  Admission admission(1000);
  MethodMetrics method;
  std::vector<Permit> permits;
  for (int i = 0; i < 1000; ++i) permits.push_back(*admit(admission, method));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&permits, t] {
      for (std::size_t i = t; i < permits.size(); i += 4) permits[i].release();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(admission.in_flight_approx() == 0);
}

}  // namespace
}  // namespace sluice::core
