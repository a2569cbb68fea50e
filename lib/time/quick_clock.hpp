// Quick clock: the monotonic clock by the processor's tick counter, for a thread that reads it for every
// call.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Time sources of QuickClock: the clock, and the processor's tick counter.
struct ProcessorTime {
  // Whether ticks have one length on all processors: then the kernel itself derives the time from them. Any
  // thread; looked up once.
  static bool has_ticks();
  static std::uint64_t ticks() {
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
  }
  static TimePoint now() { return Clock::now(); }
};

// Reads the clock once a millisecond at most and counts ticks from there, which takes 10 ns instead of 25 (an
// AMD EPYC, virtual): 2.5 % of an inline call. Its time never goes back, and is off by kErrorMax at most. It
// may stand still while the thread does not run.
//
// The length of a tick is measured again and again, from one reading to another. It is used if two
// consecutive measures agree. Until then, and if ticks are unusable, the clock is read every time. Not
// thread-safe: one for each thread.
template <typename Source = ProcessorTime>
class QuickClock {
 public:
  static constexpr std::chrono::nanoseconds kValidFor = std::chrono::milliseconds(1);  // of one reading
  // Interval between the two readings of a measure. Over a longer one the machine may have slept.
  static constexpr std::chrono::nanoseconds kMinInterval = std::chrono::milliseconds(10);
  static constexpr std::chrono::nanoseconds kMaxInterval = std::chrono::seconds(10);
  // A reading takes some hundred ticks. One that took more was interrupted, and is useless for measuring.
  static constexpr std::uint64_t kReadingTicksMax = 1024;
  // Allowed difference of two measures. They are off by some ten thousandths, and clocks are slewed by one in
  // two thousand (adjtime(3)). While a clock is slewed faster, as chronyd may at its start, the time can be
  // wrong by the slew within kValidFor.
  static constexpr double kChangeMax = 0.01;
  static constexpr double kTickMin = 0.05;  // nanoseconds: faster counters do not exist,
  static constexpr double kTickMax = 20;    // and slower ones are useless
  // Duration of a reading, and the error of a tick's length within kValidFor.
  static constexpr std::chrono::nanoseconds kErrorMax = std::chrono::microseconds(2);

  QuickClock() = default;
  explicit QuickClock(const Source& source) : source_(source) {}

  TimePoint now() {
    if (valid_ticks_ == 0) return read();
    const std::uint64_t passed = source_.ticks() - read_at_;
    // Also if ticks have gone back.
    if (passed >= valid_ticks_) return read();
    return monotonic(read_ + std::chrono::nanoseconds((passed * tick_) >> kShift));
  }

 private:
  static constexpr int kShift = 32;

  TimePoint read() {
    const bool usable = source_.has_ticks();
    const std::uint64_t before = usable ? source_.ticks() : 0;
    read_ = source_.now();
    if (!usable) return monotonic(read_);
    read_at_ = source_.ticks();
    valid_ticks_ = 0;
    if (read_at_ - before <= kReadingTicksMax) measure();
    return monotonic(read_);
  }

  // Call after an uninterrupted reading. Rare, and not inline, so that now() is.
  [[gnu::noinline]] void measure() {
    const std::chrono::nanoseconds passed = read_ - since_;
    if (since_at_ == 0 || read_at_ <= since_at_ || passed > kMaxInterval) {
      calibrate(0);
    } else if (passed >= kMinInterval) {
      calibrate(static_cast<double>(passed.count()) / static_cast<double>(read_at_ - since_at_));
    }
    if (tick_ != 0) valid_ticks_ = (static_cast<std::uint64_t>(kValidFor.count()) << kShift) / tick_;
  }

  // Sets the tick's length if this measure agrees with the last one.
  void calibrate(double tick) {
    const bool agrees = std::abs(tick - measured_) <= measured_ * kChangeMax;
    const bool possible = tick >= kTickMin && tick <= kTickMax;
    tick_ = agrees && possible ? static_cast<std::uint64_t>(std::ldexp(tick, kShift)) : 0;
    measured_ = tick;
    since_ = read_;
    since_at_ = read_at_;
  }

  TimePoint monotonic(TimePoint time) { return last_ = std::max(last_, time); }

  [[no_unique_address]] Source source_;
  TimePoint last_;
  TimePoint read_;                 // when the clock was last read
  std::uint64_t read_at_ = 0;      // the same in ticks
  std::uint64_t valid_ticks_ = 0;  // ticks from there on; 0: none
  std::uint64_t tick_ = 0;         // nanoseconds, with kShift fractional bits; 0: not known
  double measured_ = 0;            // the last measure, in nanoseconds
  TimePoint since_;                // the reading at which the next measure begins
  std::uint64_t since_at_ = 0;
};

}  // namespace sluice::core
