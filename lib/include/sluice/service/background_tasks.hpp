// What a program does beside answering calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/service/restart_options.hpp>
#include <sluice/service/wait_limit.hpp>

namespace sluice {

// Supervised tasks, each with a name and a thread of its own, of which there is a bounded number. Beginning
// and end are logged at debug, an exception that leaves a task at error, at most once a second and task and
// ten times in all.
// Thread-safe. A task must not close or destroy the BackgroundTasks that it is one of.
class BackgroundTasks {
 public:
  // Its token is stopped by cancel(), close() and the destructor; it must end soon after that. One that is
  // stopped before its thread has come to it does not begin.
  using Task = BackgroundTask;

  enum class Start : std::uint8_t {
    started,
    already_running,  // one of that name, which is not disturbed
    full,             // there are as many as may be
    closed,
  };

  explicit BackgroundTasks(std::size_t tasks_max = 16);
  // Stops every task and joins its thread, so that tasks may use what outlives this. What has not ended after
  // 5 s is named in the log, and waited for: who can't wait calls close() first, and keeps this alive.
  ~BackgroundTasks();
  BackgroundTasks(const BackgroundTasks&) = delete;
  BackgroundTasks& operator=(const BackgroundTasks&) = delete;

  // Runs a task. Throws std::system_error where the system has no thread left.
  Start start(std::string name, Task task, RestartOptions restart = {});
  // Runs a task at once and then whenever another `interval` (1 ms to a year) has passed since the first
  // beginning, so that it doesn't drift; runs that would begin while one is still going are left out, so that
  // it doesn't overlap. A run that throws is logged, and the next comes at its time.
  Start start_periodic(std::string name, std::chrono::milliseconds interval, Task task);

  // Asks a task to stop, without waiting. False where none of that name runs.
  bool cancel(std::string_view name);
  // Waits until no task of that name runs: one can be started then. False at the limit.
  bool wait(std::string_view name, const WaitLimit& limit);
  // Names of the tasks that run, in alphabetical order.
  std::vector<std::string> running() const;

  // Stops every task, and lets none start any more. Returns the names of those that have not ended by then;
  // empty: all have, and their threads are joined.
  std::vector<std::string> close(WaitLimit::Clock::time_point deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
