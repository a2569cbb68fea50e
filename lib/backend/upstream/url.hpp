// Upstream URL: address and protocol of an upstream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::core {

// http://, https://, ws:// and wss:// with HOST[:PORT][/PATH][?QUERY], tcp://HOST:PORT, and unix:///path.
struct UpstreamUrl {
  enum class Kind : std::uint8_t { stream, http, websocket };
  Kind kind = Kind::stream;
  bool tls = false;
  std::string host;  // a name, or an address without brackets; empty for a Unix socket
  std::uint16_t port = 0;
  std::string socket_path;   // of a Unix socket
  std::string target = "/";  // path and query of HTTP and WebSocket

  // What HTTP's Host says: without the port where that is the scheme's own.
  std::string host_header() const;
  // The name as certificates and TLS have it: without the dot at the end that only DNS knows (RFC 6066,
  // section 3).
  std::string_view name_in_tls() const;
  // What the log calls it: without the query, which may hold a key.
  std::string to_string() const;
  // Whether `host` is an IP address, which needs no resolving.
  bool is_literal() const;
  bool operator==(const UpstreamUrl&) const = default;
};

// Empty where `text` is not such a URL, or has a user or a fragment: neither would be sent.
std::optional<UpstreamUrl> parse_upstream_url(std::string_view text);

}  // namespace sluice::core
