// Signals as events that one thread waits for; nothing runs in a signal handler.
#pragma once

#include <chrono>
#include <optional>

namespace sluice::daemon {

using TimePoint = std::chrono::steady_clock::time_point;

// Blocks SIGTERM, SIGINT and SIGHUP, which SignalQueue reads, and ignores signals that would end the process
// without a fault (SIGPIPE, SIGXFSZ, SIGUSR1, SIGALRM and the like). Must be called before any thread starts,
// so that every thread inherits it.
void hold_signals();

// Unblocks SIGTERM, SIGINT and SIGHUP, for a run without a SignalQueue such as --check: they end the process,
// pending ones too.
void release_signals();

// Queue of the signals that hold_signals() has blocked. wait() belongs to one thread; wake() may be called by
// any.
class SignalQueue {
 public:
  // Throws std::system_error when the machine has no descriptor left.
  SignalQueue();
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  // The next signal's number. Nothing after `until`, or if wake() was called since the last wait.
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
