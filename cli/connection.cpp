#include "cli/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::client {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

bool must_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Result<Connection> Connection::open(const Address& address, TimePoint deadline) {
  Result<core::Descriptor> fd = connect_to(address, deadline);
  if (!fd) return fd.error();
  Connection connection(std::move(fd).value(), address.text);
  connection.reset_on_close(true);
  return connection;
}

void Connection::reset_on_close(bool reset) {
  const linger at_close{reset ? 1 : 0, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_close, sizeof at_close);
}

void Connection::close_normally() { reset_on_close(false); }

core::Descriptor Connection::release() && {
  close_normally();
  return std::move(fd_);
}

Failure Connection::lost() const {
  return unreachable("lost the connection to " + address_ + ": " + std::strerror(errno));
}

Result<void> Connection::send(std::string_view bytes, TimePoint deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!must_wait(errno)) {
      return lost();
    } else if (!wait_for(fd_.get(), POLLOUT, deadline)) {
      return unreachable("timed out sending to " + address_);
    }
  }
  return success();
}

void Connection::finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

Result<std::optional<std::string>> Connection::receive(TimePoint deadline) {
  std::array<char, kReadBytes> buffer;
  while (true) {
    Result<std::optional<std::string>> message = cutter_.next();
    if (!message || message.value()) return message;
    const ssize_t received = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (received > 0) {
      cutter_.append({buffer.data(), static_cast<std::size_t>(received)});
    } else if (received == 0) {
      if (cutter_.has_partial()) return unreachable(address_ + " closed the connection inside an answer");
      return std::optional<std::string>();
    } else if (!must_wait(errno)) {
      return lost();
    } else if (!wait_for(fd_.get(), POLLIN, deadline)) {
      return unreachable("timed out waiting for " + address_);
    }
  }
}

}  // namespace sluice::client
