// Limit of a wait: a deadline, and an interrupt.
#pragma once

#include <poll.h>

#include <chrono>
#include <vector>

namespace sluice::client {

class Interrupt;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// What ends a wait before its event. A deadline alone converts to it.
struct WaitLimit {
  WaitLimit(TimePoint until) : deadline(until) {}  // NOLINT(google-explicit-constructor)
  WaitLimit(TimePoint until, const Interrupt& stop) : deadline(until), interrupt(&stop) {}

  TimePoint deadline;                    // TimePoint::max(): none
  const Interrupt* interrupt = nullptr;  // outlives the wait
};

// Waits for `events` (poll) on fd. False: the limit ended the wait.
bool wait_for(int fd, short events, const WaitLimit& limit);

// Waits until `until`, or the interrupt.
void pause(TimePoint until, const Interrupt& interrupt);

// For polls of one's own: the time until then in milliseconds, and what the limit's interrupt watches.
int poll_time(TimePoint until);
void watch_interrupt(std::vector<pollfd>& watched, const WaitLimit& limit);

}  // namespace sluice::client
