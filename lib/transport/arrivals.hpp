// How many new connections an I/O thread takes while those that it has wait for each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

// Accepting costs less than serving what a new connection has sent already. The poller tells of sockets in
// the order in which they became ready: without a limit, new connections would be ahead of all others'
// messages in ever greater numbers. So a busy thread accepts one for kServedPerArrival sockets that it has
// served, and the others wait in the listener's backlog. One for each thread; not thread-safe.
class Arrivals {
 public:
  static constexpr std::size_t kAheadMax = 16;           // accepted beyond that
  static constexpr std::uint64_t kServedPerArrival = 4;  // of which one may be the new one's own

  static constexpr auto kPause = std::chrono::milliseconds(1);

  // The calling thread's.
  static Arrivals& here() { return here_; }

  // The poller has told of a socket.
  void served() { ++served_; }

  // False while others are to be served first; then it is to be asked again after kPause. Where no socket
  // was ready for so long, none that has come waits any more.
  bool next_may_come(TimePoint now) {
    if (spent_ < served_ + kAheadMax * kServedPerArrival) return true;
    if (std::exchange(served_when_refused_, served_) != served_) refused_ = now;
    if (now - refused_ < kPause) return false;
    forget();
    return true;
  }
  void came() {
    if (spent_ < served_) spent_ = served_;  // what was served before is not saved up
    spent_ += kServedPerArrival;
  }
  // None that has come waits any more.
  void forget() { spent_ = served_; }

 private:
  static thread_local constinit Arrivals here_;

  std::uint64_t served_ = 0;
  std::uint64_t spent_ = 0;  // of served_, for those that have come
  std::uint64_t served_when_refused_ = 0;
  TimePoint refused_;  // first, with so many served
};

inline thread_local constinit Arrivals Arrivals::here_;

}  // namespace sluice::core
