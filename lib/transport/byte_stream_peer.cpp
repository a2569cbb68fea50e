// Who is at the other end, as the kernel knows it.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/access/caller.hpp"
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

// Empty where it is not known any more.
std::string address_of(int socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
  const void* const address =
      name.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(name).sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(name).sin_addr);
  const char* const shown = ::inet_ntop(name.ss_family, address, text.data(), text.size());
  return shown != nullptr ? shown : std::string();
}

}  // namespace

void ByteStream::introduce(Caller& caller) const {
  if (!local_) return caller.set_peer_address(address_of(socket_.get()));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  caller.set_peer_user(peer.uid, groups_of(socket_.get(), peer.gid));
}

}  // namespace sluice::core
