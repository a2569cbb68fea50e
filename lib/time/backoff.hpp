// Exponential backoff with full jitter: the wait before a retry.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::core {

// A delay is uniform between zero and a bound that doubles with every attempt up to a maximum. So callers
// that failed together do not retry together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
// Blog, 2015). Pure: randomness is passed in.
class Backoff {
 public:
  static constexpr std::chrono::milliseconds kLongest{0xffff'fffe};  // 49 days

  // `base` bounds the first delay, `max` every one. Both are clamped to [0, kLongest].
  constexpr Backoff(std::chrono::milliseconds base, std::chrono::milliseconds max);

  // Upper bound of the delay after failed attempt number `attempt`, counted from 0.
  std::chrono::milliseconds bound(unsigned attempt) const;
  // The delay, from 64 bits of which the upper 32 are uniformly random.
  std::chrono::milliseconds delay(unsigned attempt, std::uint64_t random_bits) const;

 private:
  static constexpr std::uint64_t milliseconds_of(std::chrono::milliseconds wait);

  std::uint64_t max_ms_;
  std::uint64_t base_ms_;
};

constexpr std::uint64_t Backoff::milliseconds_of(std::chrono::milliseconds wait) {
  if (wait.count() < 0) return 0;
  return static_cast<std::uint64_t>(wait < kLongest ? wait.count() : kLongest.count());
}

constexpr Backoff::Backoff(std::chrono::milliseconds base, std::chrono::milliseconds max)
    : max_ms_(milliseconds_of(max)), base_ms_(milliseconds_of(base)) {}

}  // namespace sluice::core
