#include "lib/observe/rare_line.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

TEST_CASE("Rare lines: one per interval is composed, however often it is due") {
  RareLine line(std::chrono::seconds(10));
  TimePoint now{};
  int made = 0;
  const auto make = [&made] {
    ++made;
    return std::string("line");
  };
  for (int i = 0; i < 1000; ++i) {
    line.log(spdlog::level::trace, now, make);
    now += std::chrono::milliseconds(100);
  }
  CHECK(made == 10);
}

TEST_CASE("Rare lines: a line that memory does not suffice for is lost alone") {
  RareLine line;
  CHECK_NOTHROW(line.log(spdlog::level::trace, TimePoint{}, []() -> std::string { throw std::bad_alloc(); }));
}

}  // namespace
}  // namespace sluice::core
