#include "daemon/config/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace sluice::daemon {

namespace {

using core::Address;

constexpr std::size_t kHostNameBytesMax = 253;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_name_char(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

// An IPv6 address and, for link-local ones, the interface behind '%'.
struct Ipv6 {
  in6_addr bytes{};
  std::string zone;
};

std::optional<Ipv6> parse_ipv6(const std::string& host) {
  const std::size_t percent = host.find('%');
  Ipv6 parsed;
  if (percent != std::string::npos) {
    parsed.zone = host.substr(percent);
    if (parsed.zone.size() == 1 || !std::all_of(parsed.zone.begin() + 1, parsed.zone.end(), is_name_char)) {
      return std::nullopt;
    }
  }
  if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &parsed.bytes) != 1) return std::nullopt;
  return parsed;
}

std::optional<in_addr> parse_ipv4(const std::string& host) {
  in_addr bytes{};
  if (inet_pton(AF_INET, host.c_str(), &bytes) != 1) return std::nullopt;
  return bytes;
}

bool is_host_name(const std::string& host) {
  if (host.empty() || host.size() > kHostNameBytesMax) return false;
  if (!std::all_of(host.begin(), host.end(), is_name_char)) return false;
  // Digits and dots alone are a mistyped IPv4 address, not a name.
  return !std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool can_be_meant(const Address& address, std::string_view text) {
  if (address.kind == Address::Kind::unix_socket) {
    return !address.path.ends_with('/') && address.path.size() <= kUnixPathBytesMax;
  }
  if (address.host.find('\0') != std::string::npos) return false;
  const bool in_brackets = text.find('[') != std::string_view::npos;
  if (in_brackets) return parse_ipv6(address.host).has_value();
  return parse_ipv4(address.host) || is_host_name(address.host);
}

std::string host_identity(const std::string& host) {
  if (const auto ipv6 = parse_ipv6(host)) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, &ipv6->bytes, text.data(), text.size());
    return text.data() + ipv6->zone;
  }
  std::string name = host;
  std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

}  // namespace

std::optional<Address> parse_listen_address(std::string_view text) {
  std::optional<Address> address = core::parse_address(text);
  if (address && !can_be_meant(*address, text)) return std::nullopt;
  return address;
}

std::string identity(const Address& address) {
  if (address.kind == Address::Kind::unix_socket) return address.to_string();
  if (address.port == 0) return {};
  Address same = address;
  same.host = host_identity(address.host);
  return same.to_string();
}

}  // namespace sluice::daemon
