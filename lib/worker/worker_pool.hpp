// Worker pool: the threads that run pooled handlers, with work stealing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <sched.h>

#include "lib/time/mean_time.hpp"
#include "lib/time/quick_clock.hpp"
#include "lib/worker/work_queue.hpp"

namespace sluice::core {

// Workers with a bounded fair queue each. An idle worker steals the next call of the longest queue. So no
// call waits for long behind a hung handler while another worker is free. For that, a thread that pushes
// calls wakes an idle worker if they may wait. If calls take long, a worker takes its next call from the
// queue whose next client has the fewest running. Thread-safe. Owns the threads, not the calls.
//
// Life of a call here: try_reserve() reserves a slot of a worker, push() submits it (many at a time, with one
// wake-up), the worker runs it and completes it through ActiveCall::home.
class WorkerPool {
 public:
  // `queue_max`: calls that may wait for each worker, besides the running one. `workers_max`: upper bound for
  // resize(); 0: as `workers`.
  WorkerPool(std::size_t workers, std::size_t queue_max, std::size_t workers_max = 0);
  // Joins the workers, except those that stop() reported as stuck: they are detached.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Processors that workers may run on; none: all. Set it before they are started.
  void run_on(const std::vector<std::size_t>& cpus);
  void start();

  // Sets the number of workers that take calls, and starts new ones if needed. Surplus workers finish their
  // calls and sleep. One thread at a time. Throws std::system_error if a thread can't be created.
  void resize(std::size_t workers);

  // Reserves a slot of the least loaded worker; kNone if every worker runs a call and has a full queue. Not
  // an optional: that would be stored member by member and read as a whole, a store-forwarding stall of 5 ns.
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t try_reserve();
  // Reserves a slot of that worker; false if it is full.
  bool try_reserve_at(std::size_t worker);
  // Releases a slot whose call was never pushed.
  void release_slot(std::size_t worker);

  // Submits calls with reserved slots to one worker. True if it was asleep with an empty queue, and so begins
  // with them at once. If not, another worker may have to be woken for them.
  bool push(std::size_t worker, CallQueue& calls, std::size_t count);

  // Lets idle workers, if any, look for calls to steal.
  void wake_one_idle();
  void wake_all_idle();

  // Load of a worker a moment ago: unfinished calls, and finished ones. While others steal from it, `calls`
  // may be too low.
  struct Load {
    std::size_t calls = 0;
    std::size_t done = 0;
  };
  Load load_approx(std::size_t worker) const;
  // How many workers have unfinished calls.
  std::size_t loaded_approx() const;
  // Whether the worker was idle at some moment since this was called.
  bool was_idle(std::size_t worker) const;

  // Takes back a call that no worker has begun; false if one has, and will complete it.
  bool cancel_queued(ActiveCall& call);
  // Whether a pushed call has not begun.
  bool waiting(const ActiveCall& call) { return workers_[call.worker]->queue.contains(call); }

  // Whether clients are served round-robin. If not, calls leave each queue in the order of their arrival.
  void set_fair(bool fair);
  void set_queue_max(std::size_t queue_max) { queue_max_.store(queue_max, std::memory_order_relaxed); }

  // Ends every worker when its handler returns, and waits until `until` at most. Returns the number of
  // workers still in a handler. They keep alive what they use, and end by themselves.
  std::size_t stop(TimePoint until);

  // Expected wait of a refused caller for a slot: mean run time so far, times the calls that wait per worker.
  milliseconds expected_wait_approx() const;

  // Processors that workers may run on.
  std::size_t processors() const { return processors_; }
  // The most workers there may be, and those that take calls.
  std::size_t size() const { return workers_.size(); }
  std::size_t active() const { return active_.load(std::memory_order_relaxed); }
  // Workers that sleep without work. A worker that is not counted here when calls are pushed looks for work
  // once more before it sleeps.
  std::size_t idle() const { return idle_.load(std::memory_order_seq_cst); }
  std::size_t waiting_approx() const;
  // Workers in a handler whose call's time limit has passed by more than `grace`.
  std::size_t stuck_approx(TimePoint now, std::chrono::nanoseconds grace) const;
  std::size_t queue_depth_approx(std::size_t worker) const { return workers_[worker]->queue.size_approx(); }
  bool busy_approx(std::size_t worker) const { return workers_[worker]->busy_until_ns.load() != 0; }
  // Whether every worker is in a handler whose call's time limit has passed by more than `grace`.
  bool all_stuck(TimePoint now, std::chrono::nanoseconds grace) const;

 private:
  struct Worker {
    WorkQueue queue;
    // The load is the difference of `taken` and `done`. Calls with a reserved slot, except those taken back
    // or stolen by others:
    std::atomic<std::size_t> taken{0};
    // Those of them that have ended. Only the worker writes it, without locked instructions.
    std::atomic<std::size_t> done{0};
    std::atomic<std::int64_t> busy_until_ns{0};  // the running call's deadline; 0: idle
    std::atomic<const void*> client{nullptr};    // client of the call that it runs, or ran last
    MeanTime run_time;
    std::atomic<bool> ended{false};
    std::size_t index = 0;
    QuickClock<> clock;  // of this thread
    TimePoint now;       // when it last woke or ended a call: one reading of the clock for each
    std::thread thread;
  };

  void start_worker(std::size_t index);
  std::size_t next_first(std::size_t workers);
  bool may_sleep(const Worker& self) const { return self.index >= active(); }
  void run(Worker& self);
  ActiveCall* next_call(Worker& self);
  // Mean run time from which asking all queues costs little in comparison.
  static constexpr std::chrono::nanoseconds kLongCall = std::chrono::milliseconds(1);
  bool chooses_queue(const Worker& self) const {
    return self.run_time.approx() >= kLongCall && fair_.load(std::memory_order_relaxed);
  }
  Worker* longest_queue();
  Worker* least_served_queue(Worker& self);
  std::size_t running(const void* client) const;
  ActiveCall* steal(Worker& self);
  void execute(Worker& self, ActiveCall& call);

  // Shared with the threads, so that a stuck one may outlive the pool.
  std::vector<std::shared_ptr<Worker>> workers_;
  cpu_set_t cpus_;  // empty: all
  std::size_t processors_;
  std::atomic<std::size_t> active_;  // the first so many take calls
  std::atomic<std::size_t> queue_max_;
  std::atomic<bool> fair_{true};
  std::atomic<std::size_t> idle_{0};
  std::atomic<std::size_t> next_start_{0};  // where the search for the least loaded begins: spreads ties
};

}  // namespace sluice::core
