// The steady clock, for a thread that asks it for every call.
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

// Where QuickClock has the time from: the clock, and the processor's counter of ticks.
struct ProcessorTime {
  // Whether ticks are of one length, whichever processor counts them: the kernel itself tells the time by
  // them then. Any thread; looked up once.
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
// AMD EPYC, virtual): 2.5 % of a call that is run in line. What it tells never goes back, and is off by
// kErrorMax at most; it may stand still for as long as the thread does just then.
//
// The length of a tick is measured again and again, from one reading to another, and believed where two
// measures that follow each other agree. Until then, and where ticks can't be trusted, the clock is read
// every time. Not thread-safe: one for each thread.
template <typename Source = ProcessorTime>
class QuickClock {
 public:
  static constexpr std::chrono::nanoseconds kValidFor = std::chrono::milliseconds(1);  // from one reading on
  // Between the two readings of a measure. Over a longer time the machine may have slept.
  static constexpr std::chrono::nanoseconds kMinInterval = std::chrono::milliseconds(10);
  static constexpr std::chrono::nanoseconds kMaxInterval = std::chrono::seconds(10);
  // A reading takes some hundred; one that took more was interrupted, and tells nothing about ticks.
  static constexpr std::uint64_t kReadingTicksMax = 1024;
  // By which two measures may differ: they are off by some ten thousandths, and clocks are slewed by one in
  // two thousand (adjtime(3)). While a clock is slewed faster than that, as chronyd may at its start, it can
  // be told wrong by as much as it is slewed in kValidFor.
  static constexpr double kChangeMax = 0.01;
  static constexpr double kTickMin = 0.05;  // nanoseconds: no processor counts faster,
  static constexpr double kTickMax = 20;    // and none whose counter is of use more slowly
  // What a reading may have taken, and what a tick is off by in kValidFor.
  static constexpr std::chrono::nanoseconds kErrorMax = std::chrono::microseconds(2);

  QuickClock() = default;
  explicit QuickClock(const Source& source) : source_(source) {}

  TimePoint now() {
    if (valid_ticks_ == 0) return read();
    const std::uint64_t passed = source_.ticks() - read_at_;
    // Also where they have gone back.
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

  // A reading was made that was not interrupted.
  void measure() {
    const std::chrono::nanoseconds passed = read_ - since_;
    if (since_at_ == 0 || read_at_ <= since_at_ || passed > kMaxInterval) {
      calibrate(0);
    } else if (passed >= kMinInterval) {
      calibrate(static_cast<double>(passed.count()) / static_cast<double>(read_at_ - since_at_));
    }
    if (tick_ != 0) valid_ticks_ = (static_cast<std::uint64_t>(kValidFor.count()) << kShift) / tick_;
  }

  // The next measure is to agree with this one.
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
  std::uint64_t read_at_ = 0;      // by its ticks
  std::uint64_t valid_ticks_ = 0;  // from there on; 0: none
  std::uint64_t tick_ = 0;         // in nanoseconds, with kShift binary digits behind the point; 0: not known
  double measured_ = 0;            // the last measure of it, in nanoseconds
  TimePoint since_;                // the reading that the next begins with
  std::uint64_t since_at_ = 0;
};

}  // namespace sluice::core
