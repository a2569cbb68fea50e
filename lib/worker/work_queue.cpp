#include "lib/worker/work_queue.hpp"

#include <algorithm>

namespace sluice::core {

bool WorkQueue::push(CallQueue& calls, std::size_t count) {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    while (ActiveCall* const call = calls.pop_front()) {
      calls_[static_cast<std::size_t>(call->priority)].push_back(*call);
    }
    size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
    asleep = sleeping_;
  }
  if (asleep) wake_.notify_one();
  return asleep;
}

bool WorkQueue::empty() const {
  return std::ranges::all_of(calls_, [](const CallQueue& each) { return each.empty(); });
}

ActiveCall* WorkQueue::pop() {
  const bool lowest_first = ++turn_ % kLowestTurn == 0;
  for (std::size_t i = 0; i < kPriorities; ++i) {
    const std::size_t at = lowest_first ? i : kPriorities - 1 - i;
    if (ActiveCall* const call = calls_[at].pop_front()) return call;
  }
  return nullptr;
}

ActiveCall* WorkQueue::try_pop() {
  if (size_approx() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  ActiveCall* const call = pop();
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
  wake_.wait(lock, [this] { return nudged_ || stopped() || !empty(); });
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
