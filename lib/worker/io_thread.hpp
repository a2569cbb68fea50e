// I/O thread: an event loop on a thread of its own, with its resources and its link to the workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>

#include "lib/loop/deferred_task.hpp"
#include "lib/loop/event_loop.hpp"
#include "lib/worker/io_resources.hpp"
#include "lib/worker/worker_link.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// Objects on the thread that need only the loop, the resources or the link may name just that. start() and
// stop_and_join() are for one controlling thread. It also constructs the thread's objects before start(). All
// of them are destroyed after stop_and_join().
class IoThread final : public IoResources, public EventLoop {
 public:
  // `index` is its number among the I/O threads. `name`, of at most 15 bytes, is its name for the system and
  // the log.
  IoThread(std::size_t index, std::string name, const Limits& limits, WorkerPool& pool,
           MetricsShard& metrics);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  void stop_and_join();
  // Whether the thread was started. The starting thread only.
  bool running() const { return thread_.joinable(); }

  WorkerLink& workers() { return workers_; }
  // On this thread.
  void set_limits(const Limits& changed);

 private:
  // Releases unused memory in intervals, while there is some.
  class MemoryTrim final : DeferredTask, Deadline {
   public:
    explicit MemoryTrim(IoThread& io);

   private:
    void on_deferred() override;
    void on_deadline(TimePoint now) override;
    IoThread& io_;
  };

  WorkerLink workers_;
  MemoryTrim memory_trim_{*this};
  std::thread thread_;
};

inline constexpr auto kControlTime = std::chrono::seconds(30);  // for an I/O thread to run a control task

// Runs `task` on the thread and waits for it, until `until` at most. True at once if the thread was never
// started.
bool run_and_wait(IoThread& thread, TimePoint until, std::function<void()> task);

}  // namespace sluice::core
