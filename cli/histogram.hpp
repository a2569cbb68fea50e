// Log-linear histogram of durations.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::client {

// Counts of durations in nanoseconds, log-linear: every power of two is cut into 128
// equal steps, so a value is known to better than 0.8 % from 1 ns to centuries, and
// adding one takes a few instructions. Below 256 ns values are exact.
class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  void add(std::int64_t nanoseconds) {
    const std::uint64_t value = nanoseconds < 0 ? 0 : static_cast<std::uint64_t>(nanoseconds);
    ++counts_[bucket_of(value)];
    ++total_;
    sum_ += static_cast<double>(value);
    if (value > max_) max_ = value;
  }

  std::uint64_t count() const { return total_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }

  // The quantile: a fraction `quantile` (0 to 1) of all values is not above it. 0 without values.
  std::uint64_t quantile(double quantile) const;

 private:
  static constexpr int kStepBits = 7;
  static constexpr std::uint64_t kSteps = 1u << kStepBits;
  static constexpr std::size_t kBuckets = std::size_t(64 - kStepBits + 1) << kStepBits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kSteps) return value;
    const int shift = std::bit_width(value) - 1 - kStepBits;
    return (static_cast<std::size_t>(shift + 1) << kStepBits) + ((value >> shift) & (kSteps - 1));
  }
  static std::uint64_t middle_of(std::size_t bucket);

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace sluice::client
