// Signals as events that one thread waits for; nothing runs in a signal handler.
#pragma once

#include <chrono>
#include <optional>

namespace sluice::daemon {

using TimePoint = std::chrono::steady_clock::time_point;

// Has SIGTERM, SIGINT and SIGHUP wait until a SignalQueue asks for them, and the signals ignored that would
// end the process though nothing is wrong (SIGPIPE, SIGXFSZ, SIGUSR1, SIGALRM and the like). To be called
// first of all, before any thread, so that every thread inherits it.
void hold_signals();

// For a run that asks for none: SIGTERM, SIGINT and SIGHUP end it, also those that have come already.
void release_signals();

// The signals that hold_signals() has had wait. wait() belongs to one thread; wake() may be called by any.
class SignalQueue {
 public:
  // Throws std::system_error when the machine has no descriptor left.
  SignalQueue();
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  // The next signal's number. Nothing once `until` has come, or wake() has been called since the last wait.
  // Without `until` it waits as long as nothing happens. Reaps the children that the process has adopted
  // meanwhile, for which it has to be called by the process's first thread.
  std::optional<int> wait(std::optional<TimePoint> until);

  // Ends the wait() under way, or else the next one.
  void wake();

 private:
  int signals_ = -1;
  int wake_ = -1;
};

}  // namespace sluice::daemon
