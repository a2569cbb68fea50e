// The thread that starts, reloads and drains the engine, so that the one that waits for signals never waits
// for anything else.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "daemon/signals.hpp"

namespace sluice::daemon {

// Runs one task at a time; a task must not throw. All members are for the thread that made it.
class ControlThread {
 public:
  using Task = std::function<void(const std::stop_token&)>;

  // `signals` is woken when a task has ended. Throws std::system_error where no thread can be created.
  explicit ControlThread(SignalQueue& signals);
  // Waits for the task that runs.
  ~ControlThread();
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;

  // No task may be running. The task's results may be read once busy() is false.
  void run(Task task);
  bool busy() const;
  // Asks the task that runs to end soon.
  void interrupt();

 private:
  void loop();

  SignalQueue& signals_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Task task_;              // guarded by mutex_; empty: none is waiting
  bool busy_ = false;      // guarded by mutex_
  bool ending_ = false;    // guarded by mutex_
  std::stop_source stop_;  // of the current task
  std::thread thread_;
};

}  // namespace sluice::daemon
