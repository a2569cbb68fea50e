// Event options: limits of topics and of subscriptions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sluice {

// What happens to a subscription whose events wait beyond `queue` or `queue_bytes`.
enum class SlowPolicy : std::uint8_t {
  close,        // it ends, after slow_grace or at four times the limits
  drop_oldest,  // its oldest event is dropped; the next one says how many are missing
  conflate,     // only the newest event of each topic, or of each TopicOptions::key, waits
};

// Of the topics that one pattern names. History is kept for each topic by itself.
struct TopicOptions {
  std::size_t history = 0;               // events of a topic that are kept; 0: none
  std::size_t history_bytes = 8u << 20;  // and their bytes
  std::chrono::milliseconds history_age = std::chrono::minutes(10);
  std::string key{};                 // JSON pointer into an event's data, for SlowPolicy::conflate
  std::optional<SlowPolicy> slow{};  // absent: EventOptions::slow
};

// Limits of a server's events. Sizes are in bytes.
struct EventOptions {
  std::size_t max_subscriptions = 1024;  // of a connection
  std::size_t max_subscriptions_total = 100'000;
  std::size_t queue = 1024;  // events that wait for a subscription
  std::size_t queue_bytes = 1u << 20;
  SlowPolicy slow = SlowPolicy::close;
  std::chrono::milliseconds slow_grace = std::chrono::seconds(5);
  std::size_t max_event = 256u << 10;
  std::chrono::milliseconds heartbeat = std::chrono::seconds(15);  // of a silent SSE response
  std::chrono::milliseconds first_event_delay =
      std::chrono::milliseconds(20);  // after the subscription's reply
  std::string http_path = "/events";  // of SSE by GET; empty: none
  // By pattern ("orders.eu", "orders.*", "*"); of those that match a topic the longest counts.
  std::map<std::string, TopicOptions> topics{};
};

}  // namespace sluice
