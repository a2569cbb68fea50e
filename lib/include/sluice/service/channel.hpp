// Channel: a bounded queue of values between threads.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <sluice/service/wait_limit.hpp>

namespace sluice {

enum class ChannelStatus : std::uint8_t {
  ok,
  closed,   // no more values will pass
  limit,    // the wait's limit was reached
  no_room,  // from try_push()
  empty,    // from try_pop()
};

// Result of a pop: it has a value exactly if the status is ok.
template <typename T>
struct Received {
  explicit operator bool() const { return value.has_value(); }
  T& operator*() { return *value; }
  T* operator->() { return &*value; }

  ChannelStatus status = ChannelStatus::ok;
  std::optional<T> value;
};

// A bounded FIFO queue between any number of pushing and popping threads. A push into a full channel waits
// until there is room: so a slow consumer slows its producer (backpressure). Thread-safe. T is movable; its
// constructors and destructor never run under the channel's lock. Must not be destroyed while a thread is
// inside one of its functions; call close() and join those first.
template <typename T>
class Channel {
  static_assert(std::is_move_constructible_v<T> && std::is_move_assignable_v<T>);

 public:
  // Room for this many values, at least one.
  explicit Channel(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Waits for room: ok, closed or limit. Unless it is ok, the value is left as it was. With room it is ok
  // even past the limit. Throws std::bad_alloc, and what T throws; the value is not in the channel then.
  ChannelStatus push(T&& value, const WaitLimit& limit) {
    return push_node(value, [&](std::unique_lock<std::mutex>& lock) {
      return room_.wait_until(lock, limit.stop, limit.deadline, [this] { return closed_ || has_room(); });
    });
  }
  // Doesn't wait: ok, closed or no_room.
  ChannelStatus try_push(T&& value) {
    const auto status = push_node(value, [this](auto&) { return closed_ || has_room(); });
    return status == ChannelStatus::limit ? ChannelStatus::no_room : status;
  }

  // Waits for a value: ok, limit, or closed once the channel is empty. Available values are returned even
  // past the limit.
  Received<T> pop(const WaitLimit& limit) {
    return pop_node([&](std::unique_lock<std::mutex>& lock) {
      return values_.wait_until(lock, limit.stop, limit.deadline,
                                [this] { return closed_ || !queue_.empty(); });
    });
  }
  // Doesn't wait: ok, closed or empty.
  Received<T> try_pop() {
    Received<T> received = pop_node([this](auto&) { return closed_ || !queue_.empty(); });
    if (received.status == ChannelStatus::limit) received.status = ChannelStatus::empty;
    return received;
  }

  // No more values can be pushed; those inside can still be popped. Wakes all waiting threads.
  void close() {
    close_with([] {});
  }
  // close(), and drops the values inside.
  void close_and_drop() {
    std::list<T> dropped;  // destroyed after the lock is released
    close_with([&] { dropped.swap(queue_); });
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  std::size_t capacity() const { return capacity_; }

 private:
  bool has_room() const { return queue_.size() < capacity_; }

  // The value becomes a list's node before the lock is taken, and only the node is moved under it.
  template <typename Wait>
  ChannelStatus push_node(T& value, Wait wait) {
    std::list<T> node;
    node.push_back(std::move(value));
    const ChannelStatus status = splice_in(node, wait);
    if (status != ChannelStatus::ok) value = std::move(node.front());
    return status;
  }

  template <typename Wait>
  ChannelStatus splice_in(std::list<T>& node, Wait wait) {
    std::unique_lock lock(mutex_);
    if (!wait(lock)) return ChannelStatus::limit;
    if (closed_) return ChannelStatus::closed;
    queue_.splice(queue_.end(), node);
    // Under the lock: the thread that pops this value may destroy the channel next.
    values_.notify_one();
    return ChannelStatus::ok;
  }

  template <typename Wait>
  Received<T> pop_node(Wait wait) {
    std::list<T> node;
    const ChannelStatus status = splice_out(node, wait);
    if (status != ChannelStatus::ok) return {status, std::nullopt};
    return {status, std::move(node.front())};
  }

  template <typename Wait>
  ChannelStatus splice_out(std::list<T>& node, Wait wait) {
    std::unique_lock lock(mutex_);
    if (!wait(lock)) return ChannelStatus::limit;
    if (queue_.empty()) return ChannelStatus::closed;
    node.splice(node.end(), queue_, queue_.begin());
    room_.notify_one();
    return ChannelStatus::ok;
  }

  template <typename Also>
  void close_with(Also also) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    also();
    room_.notify_all();
    values_.notify_all();
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable_any values_;
  std::list<T> queue_;
  bool closed_ = false;
};

}  // namespace sluice
