#include "proto/error.hpp"

#include "proto/json_text.hpp"

namespace sluice::proto {
namespace {

// `more` is what follows the reason inside data, beginning with a comma.
Error make(ErrorCode code, std::string_view message, std::string_view reason, std::string_view more = {}) {
  std::string data = R"({"reason":")";
  data.append(reason).append("\"").append(more).append("}");
  return {static_cast<std::int64_t>(code), std::string(message), std::move(data)};
}

std::string field(std::string_view name, std::uint64_t value) {
  return ",\"" + std::string(name) + "\":" + std::to_string(value);
}

std::string field(std::string_view name, std::string_view value) {
  return ",\"" + std::string(name) + "\":" + quoted(value);
}

}  // namespace

std::string_view to_string(BusyReason reason) {
  switch (reason) {
    case BusyReason::queue_full:
      return "queue_full";
    case BusyReason::method_busy:
      return "method_busy";
    case BusyReason::overloaded:
      return "overloaded";
  }
  return "overloaded";
}

Error parse_error(std::size_t offset) {
  return make(ErrorCode::parse_error, "Parse error", "parse", field("offset", offset));
}
Error invalid_request(std::string_view detail) {
  return make(ErrorCode::invalid_request, "Invalid Request", "invalid_request", field("detail", detail));
}
Error method_not_found() { return make(ErrorCode::method_not_found, "Method not found", "unknown_method"); }
Error subscriptions_unsupported() {
  return make(ErrorCode::method_not_found, "Method not found", "subscriptions_unsupported");
}
Error invalid_params(std::string_view path, std::string_view expected) {
  return make(ErrorCode::invalid_params, "Invalid params", "invalid_params",
              field("path", path) + field("expected", expected));
}
Error internal_error() { return make(ErrorCode::internal_error, "Internal error", "internal"); }
Error timed_out(std::chrono::milliseconds limit) {
  return make(ErrorCode::timed_out, "Request timed out", "timeout",
              field("timeout_ms", static_cast<std::uint64_t>(limit.count())));
}
Error request_too_big(std::size_t limit_bytes) {
  return make(ErrorCode::request_too_big, "Request is too big", "request_too_big",
              field("limit", limit_bytes));
}
Error response_too_big(std::size_t limit_bytes) {
  return make(ErrorCode::response_too_big, "Response is too big", "response_too_big",
              field("limit", limit_bytes));
}
Error busy(BusyReason reason, std::chrono::milliseconds retry_after) {
  return make(ErrorCode::busy, "Server is busy, try again later", to_string(reason),
              field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}
Error rate_limited(std::chrono::milliseconds retry_after) {
  return make(ErrorCode::rate_limited, "Limit exceeded", "rate_limited",
              field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}
Error unauthenticated() { return make(ErrorCode::not_allowed, "Not allowed", "unauthenticated"); }
Error forbidden(std::string_view detail) {
  return make(ErrorCode::not_allowed, "Not allowed", "forbidden",
              detail.empty() ? std::string() : field("detail", detail));
}
Error backend_down(std::string_view backend, std::chrono::milliseconds retry_after) {
  return make(
      ErrorCode::backend_unavailable, "Backend unavailable", "backend_down",
      field("backend", backend) + field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}
Error circuit_open(std::string_view backend, std::chrono::milliseconds retry_after) {
  return make(
      ErrorCode::backend_unavailable, "Backend unavailable", "circuit_open",
      field("backend", backend) + field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}
Error batch_too_big(std::size_t limit_entries) {
  return make(ErrorCode::batch_too_big, "The batch request was too large", "batch_too_big",
              field("limit", limit_entries));
}
Error batch_response_too_big(std::size_t limit_bytes) {
  return make(ErrorCode::batch_response_too_big, "The batch response was too large", "batch_response_too_big",
              field("limit", limit_bytes));
}
Error tls_required() { return forbidden("TLS is required here"); }
Error draining() { return make(ErrorCode::draining, "Server is shutting down", "draining"); }
Error cancelled() { return make(ErrorCode::cancelled, "Request cancelled", "cancelled"); }
Error too_many_subscriptions(std::size_t limit) {
  return make(ErrorCode::too_many_subscriptions, "Too many subscriptions", "too_many_subscriptions",
              field("limit", limit));
}
Error gone(std::string_view oldest, std::string_view epoch) {
  return make(ErrorCode::gone, "Gone", "gone", field("oldest", oldest) + field("epoch", epoch));
}
Error subscription_slow() { return make(ErrorCode::subscription_ended, "Subscription ended", "slow"); }
Error subscription_gap() { return make(ErrorCode::subscription_ended, "Subscription ended", "gap"); }
Error subscription_topic_gone() {
  return make(ErrorCode::subscription_ended, "Subscription ended", "topic_gone");
}
Error subscription_revoked() { return make(ErrorCode::not_allowed, "Not allowed", "revoked"); }
Error subscription_draining(std::string_view position, std::chrono::milliseconds retry_after) {
  return make(
      ErrorCode::draining, "Server is shutting down", "draining",
      field("pos", position) + field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}
Error subscription_backend_down(std::chrono::milliseconds retry_after) {
  return make(ErrorCode::backend_unavailable, "Backend unavailable", "backend_down",
              field("retry_after_ms", static_cast<std::uint64_t>(retry_after.count())));
}

}  // namespace sluice::proto
