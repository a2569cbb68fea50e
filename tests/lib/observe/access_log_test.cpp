#include "lib/observe/access_log.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "lib/observe/log.hpp"

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("AccessLog: slow calls are louder than failed ones, and those than the rest") {
  const auto level = [](int code, milliseconds took) { return access_level(code, took, seconds(1)); };
  CHECK(level(0, milliseconds(999)) == spdlog::level::debug);
  CHECK(level(0, milliseconds(1000)) == spdlog::level::warn);
  for (const int code : {-32603, -32002, -32013}) CHECK(level(code, milliseconds(1)) == spdlog::level::info);
  CHECK(level(-32603, milliseconds(2000)) == spdlog::level::warn);
  for (const int code : {-32601, -32602, -32009, -32005, -32016, 1}) {
    CHECK(level(code, milliseconds(1)) == spdlog::level::debug);
  }
}

TEST_CASE("AccessLog: so many lines a second, the rest is counted and reported when the second is over") {
  configure_log({.level = "error"});
  // Lines below the log level cost nothing and count for nothing.
  AccessLog log;
  TimePoint now = TimePoint(seconds(1000));
  for (std::uint32_t i = 0; i < 2 * AccessLog::kLinesPerSecond; ++i) log.write(spdlog::level::warn, {}, now);
  CHECK_FALSE(log.report_due());
  // At a level that is on, whatever the line's own.
  for (std::uint32_t i = 0; i < AccessLog::kLinesPerSecond; ++i) CHECK(log.within_bounds(now));
  CHECK_FALSE(log.report_due());
  CHECK_FALSE(log.within_bounds(now + milliseconds(999)));
  REQUIRE(log.report_due());
  CHECK(*log.report_due() == now + seconds(1));
  log.report(now + milliseconds(999));
  CHECK(log.report_due());
  log.report(now + seconds(1));
  CHECK_FALSE(log.report_due());
  CHECK(log.within_bounds(now + seconds(1)));
}

}  // namespace
}  // namespace sluice::core
