#include <sluice/service/pipeline.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"

namespace sluice {
namespace {

using testing::eventually;

WaitLimit patient(std::stop_token stop = {}) { return WaitLimit::within(testing::kWaitMax, std::move(stop)); }

// Gives the numbers below `end`, one at a time.
auto count_to(int end) {
  return [n = 0, end]() mutable { return n < end ? std::optional(n++) : std::nullopt; };
}
auto for_ever() {
  return [n = 0]() mutable { return std::optional(n++); };
}

TEST_CASE("Pipeline: with stages of one thread everything comes out in order") {
  Pipeline pipeline(patient());
  auto& in = pipeline.source({.capacity = 2}, count_to(2000));
  auto& squares = pipeline.stage(in, {.capacity = 1}, [](int n) { return n * n; });
  auto& texts = pipeline.stage(squares, {}, [](int n) { return std::to_string(n); });
  int next = 0;
  const auto error = pipeline.drain(texts, [&](const std::string& text) {
    CHECK(text == std::to_string(next * next));
    ++next;
  });
  CHECK_FALSE(error);
  CHECK(next == 2000);
}

TEST_CASE("Pipeline: a wide stage loses nothing and doubles nothing") {
  for (int round = 0; round < 20; ++round) {
    Pipeline pipeline(patient());
    auto& in = pipeline.source({.capacity = 3}, count_to(500));
    auto& wide = pipeline.stage(in, {.width = 4, .capacity = 2}, [](int n) { return n; });
    auto& again = pipeline.stage(wide, {.width = 3, .capacity = 2}, [](int n) { return n; });
    std::vector<int> seen;
    CHECK_FALSE(pipeline.drain(again, [&](int n) { seen.push_back(n); }));
    std::sort(seen.begin(), seen.end());
    std::vector<int> all(500);
    std::iota(all.begin(), all.end(), 0);
    CHECK(seen == all);
  }
}

TEST_CASE("Pipeline: values that can only be moved, and nothing at all") {
  Pipeline pipeline(patient());
  auto& in = pipeline.source({}, [n = 0]() mutable -> std::optional<std::unique_ptr<int>> {
    if (n == 3) return std::nullopt;
    return std::make_unique<int>(n++);
  });
  auto& out = pipeline.stage(in, {}, [](std::unique_ptr<int> value) { return value; });
  int sum = 0;
  CHECK_FALSE(pipeline.drain(out, [&](std::unique_ptr<int> value) { sum += *value; }));
  CHECK(sum == 3);
  Pipeline empty(patient());
  CHECK_FALSE(empty.drain(empty.source({}, count_to(0)), [](int) {}));
}

TEST_CASE("Pipeline: a slow end holds back the beginning") {
  std::atomic<int> produced{0};
  Pipeline pipeline(patient());
  auto& in = pipeline.source({.capacity = 2}, [&] { return std::optional(produced++); });
  auto& out = pipeline.stage(in, {.capacity = 2}, [](int n) { return n; });
  int consumed = 0;
  static_cast<void>(pipeline.drain(out, [&](int) -> std::optional<Error> {
    ++consumed;
    // In both channels, in the hands of source and stage, and those that came here.
    CHECK(produced <= consumed + 2 + 2 + 2);
    if (consumed < 500) return std::nullopt;
    return Error{1, "enough"};
  }));
  CHECK(consumed == 500);
}

TEST_CASE("Pipeline: an error of any part ends the pipeline") {
  for (const int failing : {0, 1, 2}) {
    Pipeline pipeline(patient());
    auto& in = pipeline.source({}, [failing, n = 0]() mutable -> Result<std::optional<int>> {
      if (failing == 0 && n == 20) return Error{20, "source"};
      return std::optional(n++);
    });
    auto& out = pipeline.stage(in, {.width = 2}, [failing](int n) -> Result<int> {
      if (failing == 1 && n == 20) return Error{20, "stage"};
      return n;
    });
    const auto error = pipeline.drain(out, [failing](int n) -> std::optional<Error> {
      if (failing == 2 && n == 20) return Error{20, "drain"};
      return std::nullopt;
    });
    REQUIRE(error);
    CHECK(error->code == 20);
    CHECK(pipeline.stop_token().stop_requested());
  }
}

TEST_CASE("Pipeline: an exception of any part ends the pipeline, and is thrown by drain()") {
  for (int failing = 0; failing < 3; ++failing) {
    // Before the pipeline, whose threads use it to their end.
    const auto fail_in = [failing](int part, int n) {
      if (failing == part && n == 20) throw std::out_of_range(std::to_string(part));
      return n;
    };
    Pipeline pipeline(patient());
    auto& in = pipeline.source({}, [&, n = 0]() mutable { return std::optional(fail_in(0, n++)); });
    auto& out = pipeline.stage(in, {.width = 2}, [&](int n) { return fail_in(1, n); });
    const auto drain = [&] { static_cast<void>(pipeline.drain(out, [&](int n) { fail_in(2, n); })); };
    CHECK_THROWS_WITH_AS(drain(), std::to_string(failing).c_str(), std::out_of_range);
  }
}

TEST_CASE("Pipeline: ends at the caller's stop token and at its deadline") {
  std::stop_source stop;
  {
    Pipeline pipeline(patient(stop.get_token()));
    auto& in = pipeline.source({}, for_ever());
    const auto error = pipeline.drain(in, [&](int n) {
      if (n == 100) stop.request_stop();
    });
    REQUIRE(error);
    CHECK(error->code == -32800);
  }
  Pipeline late(WaitLimit::within(std::chrono::milliseconds(5)));
  const auto error = late.drain(late.source({}, for_ever()), [](int) {});
  REQUIRE(error);
  CHECK(error->code == -32002);
}

TEST_CASE("Pipeline: its end stops running stages, drained or not") {
  std::atomic<int> stopped{0};
  {
    std::atomic<int> at_work{0};
    Pipeline pipeline(patient());
    auto& in = pipeline.source({.capacity = 1}, for_ever());
    pipeline.stage(in, {.width = 2}, [&, stop = pipeline.stop_token()](int n) {
      ++at_work;
      if (eventually([&] { return stop.stop_requested(); })) ++stopped;
      return n;
    });
    CHECK(eventually([&] { return at_work == 2; }));
  }
  CHECK(stopped == 2);
}

TEST_CASE("Pipeline: has a bound on its threads") {
  Pipeline pipeline(patient());
  auto& in = pipeline.source({}, for_ever());
  const StageOptions wide{.width = Pipeline::kThreadsMax};
  CHECK_THROWS_AS(pipeline.stage(in, wide, [](int n) { return n; }), std::length_error);
  CHECK(pipeline.stop_token().stop_requested());
}

}  // namespace
}  // namespace sluice
