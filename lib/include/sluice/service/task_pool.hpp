// Task pool: a few threads for small tasks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

namespace sluice {

// A fixed number of threads with a queue of fixed length. Never waits: a task without room is refused.
// Thread-safe. The destructor drops queued tasks, then stops and joins running ones: it returns when the last
// one has ended, so that tasks may use objects that outlive the pool. A task must not destroy its own pool.
class TaskPool {
 public:
  // Its token is stopped when the pool is destroyed; a long task must check it.
  using Task = std::function<void(const std::stop_token& stop)>;

  // At least one thread. Throws std::system_error if the system can't create one.
  TaskPool(std::size_t threads, std::size_t queue_max);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // False, and the task is destroyed, if the queue is full. An exception that leaves a task is logged, at
  // most once a second. Throws std::bad_alloc.
  bool try_post(Task task);

  std::size_t threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
