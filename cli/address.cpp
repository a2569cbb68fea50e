#include "cli/address.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>

namespace sluice::client {
namespace {

constexpr std::string_view kDefaultAddress = "tcp://127.0.0.1:7070";
constexpr std::size_t kUnixPathMax = sizeof(sockaddr_un::sun_path) - 1;

Failure bad_address(std::string_view text, std::string_view why) {
  return usage_error("address '" + std::string(text) + "': " + std::string(why));
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// HOST:PORT without a scheme. Any digits will do for the port, so that a wrong one is not taken for the
// end of a method's name.
bool is_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const auto all_of = [](std::string_view part, auto fits) {
    return std::all_of(part.begin(), part.end(), fits);
  };
  const auto in_name = [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; };
  const auto in_ipv6 = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '[' || c == ']';
  };
  const std::string_view host = text.substr(0, colon);
  return (all_of(host, in_name) || all_of(host, in_ipv6)) &&
         all_of(text.substr(colon + 1), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

struct Scheme {
  std::string_view prefix;
  Address::Protocol protocol;
  bool tls;
  std::string_view default_port;  // empty: the port must be given
};

constexpr std::array kSchemes{
    Scheme{"tcp://", Address::Protocol::json_stream, false, ""},
    Scheme{"tls://", Address::Protocol::json_stream, true, ""},
    Scheme{"http://", Address::Protocol::http, false, "80"},
    Scheme{"https://", Address::Protocol::http, true, "443"},
    Scheme{"ws://", Address::Protocol::websocket, false, "80"},
    Scheme{"wss://", Address::Protocol::websocket, true, "443"},
};

// The host and port of `rest`, which follows the scheme.
Result<Address> parse_host(std::string_view text, std::string_view rest, const Scheme& scheme) {
  const std::string form = std::string(scheme.prefix) + "HOST:PORT";
  const std::size_t bracket = rest.rfind(']');
  std::size_t colon = rest.rfind(':');
  if (bracket != std::string_view::npos && colon != std::string_view::npos && colon < bracket)
    colon = std::string_view::npos;
  if (colon == std::string_view::npos && scheme.default_port.empty())
    return bad_address(text, "needs a port: " + form);
  std::string_view host = rest.substr(0, colon);
  const std::string_view port =
      colon == std::string_view::npos ? scheme.default_port : rest.substr(colon + 1);
  if (!is_port(port)) return bad_address(text, "the port must be a number from 1 to 65535");

  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad_address(text, "an IPv6 address needs brackets: " + std::string(scheme.prefix) + "[::1]:PORT");
  }
  if (host.empty() || host.find_first_of("[]/ ") != std::string_view::npos) {
    return bad_address(text, "needs a host: " + form);
  }
  Address address;
  address.host = host;
  address.port = port;
  address.text = text;
  address.protocol = scheme.protocol;
  address.tls = scheme.tls;
  return address;
}

// What a request line can hold as it is.
bool is_target(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

Result<Address> parse_url(std::string_view text, std::string_view rest, const Scheme& scheme) {
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view target = rest.substr(end);
  if (rest.substr(0, end).find('@') != std::string_view::npos)
    return bad_address(text, "holds a user; a token is given by --token-file");
  if (!is_target(target))
    return bad_address(text, "a path has no fragment, and is ASCII without spaces: use %XX");
  Result<Address> address = parse_host(text, rest.substr(0, end), scheme);
  if (!address) return address;
  Address& made = address.value();
  made.target = (target.starts_with('/') ? "" : "/") + std::string(target);
  made.authority = made.host.find(':') == std::string::npos ? made.host : "[" + made.host + "]";
  if (made.port != scheme.default_port) made.authority += ":" + made.port;
  return address;
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/')) return bad_address(text, "needs an absolute path: unix:///path");
  if (path.size() > kUnixPathMax) {
    return bad_address(text, "the path is longer than " + std::to_string(kUnixPathMax) + " bytes");
  }
  Address address;
  address.kind = Address::Kind::unix_socket;
  address.path = path;
  address.text = text;
  return address;
}

}  // namespace

bool looks_like_address(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) return is_host_and_port(text);
  return end > 0 && std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                                [](char c) { return is_alphanumeric(c) || c == '+'; });
}

Result<Address> parse_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix://";
  if (text.starts_with(kUnix)) return parse_unix(text, text.substr(kUnix.size()));
  for (const Scheme& scheme : kSchemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    const std::string_view rest = text.substr(scheme.prefix.size());
    return scheme.protocol == Address::Protocol::json_stream ? parse_host(text, rest, scheme)
                                                             : parse_url(text, rest, scheme);
  }
  if (is_host_and_port(text)) {
    const Scheme& tcp = kSchemes.front();
    return parse_host(std::string(tcp.prefix).append(text), text, tcp);
  }
  return bad_address(text,
                     "not supported; use tcp://HOST:PORT, tls://HOST:PORT, unix:///path, or an http, https, "
                     "ws or wss URL");
}

Result<Address> default_address() {
  const char* from_environment = std::getenv("SLUICE_ADDRESS");
  if (from_environment == nullptr || *from_environment == '\0') return parse_address(kDefaultAddress);
  Result<Address> address = parse_address(from_environment);
  if (!address) return usage_error("SLUICE_ADDRESS: " + address.error().message);
  return address;
}

}  // namespace sluice::client
