#include "lib/base/address.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/un.h>

#include "lib/base/hosts_file.hpp"

namespace sluice::core {
namespace {

std::optional<Address> parse_tcp(std::string_view rest) {
  Address address;
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = rest.substr(0, colon);
  const std::string_view digits = rest.substr(colon + 1);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('['))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size() || host.empty()) return std::nullopt;
  address.host = host;
  return address;
}

bool is_local_by_hosts_file(std::string host) {
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (host.ends_with('.')) host.pop_back();
  const std::vector<std::string> names = loopback_names();
  return std::ranges::binary_search(names, host);
}

}  // namespace

std::string Address::to_string() const {
  if (kind == Kind::unix_socket) return "unix://" + path;
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = "tcp://";
  text.append(v6 ? "[" : "").append(host).append(v6 ? "]:" : ":");
  return text + std::to_string(port);
}

bool is_local(const Address& address) {
  constexpr std::uint8_t kLoopbackNet = 127;
  if (address.kind == Address::Kind::unix_socket) return true;
  if (::strcasecmp(address.host.c_str(), "localhost") == 0) return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == kLoopbackNet;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6) != 1) return is_local_by_hosts_file(address.host);
  return IN6_IS_ADDR_V4MAPPED(&v6) ? v6.s6_addr[12] == kLoopbackNet : IN6_IS_ADDR_LOOPBACK(&v6);
}

std::optional<Address> parse_address(std::string_view text) {
  static constexpr std::string_view kTcp = "tcp://";
  static constexpr std::string_view kUnix = "unix://";
  if (text.starts_with(kTcp)) return parse_tcp(text.substr(kTcp.size()));
  if (!text.starts_with(kUnix)) return std::nullopt;
  Address address;
  address.kind = Address::Kind::unix_socket;
  address.path = text.substr(kUnix.size());
  if (!address.path.starts_with('/') || address.path.size() >= sizeof(sockaddr_un::sun_path))
    return std::nullopt;
  if (address.path.find('\0') != std::string::npos) return std::nullopt;
  return address;
}

}  // namespace sluice::core
