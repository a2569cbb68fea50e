// Background tasks: supervised work of a program beside its calls.
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

// Supervised tasks, each with a name and a thread of its own; their number is bounded. Begin and end are
// logged at debug. An exception that leaves a task is logged at error, at most once a second for each task
// and ten times in all.
// Thread-safe. A task must not close or destroy the BackgroundTasks that it belongs to.
class BackgroundTasks {
 public:
  // Its token is stopped by cancel(), close() and the destructor; the task must end soon after that. A task
  // that is stopped before its thread runs does not begin.
  using Task = BackgroundTask;

  enum class Start : std::uint8_t {
    started,
    already_running,  // a task of that name runs, and goes on
    full,             // the number of tasks is at its limit
    closed,
  };

  explicit BackgroundTasks(std::size_t tasks_max = 16);
  // Stops every task and joins its thread, so that tasks may use objects that outlive this. Tasks that have
  // not ended after 5 s are named in the log, and waited for. Callers that can't wait call close() first, and
  // keep this alive.
  ~BackgroundTasks();
  BackgroundTasks(const BackgroundTasks&) = delete;
  BackgroundTasks& operator=(const BackgroundTasks&) = delete;

  // Runs a task. Throws std::system_error if the system can't create a thread.
  Start start(std::string name, Task task, RestartOptions restart = {});
  // Runs a task at once and then at each `interval` (1 ms to a year) from the first beginning, so that it
  // doesn't drift. Runs that would begin while one is still going are skipped, so that it doesn't overlap. A
  // run that throws is logged, and the next one comes at its time.
  Start start_periodic(std::string name, std::chrono::milliseconds interval, Task task);

  // Requests a task to stop, without waiting. False if no task of that name runs.
  bool cancel(std::string_view name);
  // Waits until no task of that name runs, so that one can be started. False at the limit.
  bool wait(std::string_view name, const WaitLimit& limit);
  // Names of the running tasks, in alphabetical order.
  std::vector<std::string> running() const;

  // Stops every task, and refuses new ones. Returns the names of tasks that have not ended by the deadline;
  // empty: all have ended, and their threads are joined.
  std::vector<std::string> close(WaitLimit::Clock::time_point deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
