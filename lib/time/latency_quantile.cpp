#include "lib/time/latency_quantile.hpp"

#include <algorithm>
#include <bit>

namespace sluice::core {

// The highest bit of the time, and the two bits below it.
std::size_t LatencyQuantile::bucket_of(std::uint64_t us) {
  constexpr std::uint64_t kSub = 1u << kSubBits;
  if (us < kSub) return static_cast<std::size_t>(us);
  const auto high = static_cast<unsigned>(std::bit_width(us)) - 1;
  const std::uint64_t bucket = (high - kSubBits + 1) * kSub + ((us >> (high - kSubBits)) - kSub);
  return std::min(static_cast<std::size_t>(bucket), kBuckets - 1);
}

// The longest time in the bucket.
std::uint64_t LatencyQuantile::bound_of(std::size_t bucket) {
  constexpr std::size_t kSub = 1u << kSubBits;
  if (bucket < kSub) return bucket;
  const std::size_t shift = bucket / kSub - 1;
  return ((std::uint64_t{bucket % kSub + kSub} + 1) << shift) - 1;
}

void LatencyQuantile::observe(std::chrono::nanoseconds took) {
  const auto us = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::microseconds>(took).count());
  ++counts_[bucket_of(static_cast<std::uint64_t>(us))];
  if (++total_ < kWindow) return;
  total_ = 0;
  for (std::uint32_t& count : counts_) total_ += count /= 2;
}

std::optional<std::chrono::microseconds> LatencyQuantile::p95() const {
  if (total_ < kSamplesMin) return std::nullopt;
  const std::size_t above_max = total_ / 20;
  std::size_t above = 0;
  for (std::size_t bucket = kBuckets; bucket-- > 0;) {
    above += counts_[bucket];
    if (above > above_max) return std::chrono::microseconds(bound_of(bucket));
  }
  return std::nullopt;
}

}  // namespace sluice::core
