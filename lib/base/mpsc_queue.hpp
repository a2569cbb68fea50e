// Hand-over from many threads to one, by links inside the elements.
#pragma once

#include <atomic>
#include <thread>

#include "lib/base/prefetch.hpp"

namespace sluice::core {

// Any thread pushes, one thread takes what there is, oldest first. A push is one exchange (D. Vyukov,
// "Intrusive MPSC node-based queue"), and says where the taker has to be woken. A stack that the taker turns
// round takes as much to push, but 5 ns more an element to turn: its memory has to come one after the other.
// In return, a push that is interrupted half-way holds up the element before it and those behind. Owns
// nothing.
template <typename T, std::atomic<T*> T::*Next>
class MpscQueue {
 public:
  // True when the queue was empty: the taker must be woken then, and only then, unless it is sure to look
  // whether it is empty before it sleeps.
  bool push(T& element) {
    (element.*Next).store(nullptr, std::memory_order_relaxed);
    T* const before = newest_.exchange(&element, std::memory_order_seq_cst);
    (before != nullptr ? before->*Next : oldest_).store(&element, std::memory_order_release);
    return before == nullptr;
  }

  // Whether something has been pushed and not taken, or is just being pushed. Sequentially
  // consistent with push().
  bool empty() const { return newest_.load(std::memory_order_seq_cst) == nullptr; }

  // Whether there is one that can be taken, rather than just being pushed. The taker only.
  bool ready() const { return oldest_.load(std::memory_order_relaxed) != nullptr; }

  // Calls `visit` for each element that is there, which may push others: those stay for the next time. The
  // taker only; must not be called by `visit`, which must not throw.
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
  static constexpr int kLinkTries = 100;  // to see who is just being linked, each after others may have run

  // The next, or null where `element` was the last, and the queue is empty now. Itself, if the next does not
  // come to be linked.
  T* behind(T& element) {
    for (int tries = 0; tries < kLinkTries; ++tries) {
      if (T* const next = (element.*Next).load(std::memory_order_acquire)) return next;
      T* newest = &element;
      if (newest_.compare_exchange_strong(newest, nullptr, std::memory_order_acq_rel)) return nullptr;
      // Whoever pushes the next was interrupted in the midst of it.
      std::this_thread::yield();
    }
    return &element;
  }

  std::atomic<T*> newest_{nullptr};  // null: empty
  std::atomic<T*> oldest_{nullptr};  // null: empty, or just being pushed or taken
};

}  // namespace sluice::core
