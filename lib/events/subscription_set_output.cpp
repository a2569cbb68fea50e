// Output of a subscription set: notifications, in the time that is theirs.
#include <algorithm>

#include "lib/events/subscription_set.hpp"

namespace sluice::core {

std::size_t SubscriptionSet::deliver(EventOutput& output, std::size_t room_bytes, TimePoint now) {
  unlink();
  announced_ = true;
  if (now >= deadline_) check_deadlines(now);
  std::size_t written = 0;
  while (written < room_bytes && !waiting_.empty()) {
    Subscription& subscription = *waiting_.front();
    const bool last = subscription.end && subscription.queue().empty();
    written += write_one(subscription, output, now);
    subscription.unlink();
    if (last) {
      remove(subscription);
    } else if (subscription.has_output()) {
      waiting_.push_back(subscription);
    }
  }
  announced_ = !waiting_.empty();
  return written;
}

std::size_t SubscriptionSet::write_one(Subscription& subscription, EventOutput& output, TimePoint now) {
  std::string& scratch = fanout_.scratch();
  EventQueue& queue = subscription.queue();
  std::size_t written = 0;
  if (!queue.empty()) {
    const std::size_t before = queue.bytes();
    written = subscription.write_event(output, scratch, fanout_.counts(), now);
    count_bytes(before, queue.bytes());
  } else if (subscription.end) {
    return subscription.write_end(output, scratch, position_of(subscription), fanout_.random());
  } else {
    written = subscription.write_heartbeat(output, scratch, position_of(subscription));
  }
  subscription.heartbeat_due = false;
  if (subscription.heartbeat_at != TimePoint::max()) subscription.heartbeat_at = now + subscription.heartbeat;
  return written;
}

EventPosition SubscriptionSet::position_of(Subscription& subscription) const {
  return {fanout_.hub().epoch(), subscription.up_to_date(fanout_.processed())};
}

void SubscriptionSet::check_deadlines(TimePoint now) noexcept {
  TimePoint earliest = TimePoint::max();
  for (const auto& subscription : subscriptions_)
    earliest = std::min(earliest, check_deadlines(*subscription, now));
  deadline_ = earliest;
}

// Returns the subscription's next one.
TimePoint SubscriptionSet::check_deadlines(Subscription& subscription, TimePoint now) noexcept {
  if (!subscription.ready && subscription.ready_at <= now) {
    subscription.ready = true;
    if (subscription.heartbeat.count() > 0 && !subscription.end)
      subscription.heartbeat_at = now + subscription.heartbeat;
  }
  if (!subscription.end && subscription.queue().too_slow(now)) end(subscription, SubscriptionEnd::slow);
  if (subscription.heartbeat_at <= now) {
    subscription.heartbeat_due = true;
    subscription.heartbeat_at = now + subscription.heartbeat;
  }
  set_waiting(subscription);
  TimePoint earliest = subscription.heartbeat_at;
  if (!subscription.ready) earliest = std::min(earliest, subscription.ready_at);
  const auto too_slow_at = subscription.end ? std::nullopt : subscription.queue().too_slow_at();
  return too_slow_at ? std::min(earliest, *too_slow_at) : earliest;
}

}  // namespace sluice::core
