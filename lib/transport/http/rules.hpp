// HTTP rules: the checks of a request before its body is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/transport/http/request_parser.hpp"
#include "lib/transport/listener_policy.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// Refusal of a request: its status, and the JSON-RPC error that is the body.
struct HttpRefusal {
  int status = 400;
  proto::Error error;
  std::string_view headers{};  // further header lines; static
};

// Purpose of a request.
enum class HttpPurpose : std::uint8_t { call, websocket, preflight, health, events };

// The checks that a request must pass, in their order. `from_outside`: the peer is known to be on another
// machine, even if a proxy on this one has connected to a loopback listener for it.
Result<void, HttpRefusal> check_request(const HttpRequestHead& head, const ListenerPolicy& policy,
                                        bool from_outside = false);

// Claims of a web page in a request's head: the name by which the server was called, and the page's origin.
struct PageClaim {
  std::optional<std::string_view> host;
  std::optional<std::string_view> target_host;  // from an absolute target, which overrides the header
  std::optional<std::string_view> origin;
};
PageClaim page_claim(const HttpRequestHead& head);
// The checks of a request that concern pages. A WebSocket must pass them as long as it is open.
Result<void, HttpRefusal> check_page(const PageClaim& claim, const ListenerPolicy& policy, bool from_outside);

// Purpose of a request that has passed them.
HttpPurpose purpose_of(const HttpRequestHead& head, const ListenerPolicy& policy = {});

// Whether a page of that origin may call.
bool origin_allowed(std::string_view origin, const ListenerPolicy& policy);

// The first offered WebSocket subprotocol that is supported; empty if none is.
std::string_view chosen_subprotocol(std::string_view offered, const ListenerPolicy& policy);

// Header lines of the response to a preflight request.
std::string preflight_headers(const ListenerPolicy& policy);

// The token of `Authorization: Bearer TOKEN`; nothing for anything else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace sluice::core
