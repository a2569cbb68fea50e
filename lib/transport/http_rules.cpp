#include "lib/transport/http_rules.hpp"

#include <algorithm>

#include <boost/beast/core/string.hpp>

#include "lib/observe/log.hpp"

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

// Without the query, and without the scheme and host that a request to a proxy has.
std::string_view path_of(std::string_view target) {
  if (is_absolute(target))
    target.remove_prefix(std::min(target.find_first_of("/?", kScheme.size()), target.size()));
  const std::string_view path = target.substr(0, target.find('?'));
  return path.empty() ? std::string_view("/") : path;
}

// The host that a request to a proxy names, which goes before the header.
std::optional<std::string_view> host_of(std::string_view target) {
  if (!is_absolute(target)) return std::nullopt;
  target.remove_prefix(kScheme.size());
  return target.substr(0, target.find_first_of("/?"));
}

// Without the port; empty where what follows the name is none.
std::string_view name_of(std::string_view host) {
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const std::size_t end =
      std::min(bracket == std::string_view::npos ? host.find(':') : bracket + 1, host.size());
  const std::string_view port = host.substr(end);
  const bool valid =
      port.empty() || (port.front() == ':' && port.find_first_not_of("0123456789", 1) == port.npos);
  return valid ? host.substr(0, end) : std::string_view();
}

// 127.0.0.0/8 as four decimal numbers; other spellings are names to a browser as well, but nobody needs them.
bool is_loopback_ipv4(std::string_view name) {
  if (!name.starts_with("127.")) return false;
  int dots = 0;
  std::size_t digits = 0;
  for (const char c : name) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (c < '0' || c > '9' || ++digits > 3) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

bool is_loopback_name(std::string_view name) {
  return same(name, "localhost") || same(name, "[::1]") || is_loopback_ipv4(name);
}

bool host_allowed(std::string_view host, const ListenerPolicy& policy) {
  if (!policy.loopback_names_only) return true;
  const std::string_view name = name_of(host);
  return is_loopback_name(name) || std::ranges::any_of(policy.allowed_hosts, [&](const std::string& allowed) {
           return same(allowed, name) || same(allowed, host);
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

// A call that is none by its head. A page can make a browser send other types than JSON's without asking; see
// also Origin.
std::optional<HttpRefusal> check_call(const HttpRequestHead& head) {
  if (head.method != "POST") return refuse_invalid(405, quoting("a call is a POST, not ", head.method, ""));
  if (!is_json(head.content_type)) return refuse_invalid(415, "Content-Type must be application/json");
  return std::nullopt;
}

}  // namespace

bool origin_allowed(std::string_view origin, const ListenerPolicy& policy) {
  return std::ranges::any_of(policy.allowed_origins, [&](const std::string& allowed) {
    return allowed == "*" || same(allowed, origin);
  });
}

std::optional<HttpRefusal> check_request(const HttpRequestHead& head, const ListenerPolicy& policy) {
  // Pages must not learn what is here: a foreign one before anything else.
  const auto host = host_of(head.target);
  if (head.has_host && !host_allowed(head.host, policy)) return refuse_host(head.host);
  if (host && !host_allowed(*host, policy)) return refuse_host(*host);
  if (head.has_origin && !origin_allowed(head.origin, policy)) return refuse_origin(head.origin);
  const std::string_view path = path_of(head.target);
  if (path != policy.http_path) return refuse_invalid(404, quoting("nothing is served at ", path, ""));
  if (head.expects_other) return refuse_invalid(417, "Expect can only be 100-continue");
  switch (purpose_of(head)) {
    case HttpPurpose::preflight:
      return std::nullopt;
    case HttpPurpose::websocket:
      if (head.websocket_version != "13") return refuse_invalid(426, "Sec-WebSocket-Version must be 13");
      return std::nullopt;
    case HttpPurpose::call:
      return check_call(head);
  }
  return std::nullopt;
}

HttpPurpose purpose_of(const HttpRequestHead& head) {
  if (head.method == "OPTIONS" && head.has_origin) return HttpPurpose::preflight;
  if (head.method == "GET" && head.upgrade_websocket) return HttpPurpose::websocket;
  return HttpPurpose::call;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!same(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return trimmed(authorization.substr(kScheme.size()));
}

}  // namespace sluice::core
