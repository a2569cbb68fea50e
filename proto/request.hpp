// One call, read out of a scanned message.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/error.hpp"
#include "proto/message.hpp"

namespace sluice::proto {

// A valid JSON-RPC 2.0 call. Views point into the message's text, or into the scratch string that was
// given to read_request() where a method's name was written with escapes.
struct Request {
  std::string_view id;           // the id's own text, echoed byte for byte; empty in a notification
  std::string_view method;       // decoded
  std::string_view params;       // JSON text of an array or object, or empty
  std::string_view traceparent;  // between its quotes, or empty
  std::optional<std::chrono::milliseconds> timeout;  // the client's own limit
  std::string_view text;                             // the whole message, or entry in a batch

  bool is_notification() const { return id.empty(); }
};

// An invalid request, and how to answer it.
struct InvalidRequest {
  std::string_view id = "null";
  Error error;
};

// Reads one envelope, found in the message `text`, into `request` and overwrites all of its members. Returns
// the reason if it is not a valid request by JSON-RPC 2.0, section 4; `request` must not be used then. An
// output parameter, because moving a Request is expensive.
std::optional<InvalidRequest> read_request(std::string_view text, const Envelope& envelope, Request& request,
                                           std::string& scratch);

}  // namespace sluice::proto
