#include "lib/rpc/session_stats.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

TEST_CASE("SessionStats: counts invalid messages, control methods and refused tokens, each on its own") {
  testing::SessionParts parts;
  SessionStats& stats = parts.calls.stats();
  MetricsShard& shard = parts.thread.metrics();
  const auto codes_of = [&](const MethodMetrics& method) {
    std::string codes;
    shard.method(method).for_each_code([&](const std::string& label, std::uint64_t count) {
      if (count > 0) codes += label + "=" + std::to_string(count);
    });
    return codes;
  };
  stats.count_invalid(-32600);
  stats.count_control({.method = "rpc.cancel"}, 0);
  stats.count_refused_token();
  CHECK(codes_of(parts.metrics.invalid()) == "-32600=1");
  CHECK(codes_of(parts.metrics.method("rpc.cancel")) == "ok=1");
  CHECK(shard.rejected[static_cast<std::size_t>(Rejection::unauthenticated)].get() == 1);
}

}  // namespace
}  // namespace sluice::core
