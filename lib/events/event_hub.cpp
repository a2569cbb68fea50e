#include "lib/events/event_hub.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/events/json_scalar.hpp"

namespace sluice::core {
namespace {

constexpr std::chrono::milliseconds kRetryAfter(50);  // a thread that is so far behind needs about that

constexpr std::string_view kNameExpected =
    "1 to 255 bytes of letters, digits, '_' and '-', with a dot between tokens";

}  // namespace

EventHub::EventHub(EventSettings settings, std::uint64_t epoch, HistoryBounds bounds)
    : epoch_(epoch), rules_(std::make_shared<EventRules>(std::move(settings), labels_)), history_(bounds) {}

std::size_t EventHub::add_mailbox(EventWaker& waker) {
  auto mailbox = std::make_unique<EventMailbox>();
  mailbox->waker = &waker;
  const std::lock_guard lock(mutex_);
  mailboxes_.push_back(std::move(mailbox));
  return mailboxes_.size() - 1;
}

std::shared_ptr<const EventRules> EventHub::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

Result<Published, proto::Error> EventHub::publish(std::string_view topic, std::string_view data,
                                                  TimePoint now) {
  if (!is_topic_name(topic)) return proto::invalid_params("/topic", kNameExpected);
  const auto current = rules();
  const std::size_t bytes_max = current->settings().event_bytes_max;
  if (data.size() > bytes_max) return proto::request_too_big(bytes_max);
  auto published = distribute(make_event(*current, topic, data, now), now);
  wake_all();
  return published;
}

// Most of an event's text is composed before the lock is taken.
std::shared_ptr<Event> EventHub::make_event(const EventRules& rules, std::string_view topic,
                                            std::string_view data, TimePoint now) const {
  auto event = std::make_shared<Event>(topic, data, epoch_, now);
  const EventRule* const rule = rules.find(topic);
  if (rule == nullptr) return event;
  event->set_label(rule->label);
  if (!rule->key) return event;
  const auto value = rule->key->find(data);
  const auto scalar = value ? JsonScalar::read(*value) : std::nullopt;
  if (scalar) event->set_key(scalar->canonical());
  return event;
}

Result<Published, proto::Error> EventHub::distribute(const std::shared_ptr<Event>& event, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t sequence = sequence_ + 1;
  event->set_sequence(sequence);
  Published published{{epoch_, sequence}, 0};
  if (!reserve_room(*event, published.subscribers))
    return proto::busy(proto::BusyReason::queue_full, kRetryAfter);
  const EventRule* const rule = rules_->find(event->topic());
  if (rule != nullptr && rule->has_history()) history_.add(event, rule->settings);
  // From here on nothing throws.
  sequence_ = sequence;
  ++published_[event->label()];
  deliver(event);
  if (sequence % kExpireEvery == 0) history_.expire(now, kExpireTopics);
  return published;
}

// Finds the mailboxes, and makes room in them for one event. False if one is full.
bool EventHub::reserve_room(const Event& event, std::size_t& subscribers) {
  const std::uint64_t mark = ++marks_;
  bool room = true;
  interest_.for_each_match(event.topic(), [&](const Interest& interest) {
    subscribers += interest.total;
    for (std::size_t i = 0; i < interest.by_mailbox.size(); ++i) {
      EventMailbox& mailbox = *mailboxes_[i];
      if (interest.by_mailbox[i] == 0 || mailbox.mark == mark) continue;
      if (mailbox.bytes > 0 && mailbox.bytes + event.bytes() > kMailboxBytesMax) room = false;
      auto& events = mailbox.waiting.events;
      if (events.size() == events.capacity()) events.reserve(std::max<std::size_t>(16, 2 * events.size()));
      mailbox.mark = mark;
    }
  });
  return room;
}

void EventHub::deliver(const EventPtr& event) noexcept {
  for (const auto& mailbox : mailboxes_) {
    if (mailbox->mark != marks_) continue;
    const bool was_empty = mailbox->waiting.events.empty();
    mailbox->waiting.events.push_back(event);
    mailbox->bytes += event->bytes();
    if (was_empty && !std::exchange(mailbox->wake_due, true)) ++wakes_due_;
  }
}

EventHub::Wakes EventHub::wakes_due() {
  Wakes wakes;
  const std::lock_guard lock(mutex_);
  if (wakes_due_ == 0) return wakes;
  for (const auto& mailbox : mailboxes_) {
    if (!mailbox->wake_due) continue;
    mailbox->wake_due = false;
    --wakes_due_;
    wakes.mailboxes[wakes.count++] = mailbox.get();
    if (wakes.count == kWakesAtOnce) break;
  }
  return wakes;
}

// A thread that could not be woken is due again at the next event.
void EventHub::wake_all() {
  for (bool more = true; more;) {
    const Wakes wakes = wakes_due();
    more = wakes.count == kWakesAtOnce;
    for (std::size_t i = 0; i < wakes.count; ++i) {
      EventMailbox& mailbox = *wakes.mailboxes[i];
      if (mailbox.waker->try_wake()) continue;
      more = false;
      const std::lock_guard lock(mutex_);
      if (!std::exchange(mailbox.wake_due, true)) ++wakes_due_;
    }
  }
}

void EventHub::take(std::size_t mailbox, EventBatch& batch) noexcept {
  const std::lock_guard lock(mutex_);
  EventMailbox& from = *mailboxes_[mailbox];
  batch.events.swap(from.waiting.events);
  batch.lost_histories.swap(from.waiting.lost_histories);
  batch.sequence = sequence_;
  from.bytes = 0;
  if (std::exchange(from.wake_due, false)) --wakes_due_;
}

std::uint64_t EventHub::newest_if_empty(std::size_t mailbox, std::uint64_t otherwise) const {
  const std::lock_guard lock(mutex_);
  return mailboxes_[mailbox]->waiting.events.empty() ? sequence_ : otherwise;
}

HubCounts EventHub::counts() const {
  HubCounts counts;
  counts.published.reserve(kTopicLabelsMax);
  const std::lock_guard lock(mutex_);
  counts.published.assign(published_.begin(), published_.end());
  counts.history_bytes = history_.bytes();
  for (const auto& mailbox : mailboxes_) counts.mailbox_bytes += mailbox->bytes;
  counts.subscriptions = subscriptions_;
  return counts;
}

}  // namespace sluice::core
