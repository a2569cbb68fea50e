#include "lib/worker/worker_dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

WorkerDispatcher::WorkerDispatcher(WorkerPool& pool) : pool_(pool), shares_(pool.size()) {
  opened_.reserve(pool.size());
  given_.reserve(pool.size());
}

std::size_t WorkerDispatcher::reserve_alone() {
  const std::size_t worker = pool_.try_reserve();
  // No short call of this thread is to wait behind this one.
  if (worker == open_) open_ = WorkerPool::kNone;
  if (worker == favourite_) favourite_ = WorkerPool::kNone;
  std::erase(opened_, worker);
  return worker;
}

// Next worker for this iteration's calls; kNone: open another.
std::size_t WorkerDispatcher::choose_next(Duration call_takes, TimePoint now) {
  open_work_ = Duration::zero();
  if (opened_.empty() && favourite_gets_on(call_takes, now)) return opened_.emplace_back(favourite_);
  if (opened_.size() < pool_.processors()) return WorkerPool::kNone;
  // More workers than processors would only alternate.
  return opened_[++rotation_ % opened_.size()];
}

void WorkerDispatcher::reserve_and_open() {
  open_ = pool_.try_reserve();
  if (open_ != WorkerPool::kNone && !opened(open_)) opened_.push_back(open_);
}

bool WorkerDispatcher::opened(std::size_t worker) const {
  return std::ranges::find(opened_, worker) != opened_.end();
}

// Whether it has nothing to do, or was just seen to have ended a call and has not so much to do that another
// processor should help.
bool WorkerDispatcher::favourite_gets_on(Duration call_takes, TimePoint now) {
  if (favourite_ >= pool_.active()) return false;
  const WorkerPool::Load load = pool_.load_approx(favourite_);
  // Else it may have got on long ago, and no more since.
  const bool lately = now < std::exchange(looked_at_, now) + kPatience;
  const bool ended_some = std::exchange(favourite_done_, load.done) != load.done;
  if (load.calls == 0 || (ended_some && lately)) got_on_at_ = now;
  if (now >= got_on_at_ + kPatience) return false;
  const auto calls = static_cast<std::int64_t>(load.calls);
  return calls * call_takes < kShareMax || pool_.loaded_approx() >= pool_.processors();
}

void WorkerDispatcher::favour(std::size_t worker, TimePoint now) {
  if (std::exchange(favourite_, worker) == worker) return;
  favourite_done_ = pool_.load_approx(worker).done;
  looked_at_ = got_on_at_ = now;
}

void WorkerDispatcher::withdraw(ActiveCall& call) {
  static_cast<ActiveCall::QueueHook&>(call).unlink();
  --shares_[call.worker].count;
  --count_;
  unreserve(call.worker);
}

void WorkerDispatcher::unreserve(std::size_t worker) {
  pool_.unreserve(worker);
  withdrawn_ = true;
}

bool WorkerDispatcher::push(TimePoint now) {
  const bool any = std::exchange(count_, 0) > 0;
  if (any) push_shares();
  withdrawn_ = false;
  if (!opened_.empty()) favour(opened_.front(), now);
  opened_.clear();
  open_ = WorkerPool::kNone;
  return any;
}

void WorkerDispatcher::push_shares() {
  ++submission_;
  given_.clear();
  std::size_t most = 0;
  for (std::size_t worker = 0; worker < shares_.size(); ++worker) {
    Share& share = shares_[worker];
    const std::size_t count = std::exchange(share.count, 0);
    if (count == 0) continue;
    given_.push_back(worker);
    most = std::max(most, count);
    const bool begins = pool_.push(worker, share.calls, count);
    if (begins && count == 1) continue;
    // Some wait, maybe behind one that takes long.
    if (!opened(worker)) pool_.wake_one_idle();
    watch(worker);
  }
  // They may wait behind one another, though a worker is free that one had been counted to.
  if (withdrawn_ && most > 1) pool_.wake_all_idle();
}

bool WorkerDispatcher::idle_again() {
  const auto idle = [this](std::size_t worker) { return pool_.was_idle(worker); };
  if (!std::ranges::all_of(given_, idle)) return false;
  for (const std::size_t worker : given_) shares_[worker].watched = false;
  return true;
}

void WorkerDispatcher::watch(std::size_t worker) {
  // Nobody can help; whoever comes to be free looks round by itself.
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
