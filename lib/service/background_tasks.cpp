#include "lib/include/sluice/service/background_tasks.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "lib/observe/log.hpp"
#include "lib/service/supervision.hpp"

namespace sluice {
namespace {

// Interval of lines about failures of all tasks together.
constexpr auto kFailureLineInterval = std::chrono::milliseconds(100);

// Supervises one task to its final end.
using Supervisor =
    std::function<void(const std::string& name, const std::stop_token& stop, core::LogLimit& failures)>;

// A task, from before its thread starts until the thread is joined.
struct Entry {
  // True until its thread can be joined without waiting.
  bool running() const { return !ended || !thread.joinable(); }

  std::stop_source stop;
  bool ended = false;
  std::thread thread;  // none while start() is creating it
};

// By name. An entry keeps its address, in whichever table it is.
using Table = std::map<std::string, Entry, std::less<>>;

// Joins ended threads after the lock is released. Needs no memory.
struct Ended {
  Ended() = default;
  Ended(const Ended&) = delete;
  Ended& operator=(const Ended&) = delete;
  ~Ended() {
    for (auto& [name, entry] : table) entry.thread.join();
  }
  Table table;
};

}  // namespace

struct BackgroundTasks::State {
  explicit State(std::size_t most) : tasks_max(most) {}

  Start start(const std::string& name, Supervisor supervise);
  void run(const std::string& name, Entry& entry, Supervisor supervise);
  void stop_all() noexcept;
  bool wait_for_all(WaitLimit::Clock::time_point deadline);
  void join_ended();
  std::vector<std::string> running() const;
  void report_running() const noexcept;

  // Call these with the mutex held.
  Entry* enter(const std::string& name, Start& outcome);
  void take_ended(Ended& ended);
  Entry* find_running(std::string_view name);
  std::stop_source next_to_stop() noexcept;

  const std::size_t tasks_max;
  mutable std::mutex mutex;
  std::condition_variable_any changed;
  Table tasks;
  bool closed = false;
  core::LogLimit failures{kFailureLineInterval};
};

BackgroundTasks::Start BackgroundTasks::State::start(const std::string& name, Supervisor supervise) {
  Ended ended;
  Start outcome = Start::started;
  Entry* entry = nullptr;
  {
    const std::lock_guard lock(mutex);
    take_ended(ended);
    entry = enter(name, outcome);
  }
  if (entry == nullptr) return outcome;
  try {
    std::thread thread(&State::run, this, name, std::ref(*entry), std::move(supervise));
    const std::lock_guard lock(mutex);
    entry->thread = std::move(thread);
    changed.notify_all();
  } catch (...) {
    const std::lock_guard lock(mutex);
    tasks.erase(name);
    changed.notify_all();
    throw;
  }
  return outcome;
}

// The new task's entry; null, with the reason, if it is refused.
Entry* BackgroundTasks::State::enter(const std::string& name, Start& outcome) {
  if (closed) {
    outcome = Start::closed;
  } else if (tasks.contains(name)) {
    outcome = Start::already_running;
  } else if (tasks.size() >= tasks_max) {
    outcome = Start::full;
  } else {
    return &tasks.try_emplace(name).first->second;
  }
  return nullptr;
}

void BackgroundTasks::State::run(const std::string& name, Entry& entry, Supervisor supervise) {
  supervise(name, entry.stop.get_token(), failures);
  supervise = nullptr;  // destroys what the task has captured
  const std::lock_guard lock(mutex);
  entry.ended = true;
  changed.notify_all();
}

void BackgroundTasks::State::take_ended(Ended& ended) {
  for (auto task = tasks.begin(); task != tasks.end();) {
    const auto here = task++;
    if (!here->second.running()) ended.table.insert(tasks.extract(here));
  }
}

Entry* BackgroundTasks::State::find_running(std::string_view name) {
  const auto found = tasks.find(name);
  return found != tasks.end() && found->second.running() ? &found->second : nullptr;
}

// A task that has not been requested to stop; without a state if all have.
std::stop_source BackgroundTasks::State::next_to_stop() noexcept {
  for (const auto& [name, entry] : tasks) {
    if (!entry.stop.stop_requested()) return entry.stop;
  }
  return std::stop_source(std::nostopstate);
}

// Stop callbacks are code of the tasks, and run without the lock.
void BackgroundTasks::State::stop_all() noexcept {
  for (;;) {
    std::stop_source next(std::nostopstate);
    {
      const std::lock_guard lock(mutex);
      closed = true;
      next = next_to_stop();
    }
    if (!next.stop_possible()) return;
    next.request_stop();
  }
}

bool BackgroundTasks::State::wait_for_all(WaitLimit::Clock::time_point deadline) {
  std::unique_lock lock(mutex);
  return changed.wait_until(lock, deadline, [this] {
    return std::none_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.second.running(); });
  });
}

void BackgroundTasks::State::join_ended() {
  Ended ended;
  const std::lock_guard lock(mutex);
  take_ended(ended);
}

std::vector<std::string> BackgroundTasks::State::running() const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex);
  for (const auto& [name, entry] : tasks) {
    if (entry.running()) names.push_back(name);
  }
  return names;
}

// A line without memory for it is left out.
void BackgroundTasks::State::report_running() const noexcept try {
  for (const std::string& name : running())
    spdlog::error("background task {} does not end; it is waited for", core::printable(name));
} catch (const std::exception&) {
}

BackgroundTasks::BackgroundTasks(std::size_t tasks_max) : state_(std::make_unique<State>(tasks_max)) {}

BackgroundTasks::~BackgroundTasks() {
  constexpr auto kStopWait = std::chrono::seconds(5);
  state_->stop_all();
  if (!state_->wait_for_all(WaitLimit::Clock::now() + kStopWait)) state_->report_running();
  state_->wait_for_all(WaitLimit::Clock::time_point::max());
  state_->join_ended();
}

BackgroundTasks::Start BackgroundTasks::start(std::string name, Task task, RestartOptions restart) {
  return state_->start(name,
                       [task = std::move(task), restart](const auto& of, const auto& stop, auto& failures) {
                         core::run_supervised(of, task, restart, stop, failures);
                       });
}

BackgroundTasks::Start BackgroundTasks::start_periodic(std::string name, std::chrono::milliseconds interval,
                                                       Task task) {
  return state_->start(name,
                       [task = std::move(task), interval](const auto& of, const auto& stop, auto& failures) {
                         core::run_periodically(of, task, interval, stop, failures);
                       });
}

bool BackgroundTasks::cancel(std::string_view name) {
  std::stop_source stop(std::nostopstate);
  {
    const std::lock_guard lock(state_->mutex);
    const Entry* const entry = state_->find_running(name);
    if (entry == nullptr) return false;
    stop = entry->stop;
  }
  stop.request_stop();
  return true;
}

bool BackgroundTasks::wait(std::string_view name, const WaitLimit& limit) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, limit.stop, limit.deadline,
                                    [&] { return state_->find_running(name) == nullptr; });
}

std::vector<std::string> BackgroundTasks::running() const { return state_->running(); }

std::vector<std::string> BackgroundTasks::close(WaitLimit::Clock::time_point deadline) {
  state_->stop_all();
  state_->wait_for_all(deadline);
  state_->join_ended();
  return state_->running();
}

}  // namespace sluice
