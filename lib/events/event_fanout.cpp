#include "lib/events/event_fanout.hpp"

#include <algorithm>
#include <utility>

#include "lib/loop/shielded.hpp"

namespace sluice::core {
namespace {

// Whether some topic matches both.
bool overlap(std::string_view text, bool is_prefix, const TopicPattern& other) {
  if (!is_prefix) return other.matches(text);
  return other.text().starts_with(text) || (other.is_prefix() && text.starts_with(other.text()));
}

}  // namespace

EventFanout::EventFanout(EventHub& hub, EventWaker& waker, Random random)
    : hub_(hub), waker_(waker), random_(std::move(random)), mailbox_(hub.add_mailbox(waker)) {}

EventFanout::~EventFanout() = default;

bool EventFanout::run(TimePoint now) {
  running_ = true;
  std::size_t events = kEventsMax;
  std::size_t work = kDeliveriesMax;
  bool more = take_batch();
  while (more && events > 0 && work > 0) {
    if (next_ == batch_.events.size()) {
      finish_batch();
      more = false;
    } else if (distribute(batch_.events[next_], work, now)) {
      batch_.events[next_++].reset();
      --events;
    }
  }
  running_ = false;
  notify_all();
  return more;
}

// False if there is nothing.
bool EventFanout::take_batch() {
  if (next_ == batch_.events.size() && batch_.lost_histories.empty()) {
    batch_.events.clear();
    next_ = 0;
    hub_.take(mailbox_, batch_);
    if (batch_.events.empty() && batch_.lost_histories.empty()) processed_ = batch_.sequence;
  }
  return !batch_.events.empty() || !batch_.lost_histories.empty();
}

void EventFanout::finish_batch() {
  constexpr std::size_t kCapacityKept = 4096;
  const std::vector<TopicPattern> lost = std::exchange(batch_.lost_histories, {});
  next_ = 0;
  batch_.events.clear();
  if (batch_.events.capacity() > kCapacityKept) std::vector<EventPtr>().swap(batch_.events);
  processed_ = batch_.sequence;
  if (!lost.empty()) end_lost(lost);
}

// False if work ran out before.
bool EventFanout::distribute(const EventPtr& event, std::size_t& work, TimePoint now) {
  if (!progress_) progress_ = {TopicMatches(event->topic()), list_size(TopicMatches(event->topic()))};
  for (;;) {
    const TopicMatches match = progress_->match;
    if (Subscribers* const list = index_.find(match)) {
      current_ = list;
      distribute(event, *list, work, now);
      current_ = nullptr;
      drop_if_empty(match);
      if (progress_->left > 0) return false;
    }
    if (!progress_->match.next()) break;
    progress_->left = list_size(progress_->match);
  }
  progress_.reset();
  return true;
}

// Backwards: who is removed meanwhile is replaced by the last one, which was visited before.
void EventFanout::distribute(const EventPtr& event, Subscribers& list, std::size_t& work, TimePoint now) {
  std::size_t& left = progress_->left;
  left = std::min(left, list.size());
  while (left > 0 && work > 0) {
    Subscription& subscription = *list[--left].subscription;
    const std::size_t filter_work =
        subscription.has_filter() ? event->data().size() / kFilterBytesPerDelivery : 0;
    work -= std::min(work, 1 + filter_work);
    if (subscription.is_new(*event)) subscription.owner().offer(subscription, event, now);
    left = std::min(left, list.size());
  }
}

std::size_t EventFanout::list_size(const TopicMatches& match) {
  const Subscribers* const list = index_.find(match);
  return list == nullptr ? 0 : list->size();
}

void EventFanout::end_lost(const std::vector<TopicPattern>& lost) noexcept {
  index_.erase_if([&](std::string_view text, bool is_prefix, Subscribers& list) {
    const auto overlaps = [&](const TopicPattern& other) { return overlap(text, is_prefix, other); };
    if (!std::ranges::any_of(lost, overlaps)) return false;
    current_ = &list;
    while (!list.empty()) {
      Subscription& subscription = *list.back().subscription;
      subscription.owner().end(subscription, SubscriptionEnd::topic_gone);
    }
    current_ = nullptr;
    return true;
  });
}

void EventFanout::notify_all() {
  while (SubscriptionOwner* const owner = announced_.pop_front()) {
    bool notified = false;
    shielded("events of a connection", [&] {
      owner->notify();
      notified = true;
    });
    if (!notified) owner->forget_announcement();
  }
}

std::uint64_t EventFanout::processed() const {
  const bool idle = next_ == batch_.events.size() && batch_.lost_histories.empty();
  return idle ? hub_.newest_if_empty(mailbox_, processed_) : processed_;
}

void EventFanout::add(Subscription& subscription) {
  const auto& patterns = subscription.patterns();
  std::size_t added = 0;
  try {
    for (; added < patterns.size(); ++added) {
      Subscribers& list = index_.at(patterns[added]);
      list.push_back({&subscription, static_cast<std::uint32_t>(added)});
      subscription.slots()[added] = static_cast<std::uint32_t>(list.size() - 1);
    }
  } catch (...) {
    drop_if_empty(TopicMatches(patterns[added]));
    while (added-- > 0) remove_slot(subscription, added);
    throw;
  }
  counts_.subscriptions.add(1);
}

void EventFanout::remove(Subscription& subscription) noexcept {
  for (std::size_t i = 0; i < subscription.patterns().size(); ++i) remove_slot(subscription, i);
  hub_.unsubscribe(subscription.patterns(), mailbox_);
  counts_.subscriptions.add(-1);
}

void EventFanout::remove_slot(Subscription& subscription, std::size_t pattern) noexcept {
  const TopicMatches match(subscription.patterns()[pattern]);
  Subscribers& list = *index_.find(match);
  const std::uint32_t at = subscription.slots()[pattern];
  const SubscriptionSlot last = list.back();
  list[at] = last;
  last.subscription->slots()[last.pattern] = at;
  list.pop_back();
  drop_if_empty(match);
}

void EventFanout::drop_if_empty(const TopicMatches& match) noexcept {
  const Subscribers* const list = index_.find(match);
  if (list != nullptr && list->empty() && list != current_) index_.erase(match);
}

void EventFanout::announce(SubscriptionOwner& owner) noexcept {
  if (owner.linked()) return;
  announced_.push_back(owner);
  if (!running_) waker_.try_wake();
}

}  // namespace sluice::core
