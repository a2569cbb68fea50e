// Event fan-out: matches events with the subscriptions of one I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/intrusive_list.hpp"
#include "lib/events/event_counts.hpp"
#include "lib/events/event_hub.hpp"
#include "lib/events/subscription.hpp"
#include "lib/events/topic_index.hpp"

namespace sluice::core {

// Takes events from its mailbox, and puts references to them into the subscriptions' queues. Each connection
// is notified once for all of them, so that one write carries many. Confined to its thread.
class EventFanout {
 public:
  // Of one run(), so that other events of the loop are served.
  static constexpr std::size_t kEventsMax = 1024;
  static constexpr std::size_t kDeliveriesMax = 16'384;
  // Text that a filter reads in the time of a delivery.
  static constexpr std::size_t kFilterBytesPerDelivery = 256;

  // 64 random bits, unpredictable for clients.
  using Random = std::function<std::uint64_t()>;

  // All outlive it; also all owners of subscriptions. `waker` has run() called.
  EventFanout(EventHub& hub, EventWaker& waker, Random random);
  ~EventFanout();
  EventFanout(const EventFanout&) = delete;
  EventFanout& operator=(const EventFanout&) = delete;

  // Processes what waits, within the bounds. True if it must be called again, without being woken.
  bool run(TimePoint now);

  EventHub& hub() { return hub_; }
  EventCounts& counts() { return counts_; }
  const EventCounts& counts() const { return counts_; }
  std::uint64_t random() { return random_(); }
  std::size_t mailbox() const { return mailbox_; }
  // Any string, for composing.
  std::string& scratch() { return scratch_; }
  // Sequence up to which no event is on its way to a subscription.
  std::uint64_t processed() const;

  // Called by owners. Adds a subscription that the hub counts; if it throws, nothing has changed.
  void add(Subscription& subscription);
  // Removes it, from the hub as well.
  void remove(Subscription& subscription) noexcept;
  // Has it notified, soon.
  void announce(SubscriptionOwner& owner) noexcept;

 private:
  using Subscribers = std::vector<SubscriptionSlot>;
  // How far an event has been distributed.
  struct Progress {
    TopicMatches match;
    std::size_t left;  // of the list of that match; from its end to its begin
  };

  bool take_batch();
  void finish_batch();
  bool distribute(const EventPtr& event, std::size_t& work, TimePoint now);
  void distribute(const EventPtr& event, Subscribers& list, std::size_t& work, TimePoint now);
  void remove_slot(Subscription& subscription, std::size_t pattern) noexcept;
  void drop_if_empty(const TopicMatches& match) noexcept;
  void end_lost(const std::vector<TopicPattern>& lost) noexcept;
  void notify_all();
  std::size_t list_size(const TopicMatches& match);

  EventHub& hub_;
  EventWaker& waker_;
  Random random_;
  std::size_t mailbox_;
  EventCounts counts_;
  TopicIndex<Subscribers> index_;
  const Subscribers* current_ = nullptr;  // is not erased, even if it becomes empty
  EventBatch batch_;
  std::size_t next_ = 0;  // event of the batch
  std::optional<Progress> progress_;
  std::uint64_t processed_ = 0;
  bool running_ = false;
  IntrusiveList<SubscriptionOwner, AnnouncedTag> announced_;
  std::string scratch_;
};

}  // namespace sluice::core
