#include "cli/address.hpp"

#include <sys/un.h>

#include <algorithm>
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

Result<Address> parse_tcp(std::string_view text, std::string_view rest) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text, "needs a port: tcp://HOST:PORT");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (!is_port(port)) return bad_address(text, "the port must be a number from 1 to 65535");

  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad_address(text, "an IPv6 address needs brackets: tcp://[::1]:PORT");
  }
  if (host.empty() || host.find_first_of("[]/ ") != std::string_view::npos) {
    return bad_address(text, "needs a host: tcp://HOST:PORT");
  }
  return Address{Address::Kind::tcp, std::string(host), std::string(port), "", std::string(text)};
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/')) return bad_address(text, "needs an absolute path: unix:///path");
  if (path.size() > kUnixPathMax) {
    return bad_address(text, "the path is longer than " + std::to_string(kUnixPathMax) + " bytes");
  }
  return Address{Address::Kind::unix_socket, "", "", std::string(path), std::string(text)};
}

}  // namespace

bool looks_like_address(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) return is_host_and_port(text);
  return end > 0 && std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                                [](char c) { return is_alphanumeric(c) || c == '+'; });
}

Result<Address> parse_address(std::string_view text) {
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kUnix = "unix://";
  if (text.starts_with(kTcp)) return parse_tcp(text, text.substr(kTcp.size()));
  if (text.starts_with(kUnix)) return parse_unix(text, text.substr(kUnix.size()));
  if (is_host_and_port(text)) return parse_tcp(std::string(kTcp).append(text), text);
  return bad_address(text, "not supported; use tcp://HOST:PORT or unix:///path");
}

Result<Address> default_address() {
  const char* from_environment = std::getenv("SLUICE_ADDRESS");
  if (from_environment == nullptr || *from_environment == '\0') return parse_address(kDefaultAddress);
  Result<Address> address = parse_address(from_environment);
  if (!address) return usage_error("SLUICE_ADDRESS: " + address.error().message);
  return address;
}

}  // namespace sluice::client
