// How calls of one I/O thread come to workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/call/active_call.hpp"
#include "lib/time/deadline_wheel.hpp"
#include "lib/worker/worker_pool.hpp"

namespace sluice::core {

// Chooses a worker for each call, and hands over at an iteration's end what the iteration has brought, with
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
  // Within this a worker that gets on has ended a call.
  static constexpr Duration kPatience = std::chrono::microseconds(200);
  // Until a worker is looked at that was given calls to wait behind others.
  static constexpr Duration kCheckPause = std::chrono::milliseconds(1);

  explicit WorkerDispatcher(WorkerPool& pool);

  // Counts a call to a worker, to be staged in this iteration or given back to the pool. `run_time`: what
  // calls of its method take on the whole; zero where that is not known. WorkerPool::kNone if all workers are
  // full.
  std::size_t reserve(Duration run_time, TimePoint now);

  // Keeps a call that has been counted to its worker to the iteration's end.
  void stage(ActiveCall& call);
  // Whether it has not been handed over yet.
  bool staged(const ActiveCall& call) const { return call.serial == submission_; }
  // Takes it back, and its place.
  void withdraw(ActiveCall& call);
  // Takes back the place of one that is not to be staged.
  void unreserve(std::size_t worker);
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
  bool favourite_gets_on(Duration call_takes, TimePoint now);
  void favour(std::size_t worker, TimePoint now);
  bool opened(std::size_t worker) const;
  void push_shares();
  void watch(std::size_t worker);

  WorkerPool& pool_;
  std::vector<Share> shares_;       // by worker
  std::vector<std::size_t> given_;  // who got calls last
  std::size_t count_ = 0;           // of calls that are staged
  std::uint64_t submission_ = 0;    // number of the next push(), which the calls staged for it have
  bool withdrawn_ = false;          // one of this iteration's
  bool watching_ = false;

  // This iteration's short calls go to the open one; it and those that have been open before.
  std::size_t open_ = WorkerPool::kNone;
  Duration open_work_{0};  // that it was given since it was opened
  std::vector<std::size_t> opened_;
  std::size_t rotation_ = 0;

  // The worker that got the last iteration's short calls.
  std::size_t favourite_ = WorkerPool::kNone;
  std::size_t favourite_done_ = 0;
  TimePoint looked_at_;
  TimePoint got_on_at_;
};

inline std::size_t WorkerDispatcher::reserve(Duration run_time, TimePoint now) {
  if (run_time == Duration::zero() || run_time > kShortMax) return reserve_alone();
  const Duration call_takes = run_time + kHandling;
  if (open_ == WorkerPool::kNone || open_work_ >= kShareMax) open_ = choose_next(call_takes, now);
  if (open_ == WorkerPool::kNone || !pool_.try_reserve_at(open_)) reserve_and_open();
  open_work_ += call_takes;
  return open_;
}

inline void WorkerDispatcher::stage(ActiveCall& call) {
  call.serial = submission_;
  Share& share = shares_[call.worker];
  share.calls.push_back(call, call.priority);
  ++share.count;
  ++count_;
}

}  // namespace sluice::core
