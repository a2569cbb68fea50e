// Who is at the other end, as the kernel knows it.
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

// The groups that the peer's process was in when it connected, all of them. So no user database has to be
// asked, which may take its time.
std::vector<std::uint32_t> groups_of(int socket, gid_t first) {
  std::vector<std::uint32_t> groups;
  socklen_t bytes = 0;
  // With no room for them, it is told how much they take.
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && bytes > 0) {
    groups.resize(bytes / sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) bytes = 0;
    groups.resize(bytes / sizeof(gid_t));
  }
  groups.push_back(first);
  return groups;
}

std::string address_of(const PeerName& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v6 = peer.address.sin6_family == AF_INET6;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer.address);
  const void* const address = v6 ? static_cast<const void*>(&peer.address.sin6_addr) : &v4.sin_addr;
  const char* const shown = ::inet_ntop(v6 ? AF_INET6 : AF_INET, address, text.data(), text.size());
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
  if (local_) {
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

// An overflow id is shared by all that have no id here. Such a peer is not known by it.
void ByteStream::introduce(Caller& caller) const {
  if (!local_) return caller.set_peer_address(address_of(peer_));
  const OverflowIds& overflow = OverflowIds::own();
  const auto user = user_of(socket_.get());
  if (!user || overflow.is_overflow_user(user->uid)) return;
  auto groups = groups_of(socket_.get(), user->gid);
  std::erase_if(groups, [&](std::uint32_t group) { return overflow.is_overflow_group(group); });
  caller.set_peer_user(user->uid, std::move(groups));
}

std::string ByteStream::peer() const {
  if (local_) {
    const auto user = user_of(socket_.get());
    return user ? "unix:" + std::to_string(user->uid) : std::string("unix");
  }
  const std::string address = address_of(peer_);
  // The port is at the same place in both.
  const std::string port = std::to_string(ntohs(peer_.address.sin6_port));
  return peer_.address.sin6_family == AF_INET6 ? "[" + address + "]:" + port : address + ":" + port;
}

}  // namespace sluice::core
