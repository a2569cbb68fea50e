#include "lib/include/sluice/service/task_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "lib/observe/log.hpp"
#include "lib/observe/log_limit.hpp"

namespace sluice {

struct TaskPool::State {
  explicit State(std::size_t waiting_max) : queue_max(waiting_max) {}

  bool try_post(Task task);
  // Main function of a thread, until it is stopped.
  void work(const std::stop_token& stop);
  // The next task; none if the thread is to end.
  std::list<Task> take(const std::stop_token& stop);
  void run(const Task& task, const std::stop_token& stop) noexcept;
  void report(const char* what);

  const std::size_t queue_max;
  std::mutex mutex;
  std::condition_variable_any posted;
  std::list<Task> queue;
  std::size_t idle = 0;  // waiting threads; each allows one more queued task
  core::LogLimit failures{std::chrono::seconds(1)};
  std::vector<std::jthread> threads;  // last: joined before the other members are destroyed
};

bool TaskPool::State::try_post(Task task) {
  std::list<Task> node;
  node.push_back(std::move(task));
  const std::lock_guard lock(mutex);
  if (queue.size() >= queue_max + idle) return false;
  queue.splice(queue.end(), node);
  posted.notify_one();
  return true;
}

std::list<TaskPool::Task> TaskPool::State::take(const std::stop_token& stop) {
  std::list<Task> node;
  std::unique_lock lock(mutex);
  ++idle;
  posted.wait(lock, stop, [this] { return !queue.empty(); });
  --idle;
  if (!queue.empty() && !stop.stop_requested()) node.splice(node.end(), queue, queue.begin());
  return node;
}

void TaskPool::State::work(const std::stop_token& stop) {
  for (;;) {
    const std::list<Task> next = take(stop);
    if (next.empty()) return;
    run(next.front(), stop);
  }
}

void TaskPool::State::run(const Task& task, const std::stop_token& stop) noexcept {
  try {
    task(stop);
  } catch (const std::exception& error) {
    report(error.what());
  } catch (...) {
    report("not a std::exception");
  }
}

// A line without memory for it is left out.
void TaskPool::State::report(const char* what) try {
  const auto left_out = failures.admit(core::Clock::now());
  if (left_out)
    spdlog::error("a task of a pool failed: {} ({} more since the last)", core::printable(what), *left_out);
} catch (const std::exception&) {
}

TaskPool::TaskPool(std::size_t threads, std::size_t queue_max) : state_(std::make_unique<State>(queue_max)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    state_->threads.emplace_back([state = state_.get()](const std::stop_token& stop) { state->work(stop); });
}

TaskPool::~TaskPool() {
  // All at once, before the first one is joined.
  for (std::jthread& thread : state_->threads) thread.request_stop();
}

bool TaskPool::try_post(Task task) { return state_->try_post(std::move(task)); }

std::size_t TaskPool::threads() const { return state_->threads.size(); }

}  // namespace sluice
