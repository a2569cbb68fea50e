// The steady clock, for a thread that asks it for every call.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "lib/base/deadline_wheel.hpp"

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
// The length of a tick is measured between readings, and kept up with. Until it is known, and where ticks
// can't be trusted, the clock is read every time. Not thread-safe: one for each thread.
template <typename Source = ProcessorTime>
class QuickClock {
 public:
  static constexpr std::chrono::nanoseconds kTrusted = std::chrono::milliseconds(1);  // from one reading on
  // What a tick is measured by, at least; from time to time anew.
  static constexpr std::chrono::nanoseconds kLeast = std::chrono::milliseconds(10);
  static constexpr std::chrono::nanoseconds kMost = std::chrono::seconds(1);
  // Reading takes some hundred; one that took more was interrupted, and tells nothing about ticks.
  static constexpr std::uint64_t kReadingTicksMax = 4096;
  // Nobody slews a clock by more; a tick that has changed so much was counted through a pause.
  static constexpr double kChangeMax = 0.01;
  // An interruption that is not noticed, at both ends of the shortest measure, over the time that it is
  // trusted; and what the clock is slewed by.
  static constexpr std::chrono::nanoseconds kErrorMax = std::chrono::microseconds(1);

  TimePoint now() {
    if (trusted_ticks_ == 0) return read();
    const std::uint64_t passed = Source::ticks() - read_at_;
    // Also where they have gone back.
    if (passed >= trusted_ticks_) return read();
    return told(read_ + std::chrono::nanoseconds((passed * tick_) >> kShift));
  }

 private:
  static constexpr int kShift = 32;

  TimePoint read() {
    const bool usable = Source::has_ticks();
    const std::uint64_t before = usable ? Source::ticks() : 0;
    read_ = Source::now();
    if (!usable) return told(read_);
    read_at_ = Source::ticks();
    trusted_ticks_ = 0;
    if (read_at_ - before <= kReadingTicksMax) measure();
    return told(read_);
  }

  void measure() {
    const std::chrono::nanoseconds passed = read_ - since_;
    if (since_at_ == 0) return begin_measure();
    if (passed >= kLeast) {
      const double tick =
          std::ldexp(static_cast<double>(passed.count()), kShift) / static_cast<double>(read_at_ - since_at_);
      const auto known = static_cast<double>(tick_);
      tick_ =
          tick_ == 0 || std::abs(tick - known) <= known * kChangeMax ? static_cast<std::uint64_t>(tick) : 0;
      if (tick_ == 0 || passed >= kMost) begin_measure();
    }
    if (tick_ != 0) trusted_ticks_ = (static_cast<std::uint64_t>(kTrusted.count()) << kShift) / tick_;
  }

  void begin_measure() {
    since_ = read_;
    since_at_ = read_at_;
  }

  TimePoint told(TimePoint time) { return last_ = std::max(last_, time); }

  TimePoint last_;
  TimePoint read_;                   // when the clock was last read
  std::uint64_t read_at_ = 0;        // by its ticks
  std::uint64_t trusted_ticks_ = 0;  // from there on; 0: none
  std::uint64_t tick_ = 0;  // in nanoseconds, with kShift binary digits behind the point; 0: not known
  TimePoint since_;         // the reading that it is measured from
  std::uint64_t since_at_ = 0;
};

}  // namespace sluice::core
