// Priority queue: FIFO within each priority, without starvation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/admission/priority.hpp"
#include "lib/base/intrusive_list.hpp"

namespace sluice::core {

// FIFO of elements of each priority, linked through themselves: an unlinked element has left the queue.
// Higher priorities go first. Every sixteenth element is the oldest of the lowest priority, so that others do
// not starve it. Not thread-safe.
template <typename T, typename Tag>
class PriorityQueue {
  using List = IntrusiveList<T, Tag>;

 public:
  void push_back(T& element, Priority priority) { list(priority).push_back(element); }

  // Moves all elements of `other` behind those of their priority, however many there are.
  void take_all(PriorityQueue& other) {
    for (std::size_t i = 0; i < lists_.size(); ++i) lists_[i].take_all(other.lists_[i]);
  }

  bool empty() const {
    return std::ranges::all_of(lists_, [](const List& each) { return each.empty(); });
  }

  // The next element among those that `may_go`; null if none may.
  template <typename MayGo>
  T* find_next(MayGo may_go) {
    const bool lowest_first = (taken_count_ + 1) % kLowestEvery == 0;
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      List& list = lists_[lowest_first ? i : lists_.size() - 1 - i];
      if (T* const found = list.find_if(may_go)) return found;
    }
    return nullptr;
  }
  T* next() {
    return find_next([](const T&) { return true; });
  }
  // Removes an element that find_next() or next() returned.
  void take(T& element) {
    ++taken_count_;
    static_cast<ListHook<Tag>&>(element).unlink();
  }

  // Both at once. If none may go, the round does not advance.
  template <typename MayGo>
  T* take_if(MayGo may_go) {
    T* const found = find_next(may_go);
    if (found != nullptr) take(*found);
    return found;
  }
  T* pop_front() {
    return take_if([](const T&) { return true; });
  }

  // The probable next element: it ignores the lowest priority's share. Null if the queue is empty.
  T* likely_next() {
    for (std::size_t i = lists_.size(); i > 0; --i) {
      if (T* const first = lists_[i - 1].front()) return first;
    }
    return nullptr;
  }

  // The elements of one priority, oldest first.
  List& list(Priority priority) { return lists_[static_cast<std::size_t>(priority)]; }

  // Visits all in unspecified order. `visit` may remove the element that it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (List& list : lists_) list.for_each(visit);
  }

 private:
  static constexpr std::uint32_t kLowestEvery = 16;

  std::array<List, static_cast<std::size_t>(Priority::kCount)> lists_;
  std::uint32_t taken_count_ = 0;
};

}  // namespace sluice::core
