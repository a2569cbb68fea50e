// Hedging: when a slow call is sent to a second endpoint.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/method_patterns.hpp"
#include "lib/time/latency_quantile.hpp"

namespace sluice::core {

// A second request once the first has taken longer than 95 of 100 do, so that a slow server costs one of
// twenty calls a little and none of them much (J. Dean, L. A. Barroso, "The Tail at Scale", CACM 2013,
// "hedged requests"). What is usual is learnt per route: a method's own name, or the pattern that it is
// served by. Not thread-safe.
class UpstreamHedges {
 public:
  static constexpr std::size_t kRoutesMax = 1024;  // that are learnt about; others are not hedged

  // `patterns`: methods that may run twice. None: nothing is hedged.
  explicit UpstreamHedges(const std::vector<std::string>& patterns) : hedged_(patterns) {}

  // How long to wait for the first answer; nothing where there is to be no second request.
  std::optional<std::chrono::microseconds> delay(std::string_view method, std::string_view route) const;
  // A call of the method was answered.
  void observe(std::string_view method, std::string_view route, std::chrono::nanoseconds took);

 private:
  const MethodPatterns hedged_;
  std::map<std::string, LatencyQuantile, std::less<>> usual_;  // by route
};

}  // namespace sluice::core
