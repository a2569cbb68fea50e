// A limit of calls in flight that finds itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::core {

// What was measured over a while: of the calls that ended in it, how long they had waited and run in all.
struct LoadSample {
  std::uint64_t calls = 0;
  std::chrono::nanoseconds queued{0};
  std::chrono::nanoseconds ran{0};
  std::chrono::nanoseconds window{0};
};

// Lowers the limit while calls wait longer than they run, and raises it while they do not.
//
// After Gradient2 of Netflix's concurrency-limits, which multiplies the limit by the ratio of the latency
// that was usual to the one that is, and adds some room to grow into. It has to guess from total latencies
// which part of them is waiting, and takes a long overload for usual in the end. Here both parts are measured
// apart. The factor is the tolerated waiting time (the run time, but at least kQueueTolerated) divided by the
// measured one. There is no long-term average, so a long overload never becomes the norm. What the limit
// shrinks from is the number of calls that there were (Little's law: time spent by window), so that it takes
// hold at once wherever it stood.
//
// Pure; not thread-safe.
class GradientLimit {
 public:
  GradientLimit(std::size_t least, std::size_t most) : least_(least), most_(most), limit_(most) {}

  void set_bounds(std::size_t least, std::size_t most);
  std::size_t update(const LoadSample& sample);
  std::size_t limit() const { return limit_; }

 private:
  static constexpr std::uint64_t kCallsMin = 5;  // fewer tell nothing
  // Short calls may wait for two milliseconds with workers free (WorkerDispatcher), which is no overload.
  static constexpr std::chrono::nanoseconds kQueueTolerated = std::chrono::milliseconds(4);
  static constexpr double kSteepest = 0.5;  // of what is left after one window
  static constexpr int kCalmWindows = 10;   // without a reason to shrink, before it grows whatever is in use

  void grow(double in_flight);

  std::size_t least_;
  std::size_t most_;
  std::size_t limit_;
  int calm_ = 0;
};

}  // namespace sluice::core
