// Work queue: the calls that wait for one worker.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "lib/base/semaphore.hpp"
#include "lib/call/active_call.hpp"
#include "lib/call/fair_queue.hpp"
#include "lib/call/priority_queue.hpp"

namespace sluice::core {

using CallQueue = PriorityQueue<ActiveCall, QueueTag>;

// Calls in the order of a FairQueue. Its worker sleeps while it is empty. Thread-safe; the lock covers
// pointer changes only. The pool bounds its length: it reserves a slot before a call gets here.
class WorkQueue {
 public:
  // Takes all of `calls` (`count` of them) with one lock and at most one wake-up. True if the queue was empty
  // and the worker asleep or just being woken.
  bool push(CallQueue& calls, std::size_t count);

  // The next call, or null. Any thread.
  ActiveCall* try_pop(TimePoint now);
  // The call of the client with the fewest running calls (FairQueue::lightest()), or null. Any thread;
  // `running` must only access memory.
  template <typename Running>
  ActiveCall* try_pop_fewest(TimePoint now, const Running& running) {
    const std::lock_guard lock(mutex_);
    ActiveCall* const call = calls_.lightest(now, running);
    if (call == nullptr) return nullptr;
    calls_.take(*call);
    note_popped();
    return call;
  }
  // How many calls that client has running; nothing if no call waits.
  template <typename Running>
  std::optional<std::size_t> fewest(TimePoint now, const Running& running) {
    const std::lock_guard lock(mutex_);
    const ActiveCall* const call = calls_.lightest(now, running);
    if (call == nullptr) return std::nullopt;
    return running(call->client);
  }
  void set_fair(bool fair);

  // Whether a pushed call has not been popped.
  bool contains(const ActiveCall& call);
  // Removes a call that has not been popped; false if it has.
  bool remove(ActiveCall& call);

  // Sleeps until there may be work: a push, wake_to_steal() or stop. The worker only. Returns at once if any
  // of them came since the last sleep.
  void sleep();
  // Makes the worker look for calls to steal: at once if it sleeps, else before it next does. False if it
  // was awake, or being woken already.
  bool wake_to_steal();
  void stop();

  std::size_t size_approx() const { return size_.load(std::memory_order_seq_cst); }
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

 private:
  enum class State : std::uint8_t { awake, asleep, woken };

  bool wake();
  // Call with the lock held. Only growth must be visible at once.
  void note_popped() { size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }

  std::mutex mutex_;
  Semaphore wake_;
  FairQueue<ActiveCall, QueueTag> calls_;
  State state_ = State::awake;
  bool woken_to_steal_ = false;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> size_{0};
};

}  // namespace sluice::core
