// What a request has to be before its body is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/transport/http_request_parser.hpp"
#include "lib/transport/listener_policy.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// How a request is turned away: its status, and the JSON-RPC error that is the body.
struct HttpRefusal {
  int status = 400;
  proto::Error error;
};

// What the request is to be taken for.
enum class HttpPurpose : std::uint8_t { call, websocket, preflight };

// The checks that a request has to pass, in their order.
std::optional<HttpRefusal> check_request(const HttpRequestHead& head, const ListenerPolicy& policy);
// Of a request that has passed them.
HttpPurpose purpose_of(const HttpRequestHead& head);

// Whether a browser's page of that origin may call.
bool origin_allowed(std::string_view origin, const ListenerPolicy& policy);

// The token of `Authorization: Bearer TOKEN`; nothing for anything else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace sluice::core
