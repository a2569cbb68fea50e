#include "lib/transport/byte_stream.hpp"

#include <cerrno>
#include <utility>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace sluice::core {

ByteStream::ByteStream(Descriptor socket, bool local) : socket_(std::move(socket)), local_(local) {
  if (local) return;
  const int on = 1;
  // Replies are written when they are ready, many at once where there are many; waiting for more would
  // only delay the last.
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

ByteStream::Transfer ByteStream::read(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), to, size, 0);
    if (got > 0) return {Status::ok, static_cast<std::size_t>(got)};
    if (got == 0) return {Status::end, 0};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Status::would_block : Status::failed, 0};
  }
}

ByteStream::Transfer ByteStream::write(std::string_view bytes) {
  for (;;) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {Status::ok, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Status::would_block : Status::failed, 0};
  }
}

bool ByteStream::peer_gone() const {
  pollfd watched{socket_.get(), 0, 0};
  return ::poll(&watched, 1, 0) == 1 && (watched.revents & (POLLERR | POLLHUP)) != 0;
}

std::size_t ByteStream::queued(unsigned long request) const {
  int bytes = 0;
  if (::ioctl(socket_.get(), request, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

std::size_t ByteStream::undelivered() const { return queued(SIOCOUTQ); }
std::size_t ByteStream::unread() const { return queued(SIOCINQ); }

void ByteStream::watch(Poller& poller, Watched& watched) {
  poller.add(socket_.get(), Poller::kReadable, watched);
  poller_ = &poller;
  watched_ = &watched;
  events_ = Poller::kReadable;
}

void ByteStream::watch_for(std::uint32_t events) {
  if (events == events_) return;
  poller_->change(socket_.get(), events, *watched_);
  events_ = events;
}

void ByteStream::shutdown_send() { ::shutdown(socket_.get(), SHUT_WR); }

void ByteStream::close() {
  if (poller_ != nullptr) std::exchange(poller_, nullptr)->remove(socket_.get(), *watched_);
  socket_ = Descriptor();
}

}  // namespace sluice::core
