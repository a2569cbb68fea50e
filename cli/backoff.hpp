// Backoff: growing pauses between attempts to connect.
#pragma once

#include <chrono>
#include <optional>

#include "cli/wait_limit.hpp"

namespace sluice::client {

// Pauses that double from 100 ms to 5 s, and begin again after a connection that lasted.
class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds kShortest{100};
  static constexpr milliseconds kLongest{5000};
  // A connection that ends earlier counts as a failed attempt.
  static constexpr milliseconds kStable{10000};

  void opened(TimePoint now) { open_since_ = now; }

  // The pause before the next attempt. `spread` (0 to 1) puts it between half of its length and the whole, so
  // that the clients of a server that restarts do not come back together.
  milliseconds next(TimePoint now, double spread);

 private:
  std::optional<TimePoint> open_since_;
  milliseconds pause_{0};
};

}  // namespace sluice::client
