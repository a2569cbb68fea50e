// Event fan-out task: runs the fan-out of one event loop.
#pragma once

#include "lib/events/event_fanout.hpp"
#include "lib/events/event_mailbox.hpp"
#include "lib/loop/deferred_task.hpp"
#include "lib/loop/event_loop.hpp"

namespace sluice::core {

// Runs it at the end of the iteration in which it was woken, before replies and events are written.
// Constructed before anything is published, and destroyed after the last publish().
class EventFanoutTask final : private DeferredTask, private EventWaker {
 public:
  EventFanoutTask(EventLoop& loop, EventHub& hub, EventFanout::Random random);

  // Loop's thread.
  EventFanout& fanout() { return fanout_; }
  // Any thread.
  const EventCounts& counts() const { return fanout_.counts(); }

 private:
  bool try_wake() noexcept override;
  void on_deferred() override;

  EventLoop& loop_;
  EventFanout fanout_;
};

}  // namespace sluice::core
