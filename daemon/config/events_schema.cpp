// The keys of [events] and of [topic] entries, and the kinds of values that only they hold.
#include <optional>
#include <string>

#include "daemon/config/key.hpp"
#include "daemon/config/schema.hpp"
#include "lib/server/event_rules.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {
namespace {

using core::EventSettings;
using core::kLongestWait;
using core::milliseconds;
using core::SlowPolicy;
using core::TopicSettings;

ValueKind<milliseconds> interval() { return duration_between(milliseconds(1), kLongestWait); }

// A text whose default is shown.
ValueKind<std::string> shown_text(const core::TextForm& form) {
  ValueKind<std::string> kind = text_of(form);
  kind.show = [](const std::string& text) { return shown(ConfigValue{std::string_view(text)}); };
  return kind;
}

template <typename T>
ValueKind<T> slow_policy() {
  return one_of<T>({{"close", SlowPolicy::close},
                    {"drop_oldest", SlowPolicy::drop_oldest},
                    {"conflate", SlowPolicy::conflate}});
}

Keys<EventSettings> make_event_keys() {
  const auto add = [](auto... arguments) { return key<EventSettings>(arguments...); };
  return {
      add("max_subscriptions", count_between(1, core::kConnectionSubscriptionsMax),
          SLUICE_FIELD(connection_subscriptions_max),
          "subscriptions of a connection; one more is answered -32006"),
      add("max_subscriptions_total", count_between(1, core::kSubscriptionsMax),
          SLUICE_FIELD(subscriptions_max),
          "subscriptions of all connections together; one more is answered -32006"),
      add("queue", count_between(1, core::kEventsMax), SLUICE_FIELD(queue_events_max),
          "events that wait for one subscription; beyond that it is slow"),
      add("queue_bytes", size_between(1, core::kEventQueueBytesMax), SLUICE_FIELD(queue_bytes_max),
          "bytes of the events that wait for one subscription; beyond that it is slow"),
      add("slow", slow_policy<SlowPolicy>(), SLUICE_FIELD(slow),
          "what happens to a slow subscription: it ends, its oldest events are dropped, or only the newest "
          "of "
          "each topic waits"),
      add("slow_grace", duration_between(milliseconds(0), kLongestWait), SLUICE_FIELD(slow_grace),
          "time that a subscription may be slow before slow = \"close\" ends it; at four times the limits it "
          "ends at once"),
      add("max_event", size_between(1, proto::kMessageBytesCeiling), SLUICE_FIELD(event_bytes_max),
          "bytes of an event's data; longer data is answered -32007"),
      add("heartbeat", interval(), SLUICE_FIELD(heartbeat),
          "time without events, after which an SSE response gets a comment"),
      add("http_path", shown_text(core::events_path_form()), SLUICE_FIELD(http_path),
          "where GET answers events as SSE; \"\": nowhere"),
      add("first_event_delay", duration_between(milliseconds(0), core::kFirstEventDelayMax),
          SLUICE_FIELD(first_event_delay),
          "least time between the reply to a subscription and its first event, for clients that are not "
          "ready "
          "at once"),
  };
}

Keys<TopicSettings> make_topic_keys() {
  const auto add = [](auto... arguments) { return key<TopicSettings>(arguments...); };
  return {
      add("history", count_between(0, core::kEventsMax), SLUICE_FIELD(history_events_max),
          "events of a topic that are kept for subscribers that come later; 0: none"),
      add("history_bytes", size_between(1, core::kEventQueueBytesMax), SLUICE_FIELD(history_bytes_max),
          "bytes of a topic's events that are kept"),
      add("history_age", interval(), SLUICE_FIELD(history_age_max),
          "time for which a topic's events are kept"),
      add("key", text_of(core::event_key_form()), SLUICE_FIELD(key),
          "where in an event's data its key is, for slow = \"conflate\": the newest of each key waits; left "
          "out: the newest of each topic"),
      add("slow", slow_policy<std::optional<SlowPolicy>>(), SLUICE_FIELD(slow),
          "what happens to a subscription to it that is slow; left out: events.slow"),
  };
}

}  // namespace

const Keys<EventSettings>& event_keys() {
  static const Keys<EventSettings> keys = make_event_keys();
  return keys;
}

const Keys<TopicSettings>& topic_keys() {
  static const Keys<TopicSettings> keys = make_topic_keys();
  return keys;
}

}  // namespace sluice::daemon
