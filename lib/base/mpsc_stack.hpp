// Hand-over from many threads to one, by links inside the elements.
#pragma once

#include <atomic>

namespace sluice::core {

// Any thread pushes, one thread takes everything at once, in the order of pushing. Lock-free: a push is
// one compare-and-swap (R. K. Treiber, "Systems Programming: Coping with Parallelism", 1986; taking the
// whole stack at once has no ABA problem). Owns nothing.
template <typename T, T* T::*Next>
class MpscStack {
 public:
  // True when the stack was empty: the taker must be woken then, and only then.
  bool push(T& element) {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      element.*Next = head;
    } while (
        !head_.compare_exchange_weak(head, &element, std::memory_order_release, std::memory_order_relaxed));
    return head == nullptr;
  }

  // All elements, oldest first, linked by Next; null when there are none.
  T* take_all() {
    T* newest = head_.exchange(nullptr, std::memory_order_acquire);
    T* oldest = nullptr;
    while (newest != nullptr) {
      T* const older = newest->*Next;
      newest->*Next = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

 private:
  std::atomic<T*> head_{nullptr};
};

}  // namespace sluice::core
