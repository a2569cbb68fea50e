// Intrusive doubly linked list: hooks inside the elements, no allocation, removal from the middle in O(1).
#pragma once

#include <cassert>
#include <cstddef>

namespace sluice::core {

// A link in a list. Never copied or moved.
struct ListNode {
  ListNode* previous = nullptr;
  ListNode* next = nullptr;

  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
};

// Base class of elements of a list. `Tag` distinguishes lists that an element can be in at the same time.
template <typename Tag>
class ListHook : private ListNode {
 public:
  bool linked() const { return next != nullptr; }
  void unlink() {
    if (next == nullptr) return;
    previous->next = next;
    next->previous = previous;
    previous = next = nullptr;
  }

 private:
  template <typename, typename>
  friend class IntrusiveList;
};

// FIFO list of `T`s, which derive from ListHook<Tag>. An element may be in one list of each tag. Owns
// nothing. Not thread-safe.
template <typename T, typename Tag>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  IntrusiveList() { head_.previous = head_.next = &head_; }
  ~IntrusiveList() {
    while (pop_front() != nullptr) continue;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next == &head_; }

  void push_back(T& element) {
    ListNode& node = static_cast<Hook&>(element);
    assert(node.next == nullptr);
    node.previous = head_.previous;
    node.next = &head_;
    head_.previous->next = &node;
    head_.previous = &node;
  }

  void push_front(T& element) {
    ListNode& node = static_cast<Hook&>(element);
    assert(node.next == nullptr);
    node.previous = &head_;
    node.next = head_.next;
    head_.next->previous = &node;
    head_.next = &node;
  }

  // Inserts `element` before `at`, which is in a list.
  static void insert_before(T& element, T& at) {
    ListNode& node = static_cast<Hook&>(element);
    ListNode& next = static_cast<Hook&>(at);
    assert(node.next == nullptr);
    node.previous = next.previous;
    node.next = &next;
    next.previous->next = &node;
    next.previous = &node;
  }

  // The first element, or null.
  T* front() { return empty() ? nullptr : &element_of(head_.next); }
  const T* front() const { return const_cast<IntrusiveList*>(this)->front(); }
  // The last one, or null.
  T* back() { return empty() ? nullptr : &element_of(head_.previous); }
  const T* back() const { return const_cast<IntrusiveList*>(this)->back(); }
  T* pop_front() {
    T* const first = front();
    if (first != nullptr) static_cast<Hook&>(*first).unlink();
    return first;
  }

  // Moves all elements of `other` to this list's end, however many there are.
  void take_all(IntrusiveList& other) {
    if (other.empty()) return;
    ListNode& first = *other.head_.next;
    ListNode& last = *other.head_.previous;
    first.previous = head_.previous;
    head_.previous->next = &first;
    last.next = &head_;
    head_.previous = &last;
    other.head_.previous = other.head_.next = &other.head_;
  }

  // Calls `visit` for each element; it may remove the element that it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (ListNode* node = head_.next; node != &head_;) {
      ListNode* const next = node->next;
      visit(element_of(node));
      node = next;
    }
  }

  // The first element that `matches`, or null.
  template <typename Matches>
  T* find_if(Matches matches) {
    for (ListNode* node = head_.next; node != &head_; node = node->next) {
      if (matches(element_of(node))) return &element_of(node);
    }
    return nullptr;
  }

 private:
  static T& element_of(ListNode* node) { return static_cast<T&>(static_cast<Hook&>(*node)); }

  ListNode head_;
};

}  // namespace sluice::core
