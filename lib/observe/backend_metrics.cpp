#include "lib/observe/backend_metrics.hpp"

#include <algorithm>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWaitMin{10};
constexpr milliseconds kWaitMax = std::chrono::seconds(30);
constexpr milliseconds kUnknownWait = std::chrono::seconds(1);  // before the first call has ended

}  // namespace

milliseconds BackendMetrics::expected_wait_approx() const {
  const auto mean = run_time.approx();
  if (mean.count() == 0) return kUnknownWait;
  const auto running = std::ranges::count_if(up, [](const auto& each) { return each.load(); });
  const double share =
      static_cast<double>(std::max<std::ptrdiff_t>(1, running)) / static_cast<double>(up.size());
  const double at_once = std::max(1.0, static_cast<double>(calls_at_once) * share);
  const double rounds = std::max(1.0, static_cast<double>(in_flight.load()) / at_once);
  const auto wait = std::chrono::duration<double, std::nano>(mean) * rounds;
  return std::clamp(std::chrono::ceil<milliseconds>(wait), kWaitMin, kWaitMax);
}

}  // namespace sluice::core
