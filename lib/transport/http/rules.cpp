#include "lib/transport/http/rules.hpp"

#include <algorithm>
#include <array>

#include <boost/beast/core/string.hpp>

#include "lib/observe/log.hpp"
#include "lib/transport/http/host_name.hpp"

namespace sluice::core {
namespace {

bool same(std::string_view left, std::string_view right) {
  return boost::beast::iequals({left.data(), left.size()}, {right.data(), right.size()});
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t");
  return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

constexpr std::string_view kScheme = "http://";

bool is_absolute(std::string_view target) { return same(target.substr(0, kScheme.size()), kScheme); }

// The path without the query, and without the scheme and host of a request to a proxy.
std::string_view path_of(std::string_view target) {
  if (is_absolute(target))
    target.remove_prefix(std::min(target.find_first_of("/?", kScheme.size()), target.size()));
  const std::string_view path = target.substr(0, target.find('?'));
  return path.empty() ? std::string_view("/") : path;
}

// The host in a request to a proxy, which overrides the header.
std::optional<std::string_view> host_of(std::string_view target) {
  if (!is_absolute(target)) return std::nullopt;
  target.remove_prefix(kScheme.size());
  return target.substr(0, target.find_first_of("/?"));
}

// The spellings of nearly all clients, without a port or with up to four digits. They need no further check.
bool is_plainly_loopback(std::string_view host) {
  for (const std::string_view name : {std::string_view("127.0.0.1"), std::string_view("localhost")}) {
    if (!host.starts_with(name)) continue;
    const std::string_view port = host.substr(name.size());
    const bool digits = port.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (port.empty() || (port.front() == ':' && port.size() <= 5 && digits)) return true;
  }
  return false;
}

bool is_same_host(const HostName& host, const HostName& allowed) {
  return host.name == allowed.name && (!allowed.port || host.port == allowed.port);
}

bool host_allowed(std::string_view text, const ListenerPolicy& policy) {
  if (is_plainly_loopback(text)) return true;
  const auto host = parse_host(text);
  if (!host) return false;
  return is_loopback_name(host->name, policy.loopback_names) ||
         std::ranges::any_of(policy.allowed_hosts, [&](const std::string& each) {
           const auto allowed = parse_host(each);
           return allowed && is_same_host(*host, *allowed);
         });
}

bool is_json(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  return same(type, "application/json") || same(type, "application/json-rpc") ||
         same(type, "application/jsonrequest");
}

// With a client's text in quotes, which the error's own quoting escapes.
std::string quoting(std::string_view before, std::string_view text, std::string_view after) {
  return std::string(before).append("\"").append(printable(text)).append("\"").append(after);
}

HttpRefusal refuse_host(std::string_view host) {
  return {403, proto::forbidden(quoting("Host ", host, " is neither loopback nor among allowed_hosts"))};
}

HttpRefusal refuse_origin(std::string_view origin) {
  return {403, proto::forbidden(quoting("Origin ", origin, " is not among allowed_origins"))};
}

HttpRefusal refuse_invalid(int status, std::string_view detail) {
  return {status, proto::invalid_request(detail)};
}

constexpr std::string_view kAllowPost = "Allow: POST\r\n";
constexpr std::string_view kAllowGet = "Allow: GET, HEAD\r\n";
constexpr std::string_view kAllowGetOnly = "Allow: GET\r\n";
constexpr std::string_view kAcceptIdentity = "Accept-Encoding: identity\r\n";
constexpr std::string_view kWebSocketVersion = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";

// Calls `take` with each element of a header's list, until it returns true; returns whether it did.
template <typename Take>
bool any_element(std::string_view list, Take take) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    if (take(trimmed(element))) return true;
    list.remove_prefix(std::min(element.size() + 1, list.size()));
  }
  return false;
}

bool is_encoded(std::string_view content_encoding) {
  return any_element(content_encoding,
                     [](std::string_view coding) { return !coding.empty() && !same(coding, "identity"); });
}

// Checks the head of a call. A page can make a browser send other types than JSON's without asking; see also
// Origin.
Result<void, HttpRefusal> check_call(const HttpRequestHead& head) {
  if (head.method != "POST") {
    HttpRefusal refusal = refuse_invalid(405, quoting("a call is a POST, not ", head.method, ""));
    refusal.headers = kAllowPost;
    return refusal;
  }
  if (!is_json(head.content_type)) return refuse_invalid(415, "Content-Type must be application/json");
  if (is_encoded(head.content_encoding)) {
    HttpRefusal refusal = refuse_invalid(415, "Content-Encoding can only be identity");
    refusal.headers = kAcceptIdentity;
    return refusal;
  }
  return success();
}

// RFC 6455, section 4.2.1. The key is checked when it is answered.
Result<void, HttpRefusal> check_handshake(const HttpRequestHead& head) {
  if (!head.http11) {
    return refuse_invalid(400,
                          "a WebSocket handshake takes HTTP/1.1; this one came in HTTP/1.0, as through a "
                          "proxy that speaks only that");
  }
  if (!head.upgrade_websocket) {
    return refuse_invalid(400, "a WebSocket handshake takes \"Connection: Upgrade\" beside Upgrade");
  }
  if (head.websocket_version != "13") {
    HttpRefusal refusal = refuse_invalid(426, "Sec-WebSocket-Version must be 13");
    refusal.headers = kWebSocketVersion;
    return refusal;
  }
  if (head.has_body) return refuse_invalid(400, "a WebSocket handshake has no body");
  if (!head.keep_alive) return refuse_invalid(400, "a WebSocket handshake can't close its connection");
  return success();
}

Result<void, HttpRefusal> check_health(const HttpRequestHead& head) {
  if (head.method == "GET" || head.method == "HEAD") return success();
  HttpRefusal refusal = refuse_invalid(405, quoting("health is asked by GET, not ", head.method, ""));
  refusal.headers = kAllowGet;
  return refusal;
}

// On the path of calls, POST and handshakes are always calls.
bool is_health(const HttpRequestHead& head, const ListenerPolicy& policy, std::string_view path) {
  if (policy.health_path.empty() || path != policy.health_path) return false;
  const bool asks = head.method == "GET" || head.method == "HEAD";
  const bool upgrade = head.upgrade_websocket || head.names_websocket;
  return path != policy.http_path || (asks && !upgrade);
}

bool is_events(const HttpRequestHead& head, const ListenerPolicy& policy, std::string_view path) {
  return path == policy.events_path && !path.empty() && !head.names_websocket;
}

Result<void, HttpRefusal> check_events_request(const HttpRequestHead& head) {
  if (head.method == "GET") return success();
  HttpRefusal refusal = refuse_invalid(405, quoting("events are asked by GET, not ", head.method, ""));
  refusal.headers = kAllowGetOnly;
  return refusal;
}

// If the name was checked, a page of the same name is this server's own: some clients send the server's
// address as Origin.
bool is_own_origin(const PageClaim& claim) {
  const auto& called = claim.target_host ? claim.target_host : claim.host;
  auto host = called ? parse_host(*called) : std::nullopt;
  const auto origin = host_of_origin(*claim.origin);
  if (!host || !origin) return false;
  const bool secure = same(claim.origin->substr(0, 6), "https:") || same(claim.origin->substr(0, 4), "wss:");
  if (!host->port) host->port = secure ? 443 : 80;
  return *host == *origin;
}

// Whether the scheme's port is written or not.
bool is_same_origin(std::string_view left, std::string_view right) {
  if (!same(left.substr(0, left.find(':')), right.substr(0, right.find(':')))) return false;
  const auto host = host_of_origin(left);
  return host && host == host_of_origin(right);
}

}  // namespace

bool origin_allowed(std::string_view origin, const ListenerPolicy& policy) {
  return std::ranges::any_of(policy.allowed_origins, [&](const std::string& allowed) {
    return allowed == "*" || same(allowed, origin) || is_same_origin(allowed, origin);
  });
}

PageClaim page_claim(const HttpRequestHead& head) {
  PageClaim claim;
  if (head.has_host) claim.host = head.host;
  claim.target_host = host_of(head.target);
  if (head.has_origin) claim.origin = head.origin;
  return claim;
}

Result<void, HttpRefusal> check_page(const PageClaim& claim, const ListenerPolicy& policy,
                                     bool from_outside) {
  const bool names_count = policy.loopback_names_only && !from_outside;
  if (names_count && claim.host && !host_allowed(*claim.host, policy)) return refuse_host(*claim.host);
  if (names_count && claim.target_host && !host_allowed(*claim.target_host, policy))
    return refuse_host(*claim.target_host);
  if (!claim.origin || origin_allowed(*claim.origin, policy)) return success();
  if (names_count && is_own_origin(claim)) return success();
  return refuse_origin(*claim.origin);
}

Result<void, HttpRefusal> check_request(const HttpRequestHead& head, const ListenerPolicy& policy,
                                        bool from_outside) {
  // Pages must not learn what is served here: a foreign page is refused first.
  if (auto checked = check_page(page_claim(head), policy, from_outside); !checked) return checked;
  const std::string_view path = path_of(head.target);
  if (path != policy.http_path && !is_health(head, policy, path) && !is_events(head, policy, path))
    return refuse_invalid(404, quoting("nothing is served at ", path, ""));
  if (head.expects_other) return refuse_invalid(417, "Expect can only be 100-continue");
  switch (purpose_of(head, policy)) {
    case HttpPurpose::preflight:
      return success();
    case HttpPurpose::websocket:
      return check_handshake(head);
    case HttpPurpose::health:
      return check_health(head);
    case HttpPurpose::events:
      return check_events_request(head);
    case HttpPurpose::call:
      return check_call(head);
  }
  return success();
}

HttpPurpose purpose_of(const HttpRequestHead& head, const ListenerPolicy& policy) {
  if (head.method == "OPTIONS" && head.has_origin) return HttpPurpose::preflight;
  const std::string_view path = path_of(head.target);
  if (is_health(head, policy, path)) return HttpPurpose::health;
  if (is_events(head, policy, path)) return HttpPurpose::events;
  const bool upgrade = head.upgrade_websocket || head.names_websocket;
  if (head.method == "GET" && upgrade) return HttpPurpose::websocket;
  return HttpPurpose::call;
}

std::string_view chosen_subprotocol(std::string_view offered, const ListenerPolicy& policy) {
  static constexpr std::array<std::string_view, 8> kUsual = {
      "jsonrpc", "jsonrpc2", "jsonrpc2.0", "jsonrpc-2.0", "json-rpc", "json-rpc-2.0", "json", "mcp"};
  std::string_view chosen;
  any_element(offered, [&](std::string_view each) {
    const bool spoken = std::ranges::find(kUsual, each) != kUsual.end() ||
                        std::ranges::find(policy.subprotocols, each) != policy.subprotocols.end();
    if (spoken) chosen = each;
    return spoken;
  });
  return chosen;
}

std::string preflight_headers(const ListenerPolicy& policy) {
  // Headers that clients and tracing are known to send.
  std::string headers =
      "Access-Control-Allow-Methods: POST\r\n"
      "Access-Control-Allow-Headers: authorization, content-type, accept, sluice-timeout-ms, traceparent, "
      "tracestate, baggage, b3, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled, sentry-trace, "
      "x-requested-with, x-request-id, x-correlation-id, last-event-id, mcp-protocol-version, solana-client";
  for (const std::string& each : policy.allowed_headers) headers.append(", ").append(each);
  return headers.append("\r\nAccess-Control-Max-Age: 600\r\n");
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!same(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return trimmed(authorization.substr(kScheme.size()));
}

}  // namespace sluice::core
