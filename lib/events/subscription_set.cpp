#include "lib/events/subscription_set.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

SubscriptionSet::~SubscriptionSet() {
  announced_ = true;  // the sink is not notified any more
  for (const auto& subscription : subscriptions_) end(*subscription, SubscriptionEnd::disconnected);
  while (!subscriptions_.empty()) remove(*subscriptions_.back());
  unlink();
}

Result<QueueBounds, proto::Error> SubscriptionSet::queue_bounds(const SubscribeRequest& request,
                                                                const EventRules& rules) const {
  const EventSettings& settings = rules.settings();
  const SlowPolicy policy = rules.slow_policy(request.patterns);
  QueueBounds bounds{settings.queue_events_max, settings.queue_bytes_max, request.slow.value_or(policy),
                     settings.slow_grace};
  if (bounds.policy > policy)
    return proto::invalid_params(request.options_path + "/slow",
                                 "no more than the topic's own policy, or \"close\"");
  if (!request.queue_events_max) return bounds;
  if (*request.queue_events_max > settings.queue_events_max) {
    return proto::invalid_params(request.options_path + "/queue",
                                 "an integer from 1 to " + std::to_string(settings.queue_events_max));
  }
  bounds.events_max = *request.queue_events_max;
  return bounds;
}

Result<std::string, proto::Error> SubscriptionSet::subscribe(SubscribeRequest request, MethodStyle style,
                                                             std::uint64_t exchange, TimePoint now) {
  EventHub& hub = fanout_.hub();
  const auto rules = hub.rules();
  const std::size_t subscriptions_max = rules->settings().connection_subscriptions_max;
  if (subscriptions_.size() >= subscriptions_max) return proto::too_many_subscriptions(subscriptions_max);
  const auto bounds = queue_bounds(request, *rules);
  if (!bounds) return bounds.error();
  const std::vector<TopicPattern> patterns = request.patterns;
  auto snapshot = hub.subscribe(patterns, request.from, fanout_.mailbox(), now);
  if (!snapshot) return std::move(snapshot).error();
  try {
    const std::uint64_t high = fanout_.random();
    const SubscriptionId id = make_subscription_id(high, fanout_.random());
    std::string text(id.data(), id.size());
    auto subscription = std::make_unique<Subscription>(*this, id, style, std::move(request), bounds.value(),
                                                       std::move(snapshot.value()));
    subscription->exchange = exchange;
    if (subscriptions_.size() == subscriptions_.capacity())
      subscriptions_.reserve(std::max<std::size_t>(1, 2 * subscriptions_.size()));
    fanout_.add(*subscription);
    subscriptions_.push_back(std::move(subscription));
    ++unreplied_;
    return text;
  } catch (...) {
    hub.unsubscribe(patterns, fanout_.mailbox());
    throw;
  }
}

void SubscriptionSet::begin(std::uint64_t exchange, TimePoint now) noexcept {
  const auto delay = fanout_.hub().rules()->settings().first_event_delay;
  for (const auto& subscription : subscriptions_) {
    if (subscription->exchange != exchange || subscription->ready_at != TimePoint::max()) continue;
    subscription->ready_at = now + delay;
    --unreplied_;
    earlier_deadline(subscription->ready_at);
  }
}

void SubscriptionSet::not_replied(std::uint64_t exchange) noexcept {
  for (std::size_t i = subscriptions_.size(); i-- > 0 && unreplied_ > 0;) {
    Subscription& subscription = *subscriptions_[i];
    if (subscription.exchange != exchange || subscription.ready_at != TimePoint::max()) continue;
    end(subscription, SubscriptionEnd::unsubscribed);
    remove(subscription);
  }
}

bool SubscriptionSet::unsubscribe(std::string_view id) noexcept {
  const auto found =
      std::ranges::find(subscriptions_, id, [](const auto& subscription) { return subscription->id(); });
  if (found == subscriptions_.end()) return false;
  Subscription& subscription = **found;
  end(subscription, SubscriptionEnd::unsubscribed);
  remove(subscription);
  return true;
}

void SubscriptionSet::remove(Subscription& subscription) noexcept {
  if (subscription.ready_at == TimePoint::max()) --unreplied_;
  count_bytes(subscription.queue().bytes(), 0);
  subscription.unlink();
  const auto found =
      std::ranges::find(subscriptions_, &subscription, [](const auto& candidate) { return candidate.get(); });
  std::swap(*found, subscriptions_.back());
  subscriptions_.pop_back();
}

void SubscriptionSet::end(Subscription& subscription, SubscriptionEnd why) noexcept {
  if (subscription.end) return;
  subscription.end = why;
  subscription.end_sequence = fanout_.processed();
  subscription.heartbeat_at = TimePoint::max();
  subscription.heartbeat_due = false;
  fanout_.remove(subscription);
  fanout_.counts().count_ended(why);
  if (why == SubscriptionEnd::slow) {
    count_bytes(subscription.queue().bytes(), 0);
    subscription.queue().discard(fanout_.counts());
  }
  set_waiting(subscription);
}

void SubscriptionSet::end_all(SubscriptionEnd why) noexcept {
  for (const auto& subscription : subscriptions_) end(*subscription, why);
}

void SubscriptionSet::revoke(const TopicRights& rights) noexcept {
  for (const auto& subscription : subscriptions_) {
    const auto allowed = [&](const TopicPattern& pattern) { return rights.allow(pattern); };
    if (!std::ranges::all_of(subscription->patterns(), allowed)) end(*subscription, SubscriptionEnd::revoked);
  }
}

// An event that finds no memory must not be missing unnoticed: the subscription ends.
void SubscriptionSet::offer(Subscription& subscription, const EventPtr& event, TimePoint now) noexcept {
  EventQueue& queue = subscription.queue();
  const std::size_t before = queue.bytes();
  try {
    if (!subscription.wants(*event)) return;
    queue.push(event, now, fanout_.counts());
  } catch (const std::bad_alloc&) {
    fanout_.counts().count_dropped(*event, EventDrop::slow);
    return end(subscription, SubscriptionEnd::slow);
  }
  count_bytes(before, queue.bytes());
  if (queue.too_slow(now)) return end(subscription, SubscriptionEnd::slow);
  if (const auto when = queue.too_slow_at()) earlier_deadline(*when);
  set_waiting(subscription);
}

void SubscriptionSet::set_waiting(Subscription& subscription) noexcept {
  if (!subscription.ready || !subscription.has_output()) return;
  if (!subscription.linked()) waiting_.push_back(subscription);
  announce();
}

void SubscriptionSet::earlier_deadline(TimePoint when) noexcept {
  if (when >= deadline_) return;
  deadline_ = when;
  announced_ = false;
  announce();
}

void SubscriptionSet::announce() noexcept {
  if (!std::exchange(announced_, true)) fanout_.announce(*this);
}

void SubscriptionSet::count_bytes(std::size_t before, std::size_t now) noexcept {
  queue_bytes_ = queue_bytes_ - before + now;
  fanout_.counts().queue_bytes.add(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(before));
}

}  // namespace sluice::core
