// Latency quantile: the 95th percentile of durations, with decay.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::core {

// The 95th percentile of durations; recent ones count more. Durations are counted in buckets whose bounds
// grow by a quarter of a doubling (as in HdrHistogram, with two significant bits), so that the result is at
// most a fifth too high. After every kWindow durations all counts are halved, so that half of the weight is
// of the last kWindow / 2. Not thread-safe.
class LatencyQuantile {
 public:
  static constexpr std::size_t kSamplesMin = 20;  // fewer do not give a 95th percentile
  static constexpr std::size_t kWindow = 1000;

  void observe(std::chrono::nanoseconds took);
  // The duration that 95 of 100 did not exceed; nothing before kSamplesMin.
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
