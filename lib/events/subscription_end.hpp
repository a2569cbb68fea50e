// Subscription end: why a subscription is over, and how its client learns.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "lib/events/event_position.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// The client is notified of the first six.
enum class SubscriptionEnd : std::uint8_t {
  slow,
  gap,
  topic_gone,
  revoked,
  draining,
  backend_down,
  unsubscribed,
  disconnected,
  kCount,
};

// Clients of a server that shuts down come back spread over this time.
inline constexpr std::chrono::milliseconds kReturnSpread = std::chrono::seconds(5);
inline constexpr std::chrono::milliseconds kBackendRetryAfter = std::chrono::seconds(1);

std::string_view to_string(SubscriptionEnd end);

// The error of the last notification. `position` is that of the last event; `random` spreads clients. Not for
// ends that clients are not notified about.
proto::Error end_error(SubscriptionEnd end, const EventPosition& position, std::uint64_t random);

}  // namespace sluice::core
