#include "lib/server/event_gauges.hpp"

#include <utility>

#include "lib/events/subscription_end.hpp"

namespace sluice::core {
namespace {

using Threads = std::vector<const EventCounts*>;

EventGauges::Topic topic_of(const Threads& threads, std::string name, TopicLabel label,
                            std::uint64_t published) {
  EventGauges::Topic topic{std::move(name), published};
  for (const EventCounts* counts : threads) {
    topic.delivered += counts->delivered(label);
    topic.dropped_slow += counts->dropped(label, EventDrop::slow);
    topic.dropped_conflated += counts->dropped(label, EventDrop::conflated);
  }
  return topic;
}

std::uint64_t ended(const Threads& threads, SubscriptionEnd end) {
  std::uint64_t sum = 0;
  for (const EventCounts* counts : threads) sum += counts->ended(end);
  return sum;
}

}  // namespace

EventGauges event_gauges(const EventHub& hub, const Threads& threads) {
  EventGauges gauges;
  const HubCounts counts = hub.counts();
  gauges.subscriptions = counts.subscriptions;
  gauges.history_bytes = counts.history_bytes;
  std::vector<std::string> names = hub.label_names();
  for (std::size_t i = 0; i < names.size() && i < counts.published.size(); ++i) {
    const auto label = static_cast<TopicLabel>(i);
    gauges.topics.push_back(topic_of(threads, std::move(names[i]), label, counts.published[i]));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(SubscriptionEnd::kCount); ++i) {
    const auto end = static_cast<SubscriptionEnd>(i);
    gauges.ended.emplace_back(to_string(end), ended(threads, end));
  }
  for (const EventCounts* thread : threads) {
    gauges.queue_bytes += thread->queue_bytes.get();
    gauges.delivery_times.push_back(&thread->latency());
  }
  return gauges;
}

}  // namespace sluice::core
