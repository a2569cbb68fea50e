// Worker dispatcher: the choice of a worker for each call of one I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/call/active_call.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// Chooses a worker for each call. At the end of an iteration it pushes the iteration's calls, with one lock
// and at most one wake-up for each worker. Not thread-safe: one per I/O thread. Owns nothing.
//
// Waking a worker takes ten times as long as a short call. So short calls of an iteration go to the same
// worker, up to kShareMax of work, then to another while there are processors for it. Those of the next
// iteration go there again, while that worker makes progress. All other calls go to the least loaded worker.
// With four workers on one processor that raised throughput from 0.636 to 0.68 of raw_echo in W3, and from
// 0.81 to 0.88 in W2 (bench/README.md). A call that was short so far may take long, with others behind it and
// workers asleep. check() wakes them some two milliseconds later, or once the I/O thread is free to.
class WorkerDispatcher {
 public:
  using Duration = std::chrono::nanoseconds;
  // A handler up to this run time neither blocks nor computes for long.
  static constexpr Duration kShortMax = std::chrono::microseconds(5);
  // Work for one worker: as long as some wake-ups of another take.
  static constexpr Duration kShareMax = std::chrono::microseconds(20);
  // Approximate time of a worker for a call, besides its handler.
  static constexpr Duration kHandling = Duration(250);
  // A worker that makes progress has ended a call within this time.
  static constexpr Duration kProgressWindow = std::chrono::microseconds(200);
  // Wait before a worker is checked whose new calls wait behind others.
  static constexpr Duration kCheckPause = std::chrono::milliseconds(1);

  explicit WorkerDispatcher(WorkerPool& pool);

  // Reserves a worker's slot for a call, which is enqueued in this iteration or has its slot released.
  // `run_time`: mean run time of its method; zero if it is not known. WorkerPool::kNone if all workers are
  // full.
  std::size_t reserve(Duration run_time, TimePoint now);

  // Keeps a call with a reserved slot until the end of the iteration.
  void enqueue(ActiveCall& call);
  // Whether the call has not been pushed yet.
  bool is_queued(const ActiveCall& call) const { return call.serial == submission_; }
  // Takes the call back, and releases its slot.
  void cancel_queued(ActiveCall& call);
  // Releases the slot of a call that will not be enqueued.
  void release_slot(std::size_t worker);
  bool empty() const { return count_ == 0; }

  // Ends the iteration. True if it had calls for workers.
  bool push(TimePoint now);
  // Whether the workers of the last calls have ended all of them, so that no check is needed.
  bool idle_again();
  // Whether check() is to be called in kCheckPause.
  bool watching() const { return watching_; }
  // Wakes the sleeping workers if another one has ended fewer calls since its last check than still wait for
  // it.
  void check();

 private:
  struct Share {
    CallQueue calls;
    std::size_t count = 0;
    bool watched = false;
    std::size_t done_then = 0;  // calls ended by its worker at the last check
  };

  std::size_t reserve_alone();
  std::size_t choose_next(Duration call_takes, TimePoint now);
  void reserve_and_open();
  bool sticky_is_progressing(Duration call_takes, TimePoint now);
  void stick_to(std::size_t worker, TimePoint now);
  bool is_in_batch(std::size_t worker) const;
  void push_shares();
  void watch(std::size_t worker);

  WorkerPool& pool_;
  std::vector<Share> shares_;              // by worker
  std::vector<std::size_t> last_workers_;  // of the last calls
  std::size_t count_ = 0;                  // calls that are queued here
  std::uint64_t submission_ = 0;           // number of the next push; queued calls have it
  bool canceled_ = false;                  // whether a call of this iteration was canceled
  bool watching_ = false;

  // This iteration's short calls go to the open worker. batch_workers_ has it and those that were open
  // before.
  std::size_t open_ = WorkerPool::kNone;
  Duration open_work_{0};  // its work since it was opened
  std::vector<std::size_t> batch_workers_;
  std::size_t rotation_ = 0;

  // The worker that got the last iteration's short calls.
  std::size_t sticky_ = WorkerPool::kNone;
  std::size_t sticky_done_ = 0;
  TimePoint looked_at_;
  TimePoint progressed_at_;
};

inline std::size_t WorkerDispatcher::reserve(Duration run_time, TimePoint now) {
  if (run_time == Duration::zero() || run_time > kShortMax) return reserve_alone();
  const Duration call_takes = run_time + kHandling;
  if (open_ == WorkerPool::kNone || open_work_ >= kShareMax) open_ = choose_next(call_takes, now);
  if (open_ == WorkerPool::kNone || !pool_.try_reserve_at(open_)) reserve_and_open();
  open_work_ += call_takes;
  return open_;
}

inline void WorkerDispatcher::enqueue(ActiveCall& call) {
  call.serial = submission_;
  Share& share = shares_[call.worker];
  share.calls.push_back(call, call.priority);
  ++share.count;
  ++count_;
}

}  // namespace sluice::core
