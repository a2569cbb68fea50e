// Multi-producer single-consumer queue, linked inside the elements.
#pragma once

#include <atomic>
#include <thread>

#include "lib/base/prefetch.hpp"

namespace sluice::core {

// Any thread pushes, one thread takes all elements, oldest first. A push is one exchange (D. Vyukov,
// "Intrusive MPSC node-based queue"), and tells whether the consumer must be woken. A stack that the consumer
// reverses costs as much to push, but 5 ns more an element to reverse: its memory is loaded one after the
// other. In return, a push that is interrupted half-way delays the element before it and those behind. Owns
// nothing.
template <typename T, std::atomic<T*> T::*Next>
class MpscQueue {
 public:
  // True if the queue was empty. The consumer must be woken then, and only then, unless it is sure to check
  // empty() before it sleeps.
  bool push(T& element) {
    (element.*Next).store(nullptr, std::memory_order_relaxed);
    T* const before = newest_.exchange(&element, std::memory_order_seq_cst);
    (before != nullptr ? before->*Next : oldest_).store(&element, std::memory_order_release);
    return before == nullptr;
  }

  // False while an element is pushed and not taken, or is just being pushed. Sequentially consistent with
  // push().
  bool empty() const { return newest_.load(std::memory_order_seq_cst) == nullptr; }

  // Whether an element can be taken, rather than just being pushed. The consumer only.
  bool ready() const { return oldest_.load(std::memory_order_relaxed) != nullptr; }

  // Calls `visit` for each element present. `visit` may push others, which stay for the next time. It must
  // not throw, or call this. The consumer only.
  template <typename Visit>
  void take_all(Visit visit) {
    T* element = oldest_.exchange(nullptr, std::memory_order_acquire);
    if (element == nullptr) return;
    const T* const last = newest_.load(std::memory_order_acquire);
    for (;;) {
      const bool was_last = element == last;
      T* const next = behind(*element);
      if (next == element) return oldest_.store(element, std::memory_order_relaxed);
      if (next != nullptr) prefetch(*next);
      visit(*element);
      if (next == nullptr) return;
      if (was_last) return oldest_.store(next, std::memory_order_relaxed);
      element = next;
    }
  }

 private:
  static constexpr int kLinkTries =
      100;  // to wait for an element that is just being linked, each after others may have run

  // The next element; null if `element` was the last, and the queue is now empty; `element` itself if the
  // next is not linked in time.
  T* behind(T& element) {
    for (int tries = 0; tries < kLinkTries; ++tries) {
      if (T* const next = (element.*Next).load(std::memory_order_acquire)) return next;
      T* newest = &element;
      if (newest_.compare_exchange_strong(newest, nullptr, std::memory_order_acq_rel)) return nullptr;
      // The thread that pushes the next element was interrupted half-way.
      std::this_thread::yield();
    }
    return &element;
  }

  std::atomic<T*> newest_{nullptr};  // null: empty
  std::atomic<T*> oldest_{nullptr};  // null: empty, or just being pushed or taken
};

}  // namespace sluice::core
