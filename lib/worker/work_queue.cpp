#include "lib/worker/work_queue.hpp"

#include <utility>

#include "lib/base/prefetch.hpp"

namespace sluice::core {

bool WorkQueue::push(CallQueue& calls, std::size_t count) {
  bool begins = false;
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    begins = state_ != State::awake && size_approx() == 0;
    calls_.take_all(calls);
    size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
    asleep = wake();
  }
  if (asleep) wake_.post();
  return begins;
}

// Call with the lock held. True if wake_ is to be posted, after the lock is released.
bool WorkQueue::wake() {
  if (state_ != State::asleep) return false;
  state_ = State::woken;
  return true;
}

ActiveCall* WorkQueue::try_pop(TimePoint now) {
  if (size_approx() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  ActiveCall* const call = calls_.pop(now);
  if (const ActiveCall* const next = calls_.likely_next()) prefetch(*next);
  if (call != nullptr) note_popped();
  return call;
}

void WorkQueue::set_fair(bool fair) {
  const std::lock_guard lock(mutex_);
  calls_.set_fair(fair);
}

bool WorkQueue::contains(const ActiveCall& call) {
  const std::lock_guard lock(mutex_);
  return static_cast<const ActiveCall::QueueHook&>(call).linked();
}

bool WorkQueue::remove(ActiveCall& call) {
  const std::lock_guard lock(mutex_);
  auto& hook = static_cast<ActiveCall::QueueHook&>(call);
  if (!hook.linked()) return false;
  hook.unlink();
  note_popped();
  return true;
}

void WorkQueue::sleep() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(woken_to_steal_, false) || stopped() || !calls_.empty()) return;
    state_ = State::asleep;
  }
  wake_.wait();
  const std::lock_guard lock(mutex_);
  state_ = State::awake;
}

bool WorkQueue::wake_to_steal() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::woken) return false;
    // The worker may have looked for work before there was any, and be about to sleep.
    if (state_ == State::awake) woken_to_steal_ = true;
    if (!wake()) return false;
  }
  wake_.post();
  return true;
}

void WorkQueue::stop() {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    stopped_.store(true, std::memory_order_release);
    asleep = wake();
  }
  if (asleep) wake_.post();
}

}  // namespace sluice::core
