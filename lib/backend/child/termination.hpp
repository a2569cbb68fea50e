// Termination of a child process: its stdin is closed, then SIGTERM, then SIGKILL.
#pragma once

#include "lib/time/deadline_wheel.hpp"
#include "lib/time/durations.hpp"

namespace sluice::core {

// When each signal is due. Sends none itself. Not thread-safe; the time is passed in.
class ChildTermination {
 public:
  // A process whose stdin or stdout is closed is about to end, or must be made to.
  static constexpr auto kSilentTime = milliseconds(200);
  // Of the grace: for so long the end of its stdin alone may tell the process to end.
  static constexpr int kGraceParts = 4;

  // The process takes no more calls.
  void begin() { begun_ = true; }
  bool begun() const { return begun_; }
  // SIGTERM comes after a quarter of `grace`, SIGKILL after the whole, or earlier if it is due earlier.
  void allow(milliseconds grace, TimePoint now);
  // One of its pipes is closed: SIGKILL comes after kSilentTime, unless its time is known already.
  void expect_end(TimePoint now);

  // When the next signal is due; TimePoint::max() where none is.
  TimePoint next() const;
  // The signal that is due, or 0. Each comes once.
  int take_signal(TimePoint now);

 private:
  TimePoint terminate_at_ = TimePoint::max();
  TimePoint kill_at_ = TimePoint::max();
  bool begun_ = false;
};

}  // namespace sluice::core
