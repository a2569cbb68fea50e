// Settings of events: limits of topics and of subscriptions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sluice::core {

// What happens to a subscription whose events wait beyond its limits.
enum class SlowPolicy : std::uint8_t {
  close,        // it ends, after a grace or at four times the limits
  drop_oldest,  // its oldest event is dropped; the next one says how many are missing
  conflate,     // only the newest event of each topic, or of each key, waits
};

// Of the topics that one pattern names.
struct TopicSettings {
  std::size_t history_events_max = 0;               // of each topic; 0: no history
  std::size_t history_bytes_max = 8 * 1024 * 1024;  // of each topic
  std::chrono::milliseconds history_age_max = std::chrono::minutes(10);
  std::string key;  // JSON pointer into an event's data, for SlowPolicy::conflate; empty: the topic
  std::optional<SlowPolicy> slow;  // absent: that of EventSettings

  bool operator==(const TopicSettings&) const = default;
};

struct EventSettings {
  std::size_t connection_subscriptions_max = 1024;
  std::size_t subscriptions_max = 100'000;  // of the server
  std::size_t queue_events_max = 1024;      // that wait for one subscription
  std::size_t queue_bytes_max = 1024 * 1024;
  SlowPolicy slow = SlowPolicy::close;
  std::chrono::milliseconds slow_grace = std::chrono::seconds(5);  // of SlowPolicy::close
  std::size_t event_bytes_max = 256 * 1024;
  std::chrono::milliseconds heartbeat = std::chrono::seconds(15);               // of a silent SSE response
  std::chrono::milliseconds first_event_delay = std::chrono::milliseconds(20);  // after the reply
  std::string http_path = "/events";                                            // of SSE by GET; empty: none
  // By pattern ("orders.eu", "orders.*"). The longest pattern that matches a topic counts.
  std::map<std::string, TopicSettings, std::less<>> topics;

  bool operator==(const EventSettings&) const = default;
};

}  // namespace sluice::core
