#include "lib/transport/listen/same_address.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <netinet/in.h>

namespace sluice::core {
namespace {

// An address as IPv6; IPv4 is mapped.
struct Plain {
  in6_addr bytes{};
  std::uint32_t zone = 0;
};

Plain plain(const HostAddress& address) {
  Plain result;
  if (address.name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.name);
    result.bytes = v6.sin6_addr;
    result.zone = v6.sin6_scope_id;
  } else {
    constexpr std::uint8_t kAllOnes = 0xff;
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.name);
    result.bytes.s6_addr[10] = result.bytes.s6_addr[11] = kAllOnes;
    std::memcpy(&result.bytes.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
  }
  return result;
}

bool same_host(const HostAddress& left, const HostAddress& right) {
  const Plain a = plain(left);
  const Plain b = plain(right);
  return std::memcmp(&a.bytes, &b.bytes, sizeof a.bytes) == 0 && a.zone == b.zone;
}

bool same_path(const std::string& left, const std::string& right) {
  std::error_code error;
  const auto a = std::filesystem::weakly_canonical(left, error);
  if (error) return left == right;
  const auto b = std::filesystem::weakly_canonical(right, error);
  return error ? left == right : a == b;
}

}  // namespace

bool same_address(const Address& bound, const Address& wanted, HostLookups& names) {
  if (bound.kind != wanted.kind) return false;
  if (bound.kind == Address::Kind::unix_socket) {
    if (!bound.path.starts_with('/') || !wanted.path.starts_with('/')) return bound.path == wanted.path;
    return same_path(bound.path, wanted.path);
  }
  if (bound.port != wanted.port) return false;
  if (bound.host == wanted.host) return true;
  const auto ours = names.addresses_of(bound.host);
  const auto theirs = names.addresses_of(wanted.host);
  if (!ours || !theirs) return false;
  return std::ranges::any_of(theirs.value(),
                             [&](const HostAddress& each) { return same_host(ours.value().front(), each); });
}

}  // namespace sluice::core
