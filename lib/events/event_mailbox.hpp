// Event mailbox: published events that wait for one I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/access/topic_pattern.hpp"
#include "lib/events/event.hpp"

namespace sluice::core {

// Bytes of events that wait in one mailbox. Beyond that a publisher is refused.
inline constexpr std::size_t kMailboxBytesMax = 64 * 1024 * 1024;

// Wakes the thread that takes events from a mailbox. Implementations outlive the last publish().
class EventWaker {
 public:
  // Has the thread take its events soon; false if memory does not suffice. Any thread, also the one that is
  // woken; no lock is held. Must not block.
  virtual bool try_wake() noexcept = 0;

 protected:
  ~EventWaker() = default;
};

// What a thread takes at once.
struct EventBatch {
  std::vector<EventPtr> events;
  std::vector<TopicPattern> lost_histories;  // since these events
  // All events up to here that the thread's subscriptions match are in this batch, or came before it.
  std::uint64_t sequence = 0;
};

// Guarded by the hub's mutex.
struct EventMailbox {
  EventWaker* waker = nullptr;
  EventBatch waiting;
  std::size_t bytes = 0;
  std::uint64_t mark = 0;  // the last event that room was made for
  bool wake_due = false;   // something waits, and the thread was not woken
};

}  // namespace sluice::core
