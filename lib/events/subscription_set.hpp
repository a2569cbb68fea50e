// Subscription set: the subscriptions of one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/topic_rights.hpp"
#include "lib/base/intrusive_list.hpp"
#include "lib/base/result.hpp"
#include "lib/events/event_fanout.hpp"
#include "lib/events/event_sink.hpp"
#include "lib/events/subscribe_request.hpp"
#include "lib/events/subscription.hpp"
#include "lib/events/subscription_end.hpp"
#include "lib/events/subscription_owner.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// Its connection calls deliver() after on_events(), when its output has room again, and at the deadline.
// Nothing of a subscription is written before the reply, and first_event_delay after it. Confined to the
// fan-out's thread.
class SubscriptionSet final : public SubscriptionOwner {
 public:
  // Both outlive it. `sink` is notified within EventFanout::run().
  SubscriptionSet(EventFanout& fanout, EventSink& sink) : fanout_(fanout), sink_(sink) {}
  // As if its client had disconnected.
  ~SubscriptionSet();
  SubscriptionSet(const SubscriptionSet&) = delete;
  SubscriptionSet& operator=(const SubscriptionSet&) = delete;

  // Returns the id. Whether the caller may subscribe is not asked here. `exchange` is a number that replied()
  // gets. Refused with -32006 beyond a limit, with -32602 for options that the topics do not allow, and with
  // -32015 if events are missing. Throws std::bad_alloc; then nothing has changed.
  Result<std::string, proto::Error> subscribe(SubscribeRequest request, MethodStyle style,
                                              std::uint64_t exchange, TimePoint now);
  // The reply to that exchange, and so the ids of its subscriptions, is being written. Moves the deadline.
  void replied(std::uint64_t exchange, TimePoint now) noexcept {
    if (unreplied_ > 0) begin(exchange, now);
  }
  // That reply is an error: its subscriptions are removed, as if unsubscribed.
  void not_replied(std::uint64_t exchange) noexcept;
  // False if there is no such subscription. Nothing more is written then.
  bool unsubscribe(std::string_view id) noexcept;

  // Writes whole notifications, of one subscription after the other, while less than `room_bytes` are
  // written. Returns the bytes. Throws std::bad_alloc, and what `output` throws; then it can be called again.
  std::size_t deliver(EventOutput& output, std::size_t room_bytes, TimePoint now);
  // Whether deliver() would write something, given room.
  bool waiting() const { return !waiting_.empty(); }
  // When to call deliver(), whether there is room or not; it may be earlier than needed. max(): never.
  TimePoint deadline() const { return deadline_; }

  // Ends all of them; what waits is written before, unless they are slow.
  void end_all(SubscriptionEnd why) noexcept;
  // Ends those that these rights do not allow.
  void revoke(const TopicRights& rights) noexcept;

  // Includes those whose end is not written yet.
  std::size_t size() const { return subscriptions_.size(); }
  // Of events that wait. They are shared with other subscriptions.
  std::size_t queue_bytes() const { return queue_bytes_; }

 private:
  void begin(std::uint64_t exchange, TimePoint now) noexcept;
  void offer(Subscription& subscription, const EventPtr& event, TimePoint now) noexcept override;
  void end(Subscription& subscription, SubscriptionEnd why) noexcept override;
  void notify() override { sink_.on_events(); }
  void forget_announcement() noexcept override { announced_ = false; }

  Result<QueueBounds, proto::Error> queue_bounds(const SubscribeRequest& request,
                                                 const EventRules& rules) const;
  void check_deadlines(TimePoint now) noexcept;
  TimePoint check_deadlines(Subscription& subscription, TimePoint now) noexcept;
  std::size_t write_one(Subscription& subscription, EventOutput& output, TimePoint now);
  EventPosition position_of(Subscription& subscription) const;
  void set_waiting(Subscription& subscription) noexcept;
  void earlier_deadline(TimePoint when) noexcept;
  void announce() noexcept;
  void count_bytes(std::size_t before, std::size_t now) noexcept;
  void remove(Subscription& subscription) noexcept;

  EventFanout& fanout_;
  EventSink& sink_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  IntrusiveList<Subscription, WaitingTag> waiting_;  // ready, and has output
  TimePoint deadline_ = TimePoint::max();
  std::size_t unreplied_ = 0;  // subscriptions whose reply is due
  std::size_t queue_bytes_ = 0;
  bool announced_ = false;  // the sink is notified, or will be; deliver() is due
};

}  // namespace sluice::core
