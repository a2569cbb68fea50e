#include "lib/backend/upstream/hedges.hpp"

namespace sluice::core {

std::optional<std::chrono::microseconds> UpstreamHedges::delay(std::string_view method,
                                                               std::string_view route) const {
  const auto found = usual_.find(route);
  if (found == usual_.end() || !hedged_.allow(method)) return std::nullopt;
  return found->second.p95();
}

void UpstreamHedges::observe(std::string_view method, std::string_view route, std::chrono::nanoseconds took) {
  if (!hedged_.allow(method)) return;
  auto found = usual_.find(route);
  if (found == usual_.end()) {
    if (usual_.size() == kRoutesMax) return;
    found = usual_.emplace(route, LatencyQuantile{}).first;
  }
  found->second.observe(took);
}

}  // namespace sluice::core
