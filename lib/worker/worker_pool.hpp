// The threads that run blocking handlers.
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

// Workers with a bounded queue each, in which clients take turns. A worker that runs dry takes the next call
// from the longest queue, so that nothing waits for long behind a hung handler while another worker is free:
// whoever hands over calls that may wait wakes one that sleeps. Where calls take long, a worker takes its
// next one from the queue whose next call's client has the fewest running. Thread-safe. Owns the threads, not
// the calls.
//
// A call's way: try_reserve() counts it to a worker, push() hands it over (many at a time, with one
// wake-up), the worker runs it and gives it back through ActiveCall::home.
class WorkerPool {
 public:
  // `queue_max`: calls that may wait for each worker besides the one that it runs. `workers_max`: as many
  // there may be by resize(); 0: as `workers`.
  WorkerPool(std::size_t workers, std::size_t queue_max, std::size_t workers_max = 0);
  // Joins the workers; those that stop() reported as stuck have been let go.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Where workers may run, before they are started; none: anywhere.
  void run_on(const std::vector<std::size_t>& cpus);
  void start();

  // Lets so many workers take calls, starting those that there have not been yet. Those that are too many
  // finish what they have, and sleep. One thread at a time. Throws std::system_error where there can't be a
  // thread.
  void resize(std::size_t workers);

  // Counts one call to the least loaded worker; kNone if every worker runs one and has a full queue. No
  // optional, since that would be stored in pieces and then read as one, for which the processor waits 5 ns.
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t try_reserve();
  // Counts one to that worker; false if it is full.
  bool try_reserve_at(std::size_t worker);
  // Takes back a reservation whose call was never pushed.
  void release_slot(std::size_t worker);

  // Hands over reserved calls of one worker. Whether it was asleep and had none, and so begins with them at
  // once; else somebody else may have to be woken for them.
  bool push(std::size_t worker, CallQueue& calls, std::size_t count);

  // Let idle workers, if there are any, look for calls to steal.
  void wake_one_idle();
  void wake_all_idle();

  // What a worker had been given a moment ago: calls that it has not ended, and those that it has. Where
  // others steal from it meanwhile, the former may be too few.
  struct Load {
    std::size_t calls = 0;
    std::size_t done = 0;
  };
  Load load_approx(std::size_t worker) const;
  // How many have such calls.
  std::size_t loaded_approx() const;
  // Whether the worker had nothing to do at some moment since this was called.
  bool was_idle(std::size_t worker) const;

  // Takes back a call that no worker has begun; false if one has, and will give it back.
  bool cancel_queued(ActiveCall& call);
  // Whether a call that was pushed has not begun.
  bool waiting(const ActiveCall& call) { return workers_[call.worker]->queue.contains(call); }

  // Whether clients take turns; else calls leave each queue in the order of their arrival.
  void set_fair(bool fair);
  void set_queue_max(std::size_t queue_max) { queue_max_.store(queue_max, std::memory_order_relaxed); }

  // Ends every worker when its handler returns, waiting until `until` at most. Gives the number of those
  // still in a handler; they keep what they need alive and end by themselves.
  std::size_t stop(TimePoint until);

  // How long a refused caller might wait for a place: the mean run time so far, times the calls waiting
  // per worker.
  milliseconds expected_wait_approx() const;

  // Those that workers may run on.
  std::size_t processors() const { return processors_; }
  // Of workers that there may be; those that take calls.
  std::size_t size() const { return workers_.size(); }
  std::size_t active() const { return active_.load(std::memory_order_relaxed); }
  // Those that sleep for want of calls. Who is not among them after calls were pushed looks for such before
  // it sleeps.
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
    // Its load is the difference. Calls that were reserved, but for those taken back, or over by others:
    std::atomic<std::size_t> taken{0};
    // Of them, those that have ended. The worker alone counts them, which takes no locked instruction.
    std::atomic<std::size_t> done{0};
    std::atomic<std::int64_t> busy_until_ns{0};  // the running call's deadline; 0: idle
    std::atomic<const void*> client{nullptr};    // whose call it runs, or ran last
    MeanTime run_time;
    std::atomic<bool> ended{false};
    std::size_t index = 0;
    QuickClock<> clock;  // its own
    TimePoint now;       // when it last woke or ended a call, so that the clock is read once for each
    std::thread thread;
  };

  void start_worker(std::size_t index);
  std::size_t next_first(std::size_t workers);
  bool may_sleep(const Worker& self) const { return self.index >= active(); }
  void run(Worker& self);
  ActiveCall* next_call(Worker& self);
  // Whose calls take so long that asking all queues for each costs nothing in comparison.
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
  cpu_set_t cpus_;  // none: anywhere
  std::size_t processors_;
  std::atomic<std::size_t> active_;  // the first so many take calls
  std::atomic<std::size_t> queue_max_;
  std::atomic<bool> fair_{true};
  std::atomic<std::size_t> idle_{0};
  std::atomic<std::size_t> next_start_{0};  // where the search for the least loaded begins, to spread ties
};

}  // namespace sluice::core
