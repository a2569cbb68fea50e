#include "cli/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::client {

std::uint64_t Histogram::middle_of(std::size_t bucket) {
  if (bucket < 2 * kSteps) return bucket;
  const int shift = static_cast<int>(bucket >> kStepBits) - 1;
  const std::uint64_t first = ((bucket & (kSteps - 1)) | kSteps) << shift;
  return first + (std::uint64_t{1} << shift) / 2;
}

std::uint64_t Histogram::quantile(double quantile) const {
  const double rank = std::ceil(quantile * static_cast<double>(total_));
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(middle_of(bucket), max_);
  }
  return 0;
}

}  // namespace sluice::client
