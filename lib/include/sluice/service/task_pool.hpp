// A few threads for small tasks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

namespace sluice {

// A fixed number of threads behind a queue of fixed length. Never waits: what there is no room for is
// refused. Thread-safe. The destructor drops what has not begun, stops and joins what has: it returns when
// the last task has, so that tasks may use what outlives the pool. Not to be destroyed by its own task.
class TaskPool {
 public:
  // Its token is stopped when the pool is destroyed; a task that can take long must heed it.
  using Task = std::function<void(const std::stop_token& stop)>;

  // At least one thread. Throws std::system_error where the system has none left.
  TaskPool(std::size_t threads, std::size_t queue_max);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // False, and the task destroyed, where the queue is full. An exception that leaves a task is logged, at
  // most once a second. Throws std::bad_alloc.
  bool try_post(Task task);

  std::size_t threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
