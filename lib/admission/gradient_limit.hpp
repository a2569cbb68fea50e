// Adaptive concurrency limit: follows the measured delay (after Netflix's Gradient2).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::core {

// One measurement window: the calls that ended in it, with the sums of their waiting and run times.
struct LoadSample {
  std::uint64_t calls = 0;
  std::chrono::nanoseconds queued{0};
  std::chrono::nanoseconds ran{0};
  std::chrono::nanoseconds window{0};
};

// Lowers the limit while calls wait longer than they run, and raises it otherwise.
//
// Gradient2 of Netflix's concurrency-limits multiplies the limit by the ratio of the usual latency to the
// current one, and adds some room to grow. It has to infer the waiting time from total latencies, and learns
// a long overload as usual in the end. Here waiting and running are measured apart. The factor is the
// tolerated waiting time (the run time, but at least kQueueTolerated) divided by the measured one. There is
// no long-term average, so a long overload never becomes the norm. The limit shrinks from the actual number
// of calls (Little's law: time spent by window), so that it takes effect at once, however high it was.
//
// Pure; not thread-safe.
class GradientLimit {
 public:
  GradientLimit(std::size_t least, std::size_t most) : least_(least), most_(most), limit_(most) {}

  void set_bounds(std::size_t least, std::size_t most);
  std::size_t update(const LoadSample& sample);
  std::size_t limit() const { return limit_; }

 private:
  static constexpr std::uint64_t kCallsMin = 5;  // fewer are not significant
  // Short calls may wait for two milliseconds while workers are free (WorkerDispatcher); that is not
  // overload.
  static constexpr std::chrono::nanoseconds kQueueTolerated = std::chrono::milliseconds(4);
  static constexpr double kSteepest = 0.5;  // the strongest reduction in one window
  static constexpr int kCalmWindows =
      10;  // windows without a reason to shrink, before the limit grows though it is not in use

  void grow(double in_flight);

  std::size_t least_;
  std::size_t most_;
  std::size_t limit_;
  int calm_ = 0;
};

}  // namespace sluice::core
