// Event hub: where events are published, numbered, remembered and distributed to the I/O threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/events/event_mailbox.hpp"
#include "lib/events/event_position.hpp"
#include "lib/events/event_rules.hpp"
#include "lib/events/history_store.hpp"
#include "lib/events/settings.hpp"
#include "lib/events/topic_index.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// What a subscription begins with.
struct FromNow {};
struct FromLast {};  // the newest event of each topic, as far as it has a history
using StartFrom = std::variant<FromNow, FromLast, EventPosition>;  // the events after a position

// What has been published.
struct Published {
  EventPosition position;
  std::size_t subscribers = 0;  // whose patterns match; their filters are not asked
};

// What a subscription begins with: nothing that is published later is missing, and nothing is there twice.
struct EventSnapshot {
  std::vector<EventPtr> replay;  // in order of sequence
  std::uint64_t sequence = 0;    // events after this one come through the mailbox
};

// Counts for metrics.
struct HubCounts {
  std::vector<std::uint64_t> published;  // by label
  std::size_t history_bytes = 0;
  std::size_t mailbox_bytes = 0;
  std::size_t subscriptions = 0;
};

// All events of the daemon have one sequence, and all subscribers see them in its order. Thread-safe; the one
// mutex covers memory operations only. Publishing runs no subscriber's code: it appends a reference to the
// mailbox of each thread that has a subscriber, and wakes it.
class EventHub {
 public:
  // `epoch` is 64 random bits.
  EventHub(EventSettings settings, std::uint64_t epoch, HistoryBounds bounds = {});
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // Adds the mailbox of a thread, and returns its number. Before anything is published or subscribed to.
  std::size_t add_mailbox(EventWaker& waker);

  // `data` is valid JSON text. Whether the caller may publish is not asked here. Refused are names that are
  // invalid (-32602), data over event_bytes_max (-32007), and events for threads that are too far behind
  // (-32009). Throws std::bad_alloc; then nothing was published.
  Result<Published, proto::Error> publish(std::string_view topic, std::string_view data, TimePoint now);

  // Counts one subscription of a thread, until unsubscribe() with the same arguments. At most one pattern
  // matches any topic (without_covered()). Refused beyond subscriptions_max (-32006), or if not all events
  // after a position are known (-32015). Throws std::bad_alloc; then nothing has changed. Call it on the
  // mailbox's thread, which must not take() before the subscription receives events.
  Result<EventSnapshot, proto::Error> subscribe(const std::vector<TopicPattern>& patterns,
                                                const StartFrom& from, std::size_t mailbox, TimePoint now);
  void unsubscribe(const std::vector<TopicPattern>& patterns, std::size_t mailbox) noexcept;

  // Moves what waits to `batch`, which is empty. Does not throw.
  void take(std::size_t mailbox, EventBatch& batch) noexcept;
  // The newest position if nothing waits in the mailbox, else `otherwise`.
  std::uint64_t newest_if_empty(std::size_t mailbox, std::uint64_t otherwise) const;

  // Applies new settings. Subscriptions end as far as a history that they may rely on is configured no more.
  // Not concurrently with itself.
  void apply(EventSettings settings, TimePoint now);
  // Drops events that are too old. publish() does so too, for some topics now and then.
  void expire(TimePoint now);

  std::uint64_t epoch() const { return epoch_; }
  std::shared_ptr<const EventRules> rules() const;
  HubCounts counts() const;
  // Names of the labels in metrics.
  std::vector<std::string> label_names() const { return labels_.names(); }

 private:
  // How many subscriptions have a pattern.
  struct Interest {
    std::size_t total = 0;
    std::vector<std::uint32_t> by_mailbox;
  };
  // Wakers are called with the lock released. Some at a time, so that no memory is needed.
  static constexpr std::size_t kWakesAtOnce = 16;
  struct Wakes {
    std::array<EventMailbox*, kWakesAtOnce> mailboxes;
    std::size_t count = 0;
  };
  static constexpr std::uint64_t kExpireEvery = 64;  // events
  static constexpr std::size_t kExpireTopics = 64;

  std::shared_ptr<Event> make_event(const EventRules& rules, std::string_view topic, std::string_view data,
                                    TimePoint now) const;
  Result<Published, proto::Error> distribute(const std::shared_ptr<Event>& event, TimePoint now);
  bool reserve_room(const Event& event, std::size_t& subscribers);
  void deliver(const EventPtr& event) noexcept;
  void wake_all();
  Wakes wakes_due();
  void add_interest(const std::vector<TopicPattern>& patterns);
  void drop_unused(const std::vector<TopicPattern>& patterns) noexcept;
  Result<std::vector<EventPtr>, proto::Error> replay(const std::vector<TopicPattern>& patterns,
                                                     const StartFrom& from, TimePoint now);
  proto::Error gone(std::uint64_t oldest) const;

  const std::uint64_t epoch_;
  TopicLabels labels_;

  mutable std::mutex mutex_;  // guards all below
  std::shared_ptr<const EventRules> rules_;
  std::uint64_t sequence_ = 0;  // of the newest event
  std::size_t subscriptions_ = 0;
  TopicIndex<Interest> interest_;
  std::vector<std::unique_ptr<EventMailbox>> mailboxes_;
  std::size_t wakes_due_ = 0;  // mailboxes with wake_due
  std::uint64_t marks_ = 0;    // events that room was looked for
  HistoryStore history_;
  std::array<std::uint64_t, kTopicLabelsMax> published_{};
};

}  // namespace sluice::core
