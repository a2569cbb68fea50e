// Subscription owner: what a fan-out knows of a connection's subscriptions.
#pragma once

#include "lib/base/intrusive_list.hpp"
#include "lib/events/event.hpp"
#include "lib/events/subscription_end.hpp"
#include "lib/time/deadline_wheel.hpp"

namespace sluice::core {

class Subscription;
struct AnnouncedTag;

// Confined to the fan-out's thread.
class SubscriptionOwner : public ListHook<AnnouncedTag> {
 public:
  // Takes an event that a pattern of its subscription matches.
  virtual void offer(Subscription& subscription, const EventPtr& event, TimePoint now) noexcept = 0;
  virtual void end(Subscription& subscription, SubscriptionEnd why) noexcept = 0;
  // Notifies the connection, for an announcement. May destroy the owner. Throws std::bad_alloc.
  virtual void notify() = 0;
  // That has failed.
  virtual void forget_announcement() noexcept = 0;

 protected:
  ~SubscriptionOwner() = default;
};

}  // namespace sluice::core
