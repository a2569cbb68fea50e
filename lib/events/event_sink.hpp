// Event sink and event output: what a connection with subscriptions implements.
#pragma once

#include <string_view>

namespace sluice::core {

// Is notified that events wait. I/O thread only.
class EventSink {
 public:
  // Something may be written, or the deadline has changed: SubscriptionSet::deliver() should be called, now
  // or later. Once until it is, however many events come. May destroy the set. Throws std::bad_alloc.
  virtual void on_events() = 0;

 protected:
  ~EventSink() = default;
};

// One notification, in two pieces to be written one after the other.
struct EventMessage {
  std::string_view head;
  std::string_view tail;      // shared by all subscribers of an event; may be empty
  std::string_view position;  // of the event, or empty
};

// Takes notifications. Their texts are valid during the call only.
class EventOutput {
 public:
  // Throws std::bad_alloc; then nothing must have been written.
  virtual void write(const EventMessage& message) = 0;

 protected:
  ~EventOutput() = default;
};

}  // namespace sluice::core
