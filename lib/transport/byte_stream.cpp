#include "lib/transport/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::core {
namespace {

ByteStream::Status status_of(TlsChannel::Status status) {
  switch (status) {
    case TlsChannel::Status::ok:
      return ByteStream::Status::ok;
    case TlsChannel::Status::end:
      return ByteStream::Status::end;
    case TlsChannel::Status::failed:
      return ByteStream::Status::failed;
    default:
      return ByteStream::Status::would_block;
  }
}

#ifdef SLUICE_SANITIZED
// For sanitizers, which intercept these calls.
ssize_t receive(int socket, char* to, std::size_t size) { return ::recv(socket, to, size, 0); }
ssize_t transmit(int socket, std::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}
#else
// recv() and send() that are not thread cancellation points, since threads are not cancelled here: glibc 2.36
// takes two more locked instructions for each if there are several threads.
ssize_t receive(int socket, char* to, std::size_t size) {
  return ::syscall(SYS_recvfrom, socket, to, size, 0, nullptr, nullptr);
}
ssize_t transmit(int socket, std::string_view bytes) {
  return ::syscall(SYS_sendto, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}
#endif

}  // namespace

ByteStream::ByteStream(Descriptor socket, bool local, const PeerName& peer)
    : socket_(std::move(socket)), peer_(peer), local_(local) {
  if (local) return;
  const int on = 1;
  // Replies are written when they are ready, many at once if there are many. Waiting for more would only
  // delay the last.
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void ByteStream::expect_tls(std::shared_ptr<const TlsContext> context) {
  tls_context_ = std::move(context);
  staged_ = staged_ || tls_context_;
}

void ByteStream::expect_proxy_header() {
  proxy_ = std::make_unique<ProxyHeader>();
  staged_ = true;
}

ByteStream::Transfer ByteStream::read(char* to, std::size_t size) {
  return staged_ ? read_staged(to, size) : read_plain(to, size);
}

ByteStream::Transfer ByteStream::read_staged(char* to, std::size_t size) {
  if (proxy_) {
    const Transfer header = read_proxy_header();
    if (header.status != Status::ok) return header;
    staged_ = tls_ || tls_context_;
    // A handshake is charged to the peer that the header names: the caller needs that name first.
    if (staged_) return {Status::would_block, 0};
  }
  staged_ = tls_ || tls_context_;
  return staged_ ? read_secure(to, size) : read_plain(to, size);
}

// Reads the header's bytes and no more: a TLS handshake may follow.
ByteStream::Transfer ByteStream::read_proxy_header() {
  std::array<char, 512> bytes;
  while (proxy_->status() == ProxyHeader::Status::need_more) {
    const std::size_t wanted = std::min(proxy_->wanted(), bytes.size());
    const ssize_t seen = ::recv(socket_.get(), bytes.data(), wanted, MSG_PEEK);
    if (seen == 0) return {Status::end, 0};
    if (seen < 0) return {errno == EAGAIN || errno == EINTR ? Status::would_block : Status::failed, 0};
    const std::size_t taken = proxy_->take({bytes.data(), static_cast<std::size_t>(seen)});
    // They were available a moment ago.
    if (taken > 0 && ::recv(socket_.get(), bytes.data(), taken, 0) != static_cast<ssize_t>(taken))
      return {Status::failed, 0};
  }
  if (proxy_->status() == ProxyHeader::Status::invalid) {
    proxied_ = Proxied::wrongly;
    must_refuse_ = true;
    tls_context_.reset();
  } else if (proxy_->source()) {
    proxied_ = Proxied::for_peer;
    peer_.address = *proxy_->source();
  } else {
    proxied_ = proxy_->is_local() ? Proxied::for_itself : Proxied::for_unknown_peer;
  }
  proxy_.reset();
  return {};
}

ByteStream::Transfer ByteStream::read_plain(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = receive(socket_.get(), to, size);
    if (got > 0) return {Status::ok, static_cast<std::size_t>(got)};
    if (got == 0) return {Status::end, 0};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Status::would_block : Status::failed, 0};
  }
}

ByteStream::Transfer ByteStream::read_secure(char* to, std::size_t size) {
  if (!tls_) {
    const Transfer begun = begin();
    if (begun.status != Status::ok) return begun;
    if (!tls_) return read_plain(to, size);
  }
  const auto got = tls_->read(to, size);
  read_wants_room_ = got.status == TlsChannel::Status::wants_room;
  return {status_of(got.status), got.bytes};
}

// Decides by the first byte, without reading it.
ByteStream::Transfer ByteStream::begin() {
  char first = 0;
  const ssize_t got = ::recv(socket_.get(), &first, 1, MSG_PEEK);
  if (got == 0) return {Status::end, 0};
  if (got < 0) return {errno == EAGAIN || errno == EINTR ? Status::would_block : Status::failed, 0};
  if (first == kTlsHandshake)
    tls_ = std::make_unique<TlsChannel>(*tls_context_, socket_.get(), peer());
  else
    must_refuse_ = awaits_tls();
  tls_context_.reset();
  return {};
}

std::optional<std::string> ByteStream::peer_certificate() const {
  return tls_ ? tls_->peer_certificate() : std::nullopt;
}

ByteStream::Transfer ByteStream::write(std::string_view bytes) {
  if (tls_) {
    const auto sent = tls_->write(bytes);
    write_wants_input_ = sent.status == TlsChannel::Status::wants_input;
    return {status_of(sent.status), sent.bytes};
  }
  for (;;) {
    const ssize_t sent = transmit(socket_.get(), bytes);
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

void ByteStream::limit_unacknowledged(std::chrono::milliseconds time) {
  if (local_) return;
  const auto value = static_cast<unsigned int>(std::min<std::int64_t>(time.count(), INT_MAX));
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

void ByteStream::watch(Poller& poller, Watched& watched) {
  poller.add(socket_.get(), Poller::kReadable, watched);
  poller_ = &poller;
  watched_ = &watched;
  events_ = Poller::kReadable;
}

// The events that must be watched so that the requested ones can occur.
std::uint32_t ByteStream::raw_events(std::uint32_t events) const {
  std::uint32_t raw = events;
  if (read_wants_room_ && (events & Poller::kReadable) != 0)
    raw = (raw & ~Poller::kReadable) | Poller::kWritable;
  if (write_wants_input_ && (events & Poller::kWritable) != 0)
    raw = (raw & ~Poller::kWritable) | Poller::kReadable;
  return ending_ ? raw | Poller::kWritable : raw;
}

void ByteStream::watch_for(std::uint32_t events) {
  if (tls_) events = raw_events(events);
  if (events == events_ || poller_ == nullptr) return;
  poller_->change(socket_.get(), events, *watched_);
  events_ = events;
}

std::uint32_t ByteStream::readiness(std::uint32_t events) {
  if (!tls_) return events;
  if (ending_ && (events & Poller::kWritable) != 0) shutdown_send();
  std::uint32_t asked = events;
  if (read_wants_room_ && (events & Poller::kWritable) != 0) asked |= Poller::kReadable;
  if (write_wants_input_ && (events & Poller::kReadable) != 0) asked |= Poller::kWritable;
  return asked;
}

void ByteStream::unwatch() {
  if (poller_ != nullptr) std::exchange(poller_, nullptr)->remove(socket_.get(), *watched_);
}

bool ByteStream::say_end() { return !tls_ || tls_->end_sending() == TlsChannel::Status::ok; }

void ByteStream::shutdown_send() {
  ending_ = !say_end();
  if (!ending_) ::shutdown(socket_.get(), SHUT_WR);
}

void ByteStream::close() {
  say_end();  // if there is room for the alert
  unwatch();
  socket_ = Descriptor();
}

}  // namespace sluice::core
