#include "lib/server/event_gauges.hpp"

#include "lib/events/subscription_end.hpp"
#include "lib/server/engine_parts.hpp"

namespace sluice::core {
namespace {

EventGauges::Topic topic_of(const EngineParts& parts, std::string name, TopicLabel label,
                            std::uint64_t published) {
  EventGauges::Topic topic{std::move(name), published};
  for (const auto& part : parts.io) {
    const EventCounts& counts = part->events.counts();
    topic.delivered += counts.delivered(label);
    topic.dropped_slow += counts.dropped(label, EventDrop::slow);
    topic.dropped_conflated += counts.dropped(label, EventDrop::conflated);
  }
  return topic;
}

std::uint64_t ended(const EngineParts& parts, SubscriptionEnd end) {
  std::uint64_t sum = 0;
  for (const auto& part : parts.io) sum += part->events.counts().ended(end);
  return sum;
}

}  // namespace

EventGauges event_gauges(const EngineParts& parts) {
  EventGauges gauges;
  const HubCounts hub = parts.events.counts();
  gauges.subscriptions = hub.subscriptions;
  gauges.history_bytes = hub.history_bytes;
  std::vector<std::string> names = parts.events.label_names();
  for (std::size_t i = 0; i < names.size() && i < hub.published.size(); ++i) {
    const auto label = static_cast<TopicLabel>(i);
    gauges.topics.push_back(topic_of(parts, std::move(names[i]), label, hub.published[i]));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(SubscriptionEnd::kCount); ++i) {
    const auto end = static_cast<SubscriptionEnd>(i);
    gauges.ended.emplace_back(to_string(end), ended(parts, end));
  }
  for (const auto& part : parts.io) {
    gauges.queue_bytes += part->events.counts().queue_bytes.get();
    gauges.delivery_times.push_back(&part->events.counts().latency());
  }
  return gauges;
}

}  // namespace sluice::core
