#include "lib/worker/worker_dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

WorkerDispatcher::WorkerDispatcher(WorkerPool& pool) : pool_(pool), shares_(pool.size()) {
  batch_workers_.reserve(pool.size());
  last_workers_.reserve(pool.size());
}

std::size_t WorkerDispatcher::reserve_alone() {
  const std::size_t worker = pool_.try_reserve();
  // Short calls of this thread must not wait behind this one.
  if (worker == open_) open_ = WorkerPool::kNone;
  if (worker == sticky_) sticky_ = WorkerPool::kNone;
  std::erase(batch_workers_, worker);
  return worker;
}

// Next worker for this iteration's calls; kNone: open another.
std::size_t WorkerDispatcher::choose_next(Duration call_takes, TimePoint now) {
  open_work_ = Duration::zero();
  if (batch_workers_.empty() && sticky_is_progressing(call_takes, now))
    return batch_workers_.emplace_back(sticky_);
  if (batch_workers_.size() < pool_.processors()) return WorkerPool::kNone;
  // More workers than processors would only alternate.
  return batch_workers_[++rotation_ % batch_workers_.size()];
}

void WorkerDispatcher::reserve_and_open() {
  open_ = pool_.try_reserve();
  if (open_ != WorkerPool::kNone && !is_in_batch(open_)) batch_workers_.push_back(open_);
}

bool WorkerDispatcher::is_in_batch(std::size_t worker) const {
  return std::ranges::find(batch_workers_, worker) != batch_workers_.end();
}

// Whether the sticky worker is idle, or has recently ended a call and has too little work to need another
// processor's help.
bool WorkerDispatcher::sticky_is_progressing(Duration call_takes, TimePoint now) {
  if (sticky_ >= pool_.active()) return false;
  const WorkerPool::Load load = pool_.load_approx(sticky_);
  // Otherwise its progress may be old.
  const bool recently = now < std::exchange(looked_at_, now) + kProgressWindow;
  const bool ended_some = std::exchange(sticky_done_, load.done) != load.done;
  if (load.calls == 0 || (ended_some && recently)) progressed_at_ = now;
  if (now >= progressed_at_ + kProgressWindow) return false;
  const auto calls = static_cast<std::int64_t>(load.calls);
  return calls * call_takes < kShareMax || pool_.loaded_approx() >= pool_.processors();
}

void WorkerDispatcher::stick_to(std::size_t worker, TimePoint now) {
  if (std::exchange(sticky_, worker) == worker) return;
  sticky_done_ = pool_.load_approx(worker).done;
  looked_at_ = progressed_at_ = now;
}

void WorkerDispatcher::cancel_queued(ActiveCall& call) {
  static_cast<ActiveCall::QueueHook&>(call).unlink();
  --shares_[call.worker].count;
  --count_;
  release_slot(call.worker);
}

void WorkerDispatcher::release_slot(std::size_t worker) {
  pool_.release_slot(worker);
  canceled_ = true;
}

bool WorkerDispatcher::push(TimePoint now) {
  const bool any = std::exchange(count_, 0) > 0;
  if (any) push_shares();
  canceled_ = false;
  if (!batch_workers_.empty()) stick_to(batch_workers_.front(), now);
  batch_workers_.clear();
  open_ = WorkerPool::kNone;
  return any;
}

void WorkerDispatcher::push_shares() {
  ++submission_;
  last_workers_.clear();
  std::size_t most = 0;
  for (std::size_t worker = 0; worker < shares_.size(); ++worker) {
    Share& share = shares_[worker];
    const std::size_t count = std::exchange(share.count, 0);
    if (count == 0) continue;
    last_workers_.push_back(worker);
    most = std::max(most, count);
    const bool begins = pool_.push(worker, share.calls, count);
    if (begins && count == 1) continue;
    // Some calls wait, perhaps behind a long one.
    if (!is_in_batch(worker)) pool_.wake_one_idle();
    watch(worker);
  }
  // They may wait behind one another, though a worker is free to which the canceled call had been assigned.
  if (canceled_ && most > 1) pool_.wake_all_idle();
}

bool WorkerDispatcher::idle_again() {
  const auto idle = [this](std::size_t worker) { return pool_.was_idle(worker); };
  if (!std::ranges::all_of(last_workers_, idle)) return false;
  for (const std::size_t worker : last_workers_) shares_[worker].watched = false;
  return true;
}

void WorkerDispatcher::watch(std::size_t worker) {
  // No worker can help. A worker that becomes free looks for calls by itself.
  if (pool_.idle() == 0) return;
  Share& share = shares_[worker];
  if (std::exchange(share.watched, true)) return;
  share.done_then = pool_.load_approx(worker).done;
  watching_ = true;
}

void WorkerDispatcher::check() {
  watching_ = false;
  for (std::size_t worker = 0; worker < shares_.size(); ++worker) {
    Share& share = shares_[worker];
    if (!share.watched) continue;
    const std::size_t waiting = pool_.queue_depth_approx(worker);
    share.watched = waiting > 0 && pool_.idle() > 0;
    if (!share.watched) continue;
    watching_ = true;
    const std::size_t done = pool_.load_approx(worker).done;
    if (done - std::exchange(share.done_then, done) < waiting) pool_.wake_all_idle();
  }
}

}  // namespace sluice::core
