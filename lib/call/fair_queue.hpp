// Fair queue: round-robin between clients within each priority.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/base/intrusive_list.hpp"
#include "lib/call/priority_queue.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

template <typename T, typename Tag>
class FairQueue;

// Base class of elements of a FairQueue; `Tag` as for ListHook. Never copied or moved.
template <typename T, typename Tag>
class FairHook : public ListHook<Tag> {
 public:
  // Set these before it is pushed.
  const void* client = nullptr;  // the client that it belongs to; compared only
  TimePoint waits_since;

  void unlink() {
    if (lanes_ != nullptr) return lanes_->remove(*this);
    ListHook<Tag>::unlink();
  }

 private:
  friend class FairQueue<T, Tag>;

  // For the first element of a lane:
  FairQueue<T, Tag>* lanes_ = nullptr;
  IntrusiveList<T, Tag> behind_;  // the other elements of the lane
  T* next_lane_ = nullptr;        // with the same hash
  Priority priority_ = Priority::normal;
};

// A PriorityQueue that serves the clients of one priority round-robin, once elements wait for long: each
// element waits behind its client's own and at most one of each other client. The client that was served last
// may still be busy with that call, so newcomers go before it.
//
// Elements that have waited for less than kFifoWindow leave in the order of their arrival. So nothing is
// looked up while waits are short, and a list of arrivals is taken over as a whole. Once an element that
// leaves has waited longer, all are sorted into lanes, one for each client and priority, until those are
// empty: one look-up for each element. A lane is its first element with the others linked behind it. It is
// found by a hash of its client. Nothing is allocated. Not thread-safe.
template <typename T, typename Tag>
class FairQueue {
  using Hook = FairHook<T, Tag>;

 public:
  static constexpr std::size_t kWeighedMax = 64;  // clients
  // A thousand short calls that come at once wait for less.
  static constexpr TimePoint::duration kFifoWindow = std::chrono::milliseconds(5);

  FairQueue() = default;
  ~FairQueue() {
    lanes_.for_each([](T& first) { hook(first).lanes_ = nullptr; });
  }
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  // Whether clients are served round-robin. If not, elements leave in the order of arrival, once the existing
  // lanes are empty.
  void set_fair(bool fair) { fifo_window_ = fair ? kFifoWindow : TimePoint::duration::max(); }

  void push_back(T& element, Priority priority) { arrived_.push_back(element, priority); }
  // Moves all elements of `arrived` behind those of their priority, however many there are.
  void take_all(PriorityQueue<T, Tag>& arrived) { arrived_.take_all(arrived); }

  bool empty() const { return lane_count_ == 0 && arrived_.empty(); }

  // Removes and returns the next element; null if the queue is empty.
  T* pop(TimePoint now) {
    if (lane_count_ > 0) [[unlikely]]
      return take_in_turn(any);
    T* const first = arrived_.next();
    if (first == nullptr) return nullptr;
    if (late(*first, now)) [[unlikely]]
      return take_in_turn(any);
    arrived_.take(*first);
    return served(*first);
  }

  // Takes the next of the elements that `may_go`; elements of one client may overtake each other.
  template <typename MayGo>
  T* take_if(TimePoint now, MayGo may_go) {
    if (lane_count_ > 0 || any_late(now)) return take_in_turn(may_go);
    T* const found = arrived_.take_if(may_go);
    return found != nullptr ? served(*found) : nullptr;
  }

  // The next element if clients are weighed, for example by their running calls. Among the first kWeighedMax
  // lanes of the priority that is due, the lightest client's element wins. Null if the queue is empty. The
  // element stays in the queue. `weight` maps a client to an unsigned number.
  template <typename Weight>
  T* lightest(TimePoint now, const Weight& weight) {
    if (lane_count_ == 0 && !any_late(now)) return arrived_.next();
    sort();
    T* best = lanes_.next();
    if (best == nullptr) return nullptr;
    auto least = weight(hook(*best).client);
    std::size_t left = kWeighedMax;
    lanes_.list(hook(*best).priority_).find_if([&](T& each) {
      if (left-- == 0 || least == 0) return true;
      const auto its = weight(hook(each).client);
      if (its < least) {
        best = &each;
        least = its;
      }
      return false;
    });
    return best;
  }
  // Removes an element that lightest() returned.
  void take(T& next) {
    hook(next).lanes_ != nullptr ? take_lane(next) : arrived_.take(next);
    served(next);
  }

  // A guess of the next element, at less cost, while waits are short.
  T* likely_next() { return arrived_.likely_next(); }

  // Visits all in unspecified order. `visit` must not remove any.
  template <typename Visit>
  void for_each(Visit visit) {
    arrived_.for_each(visit);
    lanes_.for_each([&visit](T& first) {
      visit(first);
      hook(first).behind_.for_each(visit);
    });
  }

 private:
  friend Hook;
  static constexpr unsigned kHashBits = 7;
  static constexpr auto any = [](const T&) { return true; };

  static Hook& hook(T& element) { return static_cast<Hook&>(element); }

  bool late(T& element, TimePoint now) const { return now - hook(element).waits_since >= fifo_window_; }
  bool any_late(TimePoint now) {
    for (std::size_t i = 0; i < kPriorities; ++i) {
      T* const oldest = arrived_.list(static_cast<Priority>(i)).front();
      if (oldest != nullptr && late(*oldest, now)) return true;
    }
    return false;
  }

  T* served(T& element) {
    last_served_ = hook(element).client;
    return &element;
  }

  void sort() {
    for (std::size_t i = 0; i < kPriorities; ++i) {
      const auto priority = static_cast<Priority>(i);
      while (T* const arrived = arrived_.list(priority).pop_front()) add(*arrived, priority);
    }
  }

  void add(T& element, Priority priority) {
    Hook& added = hook(element);
    added.priority_ = priority;
    T*& bucket = bucket_of(added);
    for (T* lane = bucket; lane != nullptr; lane = hook(*lane).next_lane_) {
      if (hook(*lane).client == added.client && hook(*lane).priority_ == priority) {
        return hook(*lane).behind_.push_back(element);
      }
    }
    added.lanes_ = this;
    added.next_lane_ = bucket;
    bucket = &element;
    ++lane_count_;
    auto& lanes = lanes_.list(priority);
    T* const last = lanes.back();
    const bool goes_first =
        last != nullptr && hook(*last).client == last_served_ && added.client != last_served_;
    goes_first ? lanes.insert_before(element, *last) : lanes.push_back(element);
  }

  template <typename MayGo>
  T* take_in_turn(MayGo may_go) {
    sort();
    T* found = nullptr;
    T* const first = lanes_.take_if([&](T& each) {
      found = may_go(each) ? &each : hook(each).behind_.find_if(may_go);
      return found != nullptr;
    });
    if (first == nullptr) return nullptr;
    if (found == first) {
      requeue(pass_on(*first));
    } else {
      hook(*found).unlink();
      requeue(first);
    }
    return served(*found);
  }

  void take_lane(T& first) {
    lanes_.take(first);
    requeue(pass_on(first));
  }
  void requeue(T* lane) {
    if (lane != nullptr) lanes_.push_back(*lane, hook(*lane).priority_);
  }

  // Makes the second element of a lane its first. The caller puts it into lanes_ where the first was. Null if
  // the lane is now empty; then it ends.
  T* pass_on(Hook& first) {
    T** at = &bucket_of(first);
    while (&hook(**at) != &first) at = &hook(**at).next_lane_;
    T* const heir = first.behind_.pop_front();
    *at = heir != nullptr ? heir : first.next_lane_;
    first.lanes_ = nullptr;
    if (heir == nullptr) {
      --lane_count_;
      return nullptr;
    }
    hook(*heir).lanes_ = this;
    hook(*heir).next_lane_ = first.next_lane_;
    hook(*heir).behind_.take_all(first.behind_);
    return heir;
  }

  void remove(Hook& first) {
    T* const heir = pass_on(first);
    if (heir != nullptr) lanes_.list(first.priority_).insert_before(*heir, static_cast<T&>(first));
    first.unlink();
  }

  // Fibonacci hashing; the low bits of a pointer carry no information.
  T*& bucket_of(const Hook& element) {
    const auto key = reinterpret_cast<std::uintptr_t>(element.client) / alignof(std::max_align_t) +
                     static_cast<std::size_t>(element.priority_);
    return buckets_[(std::uint64_t{key} * 0x9E3779B97F4A7C15U) >> (64 - kHashBits)];
  }

  static constexpr auto kPriorities = static_cast<std::size_t>(Priority::kCount);

  PriorityQueue<T, Tag> arrived_;  // since the last sort()
  PriorityQueue<T, Tag> lanes_;    // the first element of each, in round-robin order
  std::size_t lane_count_ = 0;
  const void* last_served_ = nullptr;
  TimePoint::duration fifo_window_ = kFifoWindow;
  std::array<T*, std::size_t{1} << kHashBits> buckets_{};
};

}  // namespace sluice::core
