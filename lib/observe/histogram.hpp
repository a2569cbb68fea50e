// Lock-free counters and histograms: one thread writes, any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::core {

// A number that one thread changes and others read at any time. That needs no read-modify-write instruction,
// so counting costs as much as a plain addition.
template <typename T>
class SingleWriter {
 public:
  void add(T amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  T get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

// Durations in buckets. prometheus::Histogram locks a mutex for each observation; this one is merged over the
// threads at a scrape.
class DurationHistogram {
 public:
  // Upper bounds, in microseconds; one more bucket holds longer durations.
  static constexpr std::array<std::uint32_t, 19> kBoundsUs = {
      10,     25,     50,      100,     250,     500,       1'000,     2'500,     5'000,     10'000,
      25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
  static constexpr std::size_t kBuckets = kBoundsUs.size() + 1;

  void observe(std::chrono::nanoseconds duration) {
    const std::int64_t ns = duration.count() < 0 ? 0 : duration.count();
    std::size_t bucket = 0;
    // Most handlers are below the first bound, and most waits of busy servers far above.
    if (ns > std::int64_t{kBoundsUs[0]} * 1000) bucket = bucket_above_first(static_cast<std::uint64_t>(ns));
    counts_[bucket].add(1);
    sum_ns_.add(static_cast<std::uint64_t>(ns));
  }

  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].get(); }
  std::uint64_t sum_ns() const { return sum_ns_.get(); }

 private:
  static std::size_t bucket_above_first(std::uint64_t ns) {
    // A number of binary digits has at most one bound.
    std::size_t bucket = kFirstByWidth[static_cast<std::size_t>(std::bit_width(ns))];
    while (bucket < kBoundsUs.size() && ns > std::uint64_t{kBoundsUs[bucket]} * 1000) ++bucket;
    return bucket;
  }

  // By number of binary digits: the first bucket whose bound is not below all such numbers.
  static constexpr auto kFirstByWidth = [] {
    std::array<std::uint8_t, 65> first{};
    for (std::size_t width = 1; width < first.size(); ++width) {
      const std::uint64_t least = std::uint64_t{1} << (width - 1);
      while (first[width] < kBoundsUs.size() && kBoundsUs[first[width]] * std::uint64_t{1000} < least)
        ++first[width];
    }
    return first;
  }();

  std::array<SingleWriter<std::uint64_t>, kBuckets> counts_;
  SingleWriter<std::uint64_t> sum_ns_;
};

}  // namespace sluice::core
