// Limits of connections and calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>

#include "lib/time/durations.hpp"
#include "proto/limits.hpp"

namespace sluice::core {

// Changed by a reload; each I/O thread has its own copy.
struct Limits {
  std::size_t connection_window = 128;  // calls in flight per connection
  std::size_t message_bytes_max = proto::kMessageBytesDefault;
  std::size_t response_bytes_max = proto::kResponseBytesDefault;
  std::size_t batch_entries_max = proto::kBatchEntriesDefault;
  std::size_t batch_width = 16;                     // a batch's calls at once
  std::size_t output_bytes_max = 16 * proto::kMiB;  // unread replies per connection
  milliseconds call_timeout = seconds(30);
  milliseconds idle_timeout = std::chrono::minutes(11);  // since the last byte, without calls in flight
  milliseconds message_timeout = seconds(30);            // from first to last byte of a message
  milliseconds write_timeout = seconds(10);              // a reply without progress
  milliseconds ping_interval = seconds(25);              // between pings to a WebSocket peer
  milliseconds slow_call = seconds(1);                   // slower calls are logged at warn
  // Bytes that an unauthenticated connection may send; no limit without configured clients.
  std::size_t unproven_bytes_max = std::numeric_limits<std::size_t>::max();
  bool busy_poll = true;  // while calls follow each other closely, see BusyPoll
};

}  // namespace sluice::core
