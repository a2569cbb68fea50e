#include "lib/admission/gradient_limit.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::core {

void GradientLimit::set_bounds(std::size_t least, std::size_t most) {
  const bool was_open = limit_ == most_;
  least_ = std::min(least, most);
  most_ = most;
  limit_ = was_open ? most_ : std::clamp(limit_, least_, most_);
}

std::size_t GradientLimit::update(const LoadSample& sample) {
  const auto spent = static_cast<double>((sample.queued + sample.ran).count());
  const double in_flight = sample.window.count() > 0 ? spent / static_cast<double>(sample.window.count()) : 0;
  if (sample.calls < kCallsMin) {
    grow(in_flight);
    return limit_;
  }
  const auto calls = static_cast<double>(sample.calls);
  const double ran = static_cast<double>(sample.ran.count()) / calls;
  const double queued = static_cast<double>(sample.queued.count()) / calls;
  const double tolerated = std::max(ran, static_cast<double>(kQueueTolerated.count()));
  if (queued <= tolerated) {
    grow(in_flight);
    return limit_;
  }
  calm_ = 0;
  const double gradient = std::max(kSteepest, tolerated / queued);
  const double used = std::min(static_cast<double>(limit_), in_flight);
  limit_ = std::clamp(static_cast<std::size_t>(std::ceil(used * gradient)), least_, most_);
  return limit_;
}

// Grows by its square root while it is in use, and by half from time to time after a while without use.
void GradientLimit::grow(double in_flight) {
  ++calm_;
  const auto limit = static_cast<double>(limit_);
  double grown = limit;
  if (in_flight >= limit / 2) grown = limit + std::max(1.0, std::sqrt(limit));
  if (calm_ >= kCalmWindows) {
    calm_ = 0;
    grown = std::max(grown, limit * 1.5 + 1);
  }
  limit_ = std::clamp(static_cast<std::size_t>(grown), least_, most_);
}

}  // namespace sluice::core
