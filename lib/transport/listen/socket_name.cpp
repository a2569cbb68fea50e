#include "lib/transport/listen/socket_name.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace sluice::core {
namespace {

std::string unix_path(const sockaddr_un& name, socklen_t size) {
  constexpr std::size_t kHead = offsetof(sockaddr_un, sun_path);
  if (size <= kHead) return {};
  const std::string_view bytes(name.sun_path, std::min<std::size_t>(size - kHead, sizeof name.sun_path));
  if (bytes.front() != '\0') return std::string(bytes.substr(0, bytes.find('\0')));
  std::string shown(bytes);
  shown.front() = '@';
  return shown;
}

std::string ipv6_host(const sockaddr_in6& name) {
  char text[INET6_ADDRSTRLEN] = {};
  std::string host = ::inet_ntop(AF_INET6, &name.sin6_addr, text, sizeof text);
  char interface[IF_NAMESIZE] = {};
  if (name.sin6_scope_id == 0) return host;
  const bool named = ::if_indextoname(name.sin6_scope_id, interface) != nullptr;
  return host + "%" + (named ? interface : std::to_string(name.sin6_scope_id));
}

}  // namespace

Address tcp_address(const sockaddr_storage& name) {
  Address address;
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    address.host = ipv6_host(v6);
    address.port = ntohs(v6.sin6_port);
    return address;
  }
  char host[INET_ADDRSTRLEN] = {};
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
  address.host = ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
  address.port = ntohs(v4.sin_port);
  return address;
}

std::optional<Address> address_of_name(const sockaddr_storage& name, socklen_t size) {
  if (name.ss_family == AF_INET || name.ss_family == AF_INET6) return tcp_address(name);
  if (name.ss_family != AF_UNIX) return std::nullopt;
  Address address;
  address.kind = Address::Kind::unix_socket;
  address.path = unix_path(reinterpret_cast<const sockaddr_un&>(name), size);
  return address;
}

}  // namespace sluice::core
