// Limit of new connections on a busy I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Accepting costs less than serving what a new connection has sent already. The poller reports sockets in the
// order in which they became ready. Without a limit, new connections would be ahead of all others' messages
// in ever greater numbers. So a busy thread accepts one connection for every kServedPerArrival sockets that
// it has served. The others wait in the listener's backlog. One for each thread; not thread-safe.
class Arrivals {
 public:
  static constexpr std::size_t kAheadMax = 16;           // that may be accepted in advance
  static constexpr std::uint64_t kServedPerArrival = 4;  // one of them may be the new connection's own

  static constexpr auto kPause = std::chrono::milliseconds(1);

  // The instance of the calling thread.
  static Arrivals& here() { return here_; }

  // The poller has reported a socket.
  void served() { ++served_; }

  // False while others are to be served first; then call it again after kPause. If no socket was ready for
  // that long, no earlier arrival waits any more.
  bool next_may_come(TimePoint now) {
    if (spent_ < served_ + kAheadMax * kServedPerArrival) return true;
    if (std::exchange(served_when_refused_, served_) != served_) refused_ = now;
    if (now - refused_ < kPause) return false;
    forget();
    return true;
  }
  void came() {
    if (spent_ < served_) spent_ = served_;  // earlier service is not saved up
    spent_ += kServedPerArrival;
  }
  // No earlier arrival waits any more.
  void forget() { spent_ = served_; }

 private:
  static thread_local constinit Arrivals here_;

  std::uint64_t served_ = 0;
  std::uint64_t spent_ = 0;  // part of served_ that arrivals have used
  std::uint64_t served_when_refused_ = 0;
  TimePoint refused_;  // time of the first refusal at this number of served sockets
};

inline thread_local constinit Arrivals Arrivals::here_;

}  // namespace sluice::core
