// Peer identity of a byte stream, from the kernel and the PROXY header.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/access/caller.hpp"
#include "lib/base/user_namespace.hpp"
#include "lib/transport/byte_stream.hpp"

namespace sluice::core {
namespace {

// All groups of the peer's process when it connected. So the user database, which may be slow, is not needed.
std::vector<std::uint32_t> groups_of(int socket, gid_t first) {
  std::vector<std::uint32_t> groups;
  socklen_t bytes = 0;
  // Without a buffer, the call returns the size.
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && bytes > 0) {
    groups.resize(bytes / sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) bytes = 0;
    groups.resize(bytes / sizeof(gid_t));
  }
  groups.push_back(first);
  return groups;
}

bool is_ipv6(const PeerName& peer) { return peer.address.sin6_family == AF_INET6; }

// A socket may serve both families; an IPv4 peer counts as IPv4.
std::optional<in_addr> ipv4_of(const PeerName& peer) {
  if (!is_ipv6(peer)) return reinterpret_cast<const sockaddr_in&>(peer.address).sin_addr;
  const in6_addr& v6 = peer.address.sin6_addr;
  if (!IN6_IS_ADDR_V4MAPPED(&v6)) return std::nullopt;
  in_addr v4{};
  std::copy_n(v6.s6_addr + 12, sizeof v4, reinterpret_cast<unsigned char*>(&v4));
  return v4;
}

std::string address_of(const PeerName& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto v4 = ipv4_of(peer);
  const void* const address = v4 ? static_cast<const void*>(&*v4) : &peer.address.sin6_addr;
  const char* const shown = ::inet_ntop(v4 ? AF_INET : AF_INET6, address, text.data(), text.size());
  return shown != nullptr ? shown : std::string();
}

std::optional<ucred> user_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer;
}

}  // namespace

std::optional<PeerKey> ByteStream::peer_key() const {
  // A proxy that does not name a client is not the peer, and its health checks must get through.
  if (proxied_ != Proxied::no && proxied_ != Proxied::for_peer) return std::nullopt;
  if (local_ && proxied_ != Proxied::for_peer) {
    const auto user = user_of(socket_.get());
    if (!user) return std::nullopt;
    return PeerKey{PeerKey::Kind::user, user->uid};
  }
  if (peer_.address.sin6_family != AF_INET6) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer_.address);
    return PeerKey{PeerKey::Kind::ipv4, v4.sin_addr.s_addr};
  }
  const in6_addr& v6 = peer_.address.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::uint32_t v4 = 0;
    std::memcpy(&v4, &v6.s6_addr[12], sizeof v4);
    return PeerKey{PeerKey::Kind::ipv4, v4};
  }
  std::uint64_t network = 0;
  std::memcpy(&network, &v6.s6_addr[0], sizeof network);
  return PeerKey{PeerKey::Kind::ipv6, network};
}

// An overflow id is shared by all users without an id here, so it does not identify the peer. Behind a proxy
// the user at the other end is the proxy's, which acts for another client.
void ByteStream::fill_peer_identity(Caller& caller) const {
  if (local_ && proxied_ == Proxied::for_unknown_peer) return caller.set_peer_address({});
  if (!local_ || proxied_ == Proxied::for_peer) return caller.set_peer_address(address_of(peer_));
  const OverflowIds& overflow = OverflowIds::own();
  const auto user = user_of(socket_.get());
  if (!user || overflow.is_overflow_user(user->uid)) return;
  auto groups = groups_of(socket_.get(), user->gid);
  std::erase_if(groups, [&](std::uint32_t group) { return overflow.is_overflow_group(group); });
  caller.set_peer_user(user->uid, std::move(groups));
}

std::string ByteStream::peer() const {
  if (local_ && proxied_ != Proxied::for_peer) {
    const auto user = user_of(socket_.get());
    return user ? "unix:" + std::to_string(user->uid) : std::string("unix");
  }
  const std::string address = address_of(peer_);
  // The port has the same offset in both.
  const std::string port = std::to_string(ntohs(peer_.address.sin6_port));
  return address.find(':') != std::string::npos ? "[" + address + "]:" + port : address + ":" + port;
}

bool ByteStream::from_outside() const {
  if (proxied_ != Proxied::for_peer) return false;
  const auto v4 = ipv4_of(peer_);
  return v4 ? ntohl(v4->s_addr) >> 24 != IN_LOOPBACKNET : !IN6_IS_ADDR_LOOPBACK(&peer_.address.sin6_addr);
}

}  // namespace sluice::core
