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

// Chooses a worker for each call, and pushes at an iteration's end what the iteration has brought, with
// one lock and at most one wake-up for each worker. Not thread-safe: one per I/O thread. Owns nothing.
//
// Waking a worker takes ten times as long as a short call. So short calls of an iteration go to the same
// worker, up to kShareMax of work, then to another while there are processors for it; and those of the next
// iteration go there again, while it makes progress. All other calls go to the least loaded worker. With four
// workers on one processor that took W3 from 0.636 to 0.68 of raw_echo and W2 from 0.81 to 0.88. A call that
// was short so far may turn out to be long, with others behind it and workers asleep: check() wakes them,
// some two milliseconds later, or once the I/O thread is free to.
class WorkerDispatcher {
 public:
  using Duration = std::chrono::nanoseconds;
  // What runs no longer than this neither blocks nor computes for long.
  static constexpr Duration kShortMax = std::chrono::microseconds(5);
  // Of work for one worker: what some wake-ups of another take.
  static constexpr Duration kShareMax = std::chrono::microseconds(20);
  // What a worker does for a call beside running its handler, about.
  static constexpr Duration kHandling = Duration(250);
  // Within this a worker that makes progress has ended a call.
  static constexpr Duration kProgressWindow = std::chrono::microseconds(200);
  // Until a worker is looked at that was given calls to wait behind others.
  static constexpr Duration kCheckPause = std::chrono::milliseconds(1);

  explicit WorkerDispatcher(WorkerPool& pool);

  // Counts a call to a worker, to be enqueued in this iteration, or to have its slot released. `run_time`:
  // what calls of its method take on the whole; zero where that is not known. WorkerPool::kNone if all
  // workers are full.
  std::size_t reserve(Duration run_time, TimePoint now);

  // Keeps a call that has been counted to its worker to the iteration's end.
  void enqueue(ActiveCall& call);
  // Whether it has not been pushed yet.
  bool is_queued(const ActiveCall& call) const { return call.serial == submission_; }
  // Takes it back, and releases its slot.
  void cancel_queued(ActiveCall& call);
  // Releases the slot of a call that is not to be enqueued.
  void release_slot(std::size_t worker);
  bool empty() const { return count_ == 0; }

  // Ends the iteration. Whether it had brought calls.
  bool push(TimePoint now);
  // Whether the workers who got calls last have ended all that they had, so that they need not be watched.
  bool idle_again();
  // Whether check() is to be called in kCheckPause.
  bool watching() const { return watching_; }
  // Wakes workers that sleep where as many calls wait for another as it has not ended since it was last
  // looked at.
  void check();

 private:
  struct Share {
    CallQueue calls;
    std::size_t count = 0;
    bool watched = false;
    std::size_t done_then = 0;  // by its worker, when it was last looked at
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
  std::vector<std::size_t> last_workers_;  // that got calls last
  std::size_t count_ = 0;                  // of calls that are queued here
  std::uint64_t submission_ = 0;           // the next one's number; calls that are queued here have it
  bool canceled_ = false;                  // a call of this iteration
  bool watching_ = false;

  // This iteration's short calls go to the open one; it and those that have been open before.
  std::size_t open_ = WorkerPool::kNone;
  Duration open_work_{0};  // that it was given since it was opened
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
