// Event of a subscription: parser of its notification.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::client {

// What a server sends for a subscription, as JSON texts: views into the notification. A member that is not
// there is empty.
struct Event {
  std::string_view subscription;
  std::string_view topic;
  std::string_view pos;
  std::string_view result;
  std::string_view error;               // not empty: the subscription has ended
  std::optional<std::uint64_t> number;  // n, from 1 per subscription
  std::uint64_t dropped = 0;            // events that the server left out before this one
  bool gap = false;                     // events before this one are lost
};

// Nothing if the message, a valid JSON text, is not a notification `rpc.subscription` or `rpc_subscription`.
std::optional<Event> parse_event(std::string_view message);

// A number of JSON's that is a count; nothing for any other text.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace sluice::client
