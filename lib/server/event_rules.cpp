#include "lib/server/event_rules.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

#include "lib/access/topic_pattern.hpp"
#include "lib/observe/log.hpp"
#include "lib/transport/listen/listener_rules.hpp"
#include "proto/limits.hpp"

namespace sluice::core {
namespace {

constexpr std::size_t kKeyBytesMax = 255;

void require(bool fits, std::string_view what, std::string_view allowed) {
  if (!fits) throw std::invalid_argument(fmt::format("{} is not allowed; it takes {}", what, allowed));
}

void require_between(std::size_t value, std::size_t least, std::size_t most, std::string_view what) {
  require(least <= value && value <= most, what, fmt::format("a number from {} to {}", least, most));
}

bool is_events_path(std::string_view text) { return text.empty() || http_path_form().fits(text); }

// "~" stands only in "~0" for itself and in "~1" for "/".
bool is_event_key(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > kKeyBytesMax || text.front() != '/') return false;
  for (std::size_t at = text.find('~'); at != std::string_view::npos; at = text.find('~', at + 1)) {
    if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
  }
  return true;
}

void check_topic(std::string_view pattern, const TopicSettings& topic) {
  const std::string title = fmt::format("topic.\"{}\"", printable(pattern));
  require(topic_entry_form().fits(pattern), title, topic_entry_form().allowed);
  const auto name = [&](std::string_view key) { return title + "." + std::string(key); };
  require_between(topic.history_events_max, 0, kEventsMax, name("history"));
  require_between(topic.history_bytes_max, 1, kEventQueueBytesMax, name("history_bytes"));
  require(topic.history_age_max.count() > 0, name("history_age"), "a positive time");
  require(is_event_key(topic.key), name("key"), event_key_form().allowed);
}

void check_paths(const EventSettings& events, const std::vector<ListenSettings>& listeners) {
  require(is_events_path(events.http_path), "events.http_path", events_path_form().allowed);
  for (const ListenSettings& listener : listeners) {
    const std::string_view clash = events_path_clash(events, listener);
    if (clash.empty()) continue;
    throw std::invalid_argument(
        fmt::format("events.http_path = \"{}\" is {} of {} already; it takes another "
                    "path, or \"\" for none",
                    events.http_path, clash, listener.address));
  }
}

}  // namespace

const TextForm& events_path_form() {
  static const TextForm form{R"(a path such as "/events", or "")", is_events_path};
  return form;
}

const TextForm& event_key_form() {
  static const TextForm form{
      fmt::format(R"(a JSON pointer such as "/id" or "/order/id", of at most {} bytes, or "")", kKeyBytesMax),
      is_event_key};
  return form;
}

const TextForm& topic_entry_form() {
  static const TextForm form{
      fmt::format("a topic of letters, digits, _ and - with single dots between them, a prefix such as "
                  "\"orders.*\", or \"*\", of at most {} bytes",
                  kTopicBytesMax),
      [](std::string_view text) { return TopicPattern::parse(text).has_value(); }};
  return form;
}

std::string_view events_path_clash(const EventSettings& events, const ListenSettings& listener) {
  if (events.http_path.empty()) return {};
  if (events.http_path == listener.http_path) return "http_path";
  return events.http_path == listener.health_path ? "health_path" : "";
}

void check_events(const EventSettings& events, const std::vector<ListenSettings>& listeners) {
  const auto check = [](std::size_t value, std::size_t most, std::string_view what) {
    require_between(value, 1, most, what);
  };
  check(events.connection_subscriptions_max, kConnectionSubscriptionsMax, "events.max_subscriptions");
  check(events.subscriptions_max, kSubscriptionsMax, "events.max_subscriptions_total");
  check(events.queue_events_max, kEventsMax, "events.queue");
  check(events.queue_bytes_max, kEventQueueBytesMax, "events.queue_bytes");
  check(events.event_bytes_max, proto::kMessageBytesCeiling, "events.max_event");
  require(events.slow_grace.count() >= 0, "events.slow_grace", "a time from 0");
  require(events.heartbeat.count() > 0, "events.heartbeat", "a positive time");
  require(events.first_event_delay.count() >= 0 && events.first_event_delay <= kFirstEventDelayMax,
          "events.first_event_delay", fmt::format("a time from 0 to {} ms", kFirstEventDelayMax.count()));
  require(events.topics.size() <= kTopicEntriesMax, "topic",
          fmt::format("at most {} entries", kTopicEntriesMax));
  for (const auto& [pattern, topic] : events.topics) check_topic(pattern, topic);
  check_paths(events, listeners);
}

}  // namespace sluice::core
