#include "daemon/client/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

namespace sluice::client {
namespace {

Failure cannot_connect(const Address& address, const std::string& why) {
  return unreachable("cannot connect to " + address.text + ": " + why);
}

// 0, or the errno that says why not.
int finish_connecting(int fd, TimePoint deadline) {
  if (!wait_for(fd, POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return errno;
  return error;
}

// Connects a new socket; the errno where that fails.
boost::system::result<UniqueFd, int> connect_one(const sockaddr* peer, socklen_t size, TimePoint deadline) {
  UniqueFd fd(socket(peer->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return {boost::system::in_place_error, errno};
  if (connect(fd.get(), peer, size) < 0) {
    // A Unix socket with a full backlog says EAGAIN and would have to be tried again.
    const int error = errno == EINPROGRESS ? finish_connecting(fd.get(), deadline) : errno;
    if (error != 0) return {boost::system::in_place_error, error};
  }
  if (peer->sa_family != AF_UNIX) {
    const int on = 1;  // small requests must not wait for the acknowledgement of earlier ones
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return {boost::system::in_place_value, std::move(fd)};
}

Result<UniqueFd> connect_unix(const Address& address, TimePoint deadline) {
  constexpr auto kBacklogPause = std::chrono::milliseconds(5);
  sockaddr_un peer{};
  peer.sun_family = AF_UNIX;
  std::memcpy(peer.sun_path, address.path.c_str(), address.path.size() + 1);
  while (true) {
    auto fd = connect_one(reinterpret_cast<const sockaddr*>(&peer), sizeof peer, deadline);
    if (fd) return std::move(*fd);
    if (fd.error() != EAGAIN || Clock::now() >= deadline) {
      return cannot_connect(address, std::strerror(fd.error()));
    }
    poll(nullptr, 0, static_cast<int>(kBacklogPause.count()));
  }
}

Result<UniqueFd> connect_tcp(const Address& address, TimePoint deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (error != 0) return cannot_connect(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> peers(found, &freeaddrinfo);

  int last_error = 0;
  for (const addrinfo* peer = found; peer != nullptr; peer = peer->ai_next) {
    auto fd = connect_one(peer->ai_addr, peer->ai_addrlen, deadline);
    if (fd) return std::move(*fd);
    last_error = fd.error();
  }
  return cannot_connect(address, std::strerror(last_error));
}

}  // namespace

bool wait_for(int fd, short events, TimePoint deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left < 0) return false;
    const auto wait = std::min<decltype(left)>(left, std::numeric_limits<int>::max());
    pollfd watched{fd, events, 0};
    if (poll(&watched, 1, static_cast<int>(wait)) > 0) return true;
    if (Clock::now() >= deadline) return false;
  }
}

Result<UniqueFd> connect_to(const Address& address, TimePoint deadline) {
  return address.kind == Address::Kind::tcp ? connect_tcp(address, deadline)
                                            : connect_unix(address, deadline);
}

}  // namespace sluice::client
