// Table of all errors that sluice itself answers: code, message and `data.reason`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::proto {

enum class ErrorCode : std::int64_t {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  subscription_ended = -32000,
  timed_out = -32002,
  rate_limited = -32005,
  too_many_subscriptions = -32006,
  request_too_big = -32007,
  response_too_big = -32008,
  busy = -32009,
  batch_too_big = -32010,
  batch_response_too_big = -32011,
  draining = -32012,
  backend_unavailable = -32013,
  gone = -32015,
  not_allowed = -32016,
  cancelled = -32800,
};

// An error as it is sent. `data` is JSON text, or empty.
struct Error {
  std::int64_t code = 0;
  std::string message;
  std::string data;
};

// Reason for which admission refused a call (`data.reason` of -32009).
enum class BusyReason : std::uint8_t { queue_full, method_busy, overloaded };
std::string_view to_string(BusyReason reason);

Error parse_error(std::size_t offset);
// `detail` describes the error in words.
Error invalid_request(std::string_view detail);
Error method_not_found();
// The transport carries no subscriptions.
Error subscriptions_unsupported();
// `path` is a JSON pointer into params; `expected` describes valid values in words.
Error invalid_params(std::string_view path, std::string_view expected);
Error internal_error();
Error timed_out(std::chrono::milliseconds limit);
Error request_too_big(std::size_t limit_bytes);
Error response_too_big(std::size_t limit_bytes);
Error busy(BusyReason reason, std::chrono::milliseconds retry_after);
// The client has reached its own limit.
Error rate_limited(std::chrono::milliseconds retry_after);
Error unauthenticated();
Error forbidden(std::string_view detail = {});
// The backend is down, or it ended while it had the call.
Error backend_down(std::string_view backend, std::chrono::milliseconds retry_after);
// The backend's circuit breaker is open.
Error circuit_open(std::string_view backend, std::chrono::milliseconds retry_after);
Error batch_too_big(std::size_t limit_entries);
Error batch_response_too_big(std::size_t limit_bytes);
// Plain text on a listener that requires TLS.
Error tls_required();
Error draining();
Error cancelled();
// The client, or the server, has reached its limit.
Error too_many_subscriptions(std::size_t limit);
// Events after a position are not all known any more. From `oldest` on they are; `epoch` is today's.
Error gone(std::string_view oldest, std::string_view epoch);

// Ends of subscriptions.
// Its events waited beyond its limits.
Error subscription_slow();
// Events were lost where they came from.
Error subscription_gap();
// The topic's history is configured no more.
Error subscription_topic_gone();
Error subscription_revoked();
// `position` is that of the last event, to resume from.
Error subscription_draining(std::string_view position, std::chrono::milliseconds retry_after);
Error subscription_backend_down(std::chrono::milliseconds retry_after);

}  // namespace sluice::proto
