// How long things usually take.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::core {

// The 95th percentile of durations, those of late counting more. Durations are counted in buckets whose
// bounds grow by a quarter of a doubling (as in HdrHistogram, with two significant bits), so that the answer
// is at most a fifth too high; whenever there are kWindow of them all counts are halved, so that half of what
// is known is from the last kWindow / 2. Not thread-safe.
class LatencyQuantile {
 public:
  static constexpr std::size_t kSamplesMin = 20;  // fewer have no 95th percentile
  static constexpr std::size_t kWindow = 1000;

  void observe(std::chrono::nanoseconds took);
  // What 95 of 100 did not exceed; nothing before there have been kSamplesMin.
  std::optional<std::chrono::microseconds> p95() const;

 private:
  static constexpr unsigned kSubBits = 2;          // buckets per doubling: 4
  static constexpr std::size_t kBuckets = 35 * 4;  // up to 2^36 us, 19 hours

  static std::size_t bucket_of(std::uint64_t us);
  static std::uint64_t bound_of(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_{};
  std::size_t total_ = 0;
};

}  // namespace sluice::core
