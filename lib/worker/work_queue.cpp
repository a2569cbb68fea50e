#include "lib/worker/work_queue.hpp"

#include "lib/base/prefetch.hpp"

namespace sluice::core {

bool WorkQueue::push(CallQueue& calls, std::size_t count) {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    calls_.take_all(calls);
    size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
    asleep = sleeping_;
  }
  if (asleep) wake_.notify_one();
  return asleep;
}

ActiveCall* WorkQueue::try_pop() {
  if (size_approx() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  ActiveCall* const call = calls_.pop_front();
  if (const ActiveCall* const next = calls_.likely_next()) prefetch(*next);
  // Only that there is more must be seen at once.
  if (call != nullptr) size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  return call;
}

bool WorkQueue::contains(const ActiveCall& call) {
  const std::lock_guard lock(mutex_);
  return static_cast<const ListHook<QueueTag>&>(call).linked();
}

bool WorkQueue::remove(ActiveCall& call) {
  const std::lock_guard lock(mutex_);
  auto& hook = static_cast<ListHook<QueueTag>&>(call);
  if (!hook.linked()) return false;
  hook.unlink();
  size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  return true;
}

void WorkQueue::sleep() {
  std::unique_lock lock(mutex_);
  sleeping_ = true;
  wake_.wait(lock, [this] { return nudged_ || stopped() || !calls_.empty(); });
  sleeping_ = nudged_ = false;
}

bool WorkQueue::nudge() {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    if (nudged_) return false;
    // Also when it does not sleep yet: it may be about to, having looked for work before there was any.
    nudged_ = true;
    asleep = sleeping_;
  }
  if (asleep) wake_.notify_one();
  return asleep;
}

void WorkQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_.store(true, std::memory_order_release);
  }
  wake_.notify_one();
}

}  // namespace sluice::core
