// Event counts: metrics of one thread's subscriptions.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/events/event.hpp"
#include "lib/events/subscription_end.hpp"
#include "lib/observe/histogram.hpp"

namespace sluice::core {

// Why an event that a subscription matched was not delivered.
enum class EventDrop : std::uint8_t { slow, conflated, kCount };

// One thread counts, any thread reads.
class EventCounts {
 public:
  static constexpr std::uint32_t kLatencySample = 16;  // every so many deliveries' latency is observed

  void count_delivered(const Event& event, TimePoint now) {
    delivered_[event.label()].add(1);
    if (++deliveries_ % kLatencySample == 1) latency_.observe(now - event.published());
  }
  void count_dropped(const Event& event, EventDrop why) {
    dropped_[static_cast<std::size_t>(why)][event.label()].add(1);
  }
  void count_ended(SubscriptionEnd end) { ended_[static_cast<std::size_t>(end)].add(1); }

  std::uint64_t delivered(TopicLabel label) const { return delivered_[label].get(); }
  std::uint64_t dropped(TopicLabel label, EventDrop why) const {
    return dropped_[static_cast<std::size_t>(why)][label].get();
  }
  std::uint64_t ended(SubscriptionEnd end) const { return ended_[static_cast<std::size_t>(end)].get(); }
  // From publishing to the connection's output.
  const DurationHistogram& latency() const { return latency_; }

  SingleWriter<std::int64_t> subscriptions;  // now
  SingleWriter<std::int64_t> queue_bytes;    // of events that wait; one that waits in several counts in each

 private:
  using ByLabel = std::array<SingleWriter<std::uint64_t>, kTopicLabelsMax>;

  ByLabel delivered_;
  std::array<ByLabel, static_cast<std::size_t>(EventDrop::kCount)> dropped_;
  std::array<SingleWriter<std::uint64_t>, static_cast<std::size_t>(SubscriptionEnd::kCount)> ended_;
  DurationHistogram latency_;
  std::uint32_t deliveries_ = 0;
};

}  // namespace sluice::core
