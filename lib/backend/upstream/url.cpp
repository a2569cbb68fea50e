#include "lib/backend/upstream/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace sluice::core {
namespace {

using Kind = UpstreamUrl::Kind;

struct Scheme {
  std::string_view prefix;
  Kind kind;
  bool tls;
  std::uint16_t port;  // its own; 0: none
};

constexpr std::array<Scheme, 5> kSchemes = {{{"tcp://", Kind::stream, false, 0},
                                             {"http://", Kind::http, false, 80},
                                             {"https://", Kind::http, true, 443},
                                             {"ws://", Kind::websocket, false, 80},
                                             {"wss://", Kind::websocket, true, 443}}};
constexpr std::string_view kUnix = "unix://";
constexpr std::size_t kHostBytesMax = 253;  // of a name (RFC 1035, section 2.3.4, without the last dot)

bool is_address(const std::string& host, int family) {
  in6_addr room{};
  return ::inet_pton(family, host.c_str(), &room) == 1;
}

bool is_name(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_';
  };
  // Labels are not empty, but for the root's at the end; OpenSSL takes a dot in front for any subdomain.
  const bool labels = !host.empty() && host.front() != '.' && host.find("..") == std::string_view::npos;
  return labels && host.size() <= kHostBytesMax && std::ranges::all_of(host, allowed);
}

bool read_port(std::string_view digits, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() && port != 0;
}

// HOST, HOST:PORT or either with an IPv6 address in brackets.
bool read_authority(std::string_view text, UpstreamUrl& url) {
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string_view::npos) return false;
  url.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
  if (bracketed ? !is_address(url.host, AF_INET6) : !is_name(url.host)) return false;
  std::string_view rest = host_end == std::string_view::npos ? "" : text.substr(host_end + bracketed);
  if (rest.empty()) return url.port != 0;
  return rest.front() == ':' && read_port(rest.substr(1), url.port);
}

// It goes into a request line as it is.
bool is_target(std::string_view target) {
  return std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
}

std::optional<UpstreamUrl> parse_unix(std::string_view path) {
  if (!path.starts_with('/') || path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  UpstreamUrl url;
  url.socket_path = path;
  return url;
}

}  // namespace

std::string UpstreamUrl::host_header() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = v6 ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) text.append(":").append(std::to_string(port));
  return text;
}

std::string_view UpstreamUrl::name_in_tls() const {
  const std::string_view name = host;
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

std::string UpstreamUrl::to_string() const {
  if (!socket_path.empty()) return std::string(kUnix) + socket_path;
  const auto* const scheme = std::ranges::find_if(
      kSchemes, [this](const Scheme& each) { return each.kind == kind && each.tls == tls; });
  std::string text(scheme == kSchemes.end() ? std::string_view() : scheme->prefix);
  if (kind != Kind::stream) return text + host_header() + target.substr(0, target.find('?'));
  const bool v6 = host.find(':') != std::string::npos;
  return text + (v6 ? "[" + host + "]:" : host + ":") + std::to_string(port);
}

bool UpstreamUrl::is_literal() const { return is_address(host, AF_INET) || is_address(host, AF_INET6); }

std::optional<UpstreamUrl> parse_upstream_url(std::string_view text) {
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  const auto* const scheme =
      std::ranges::find_if(kSchemes, [text](const Scheme& each) { return text.starts_with(each.prefix); });
  if (scheme == kSchemes.end()) return std::nullopt;
  UpstreamUrl url;
  url.kind = scheme->kind;
  url.tls = scheme->tls;
  url.port = scheme->port;
  const std::string_view rest = text.substr(scheme->prefix.size());
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  if (!read_authority(rest.substr(0, authority_end), url)) return std::nullopt;
  const std::string_view target = rest.substr(authority_end);
  if (!is_target(target) || (url.kind == Kind::stream && !target.empty())) return std::nullopt;
  if (!target.empty()) url.target.assign(target.starts_with('/') ? 0 : 1, '/').append(target);
  return url;
}

}  // namespace sluice::core
