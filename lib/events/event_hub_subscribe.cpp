// Subscribing to an event hub, and its settings.
#include <algorithm>
#include <utility>

#include "lib/events/event_hub.hpp"

namespace sluice::core {

Result<EventSnapshot, proto::Error> EventHub::subscribe(const std::vector<TopicPattern>& patterns,
                                                        const StartFrom& from, std::size_t mailbox,
                                                        TimePoint now) {
  EventSnapshot snapshot;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t subscriptions_max = rules_->settings().subscriptions_max;
    if (subscriptions_ >= subscriptions_max) return proto::too_many_subscriptions(subscriptions_max);
    auto events = replay(patterns, from, now);
    if (!events) return std::move(events).error();
    snapshot.replay = std::move(events.value());
    add_interest(patterns);
    for (const TopicPattern& pattern : patterns) {
      Interest& interest = *interest_.find(pattern);
      ++interest.total;
      ++interest.by_mailbox[mailbox];
    }
    ++subscriptions_;
    snapshot.sequence = sequence_;
  }
  std::ranges::sort(snapshot.replay, {}, [](const EventPtr& event) { return event->sequence(); });
  return snapshot;
}

void EventHub::unsubscribe(const std::vector<TopicPattern>& patterns, std::size_t mailbox) noexcept {
  const std::lock_guard lock(mutex_);
  for (const TopicPattern& pattern : patterns) {
    Interest& interest = *interest_.find(pattern);
    --interest.total;
    --interest.by_mailbox[mailbox];
  }
  --subscriptions_;
  drop_unused(patterns);
}

// Entries without subscriptions, which count as if they were not there.
void EventHub::add_interest(const std::vector<TopicPattern>& patterns) {
  try {
    for (const TopicPattern& pattern : patterns) interest_.at(pattern).by_mailbox.resize(mailboxes_.size());
  } catch (...) {
    drop_unused(patterns);
    throw;
  }
}

void EventHub::drop_unused(const std::vector<TopicPattern>& patterns) noexcept {
  for (const TopicPattern& pattern : patterns) {
    const Interest* const interest = interest_.find(pattern);
    if (interest != nullptr && interest->total == 0) interest_.erase(pattern);
  }
}

Result<std::vector<EventPtr>, proto::Error> EventHub::replay(const std::vector<TopicPattern>& patterns,
                                                             const StartFrom& from, TimePoint now) {
  if (std::holds_alternative<FromNow>(from)) return std::vector<EventPtr>();
  if (std::holds_alternative<FromLast>(from)) return history_.last(patterns, now);
  const EventPosition& position = std::get<EventPosition>(from);
  const bool known = position.epoch == epoch_ && position.sequence <= sequence_;
  const auto has_history = [&](const TopicPattern& pattern) { return rules_->have_history(pattern); };
  if (!std::ranges::all_of(patterns, has_history)) return gone(sequence_);
  // A position that is unknown here asks for everything, to find out what is the oldest.
  auto events = history_.after(patterns, known ? position.sequence : 0, sequence_, now);
  if (!events) return gone(events.error().oldest);
  if (!known) return gone(0);
  return std::move(events.value());
}

proto::Error EventHub::gone(std::uint64_t oldest) const {
  return proto::gone(EventPosition{epoch_, oldest}.to_string(), epoch_text(epoch_));
}

void EventHub::apply(EventSettings settings, TimePoint now) {
  const auto newer = std::make_shared<const EventRules>(std::move(settings), labels_);
  const auto older = rules();
  const std::vector<TopicPattern> lost = older->lost_histories(*newer);
  const bool added = !newer->lost_histories(*older).empty();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& mailbox : mailboxes_) {
      auto& waiting = mailbox->waiting.lost_histories;
      waiting.insert(waiting.end(), lost.begin(), lost.end());
      if (!lost.empty() && !std::exchange(mailbox->wake_due, true)) ++wakes_due_;
    }
    rules_ = newer;
    history_.apply(*newer, added ? sequence_ : 0, now);
  }
  wake_all();
}

void EventHub::expire(TimePoint now) {
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    more = history_.expire(now, kExpireTopics);
  }
}

}  // namespace sluice::core
