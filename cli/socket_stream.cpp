#include "cli/socket_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace sluice::client {
namespace {

bool must_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

void reset_on_close(int fd, bool reset) {
  const linger at_close{reset ? 1 : 0, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_close, sizeof at_close);
}

Result<std::unique_ptr<SocketStream>> SocketStream::open(const Address& address, const WaitLimit& limit) {
  Result<core::Descriptor> fd = connect_to(address, limit);
  if (!fd) return fd.error();
  return std::make_unique<SocketStream>(std::move(fd).value(), address.text);
}

SocketStream::SocketStream(core::Descriptor fd, std::string address)
    : fd_(std::move(fd)), address_(std::move(address)) {
  reset_on_close(fd_.get(), true);
}

Failure SocketStream::lost() const {
  return unreachable("lost the connection to " + address_ + ": " + std::strerror(errno));
}

Result<std::size_t> SocketStream::read_some(std::span<char> into, const WaitLimit& limit) {
  while (true) {
    const ssize_t received = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (!must_wait(errno)) return lost();
    if (!wait_for(fd_.get(), POLLIN, limit)) return unreachable("timed out waiting for " + address_);
  }
}

Result<void> SocketStream::write(std::string_view bytes, const WaitLimit& limit) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!must_wait(errno)) {
      return lost();
    } else if (!wait_for(fd_.get(), POLLOUT, limit)) {
      return unreachable("timed out sending to " + address_);
    }
  }
  return success();
}

void SocketStream::finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

void SocketStream::close_normally() { reset_on_close(fd_.get(), false); }

core::Descriptor SocketStream::release() && {
  close_normally();
  return std::move(fd_);
}

}  // namespace sluice::client
