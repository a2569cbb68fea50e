// What a request has to be before its body is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/transport/http/request_parser.hpp"
#include "lib/transport/listener_policy.hpp"
#include "proto/error.hpp"

namespace sluice::core {

// How a request is turned away: its status, and the JSON-RPC error that is the body.
struct HttpRefusal {
  int status = 400;
  proto::Error error;
  std::string_view headers{};  // further header lines; lasts for ever
};

// What the request is to be taken for.
enum class HttpPurpose : std::uint8_t { call, websocket, preflight, health };

// The checks that a request has to pass, in their order. `from_outside`: the peer is known to be on another
// machine, though a proxy on this one may have connected to a loopback listener for it.
std::optional<HttpRefusal> check_request(const HttpRequestHead& head, const ListenerPolicy& policy,
                                         bool from_outside = false);

// What tells web pages from other clients: by what name the server was called, and whose page calls. Parts of
// a request's head.
struct PageClaim {
  std::optional<std::string_view> host;
  std::optional<std::string_view> target_host;  // of an absolute target, which goes before the header
  std::optional<std::string_view> origin;
};
PageClaim page_claim(const HttpRequestHead& head);
// The checks of a request that are about pages. A WebSocket has to pass them for as long as it is open.
std::optional<HttpRefusal> check_page(const PageClaim& claim, const ListenerPolicy& policy,
                                      bool from_outside);

// Of a request that has passed them.
HttpPurpose purpose_of(const HttpRequestHead& head, const ListenerPolicy& policy = {});

// Whether a browser's page of that origin may call.
bool origin_allowed(std::string_view origin, const ListenerPolicy& policy);

// The first of the WebSocket subprotocols offered that is spoken here; empty where none is.
std::string_view chosen_subprotocol(std::string_view offered, const ListenerPolicy& policy);

// Header lines of the answer to a page that asks before it calls.
std::string preflight_headers(const ListenerPolicy& policy);

// The token of `Authorization: Bearer TOKEN`; nothing for anything else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace sluice::core
