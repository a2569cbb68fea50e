#include "cli/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/interrupt.hpp"

namespace sluice::client {
namespace {

Failure cannot_connect(const Address& address, const std::string& why) {
  return unreachable("cannot connect to " + address.text + ": " + why);
}

bool is_interrupted(const WaitLimit& limit) {
  return limit.interrupt != nullptr && (limit.interrupt->is_stopped() || limit.interrupt->output_closed());
}

struct SocketFailure {
  int error;  // errno's
};

// Begins to connect a new socket. EINPROGRESS is not a failure.
core::Result<core::Descriptor, SocketFailure> begin_connecting(const sockaddr* peer, socklen_t size) {
  core::Descriptor fd(socket(peer->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return SocketFailure{errno};
  // A Unix socket with a full backlog says EAGAIN and would have to be tried again.
  if (connect(fd.get(), peer, size) < 0 && errno != EINPROGRESS) {
    return SocketFailure{errno};
  }
  return fd;
}

// 0, or the errno that says why the connection did not come about.
int outcome_of(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

Result<core::Descriptor> connect_unix(const Address& address, const WaitLimit& limit) {
  constexpr auto kBacklogPause = std::chrono::milliseconds(5);
  sockaddr_un peer{};
  peer.sun_family = AF_UNIX;
  std::memcpy(peer.sun_path, address.path.c_str(), address.path.size() + 1);
  while (true) {
    auto fd = begin_connecting(reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
    if (fd) return std::move(fd).value();
    const int error = fd.error().error;
    if (error != EAGAIN || Clock::now() >= limit.deadline || is_interrupted(limit)) {
      return cannot_connect(address, std::strerror(error));
    }
    poll(nullptr, 0, static_cast<int>(kBacklogPause.count()));
  }
}

// Connects to whichever address answers first (RFC 8305, section 5): each is tried a moment after the one
// before, or as soon as that one has failed, and none is given up for that.
class Race {
 public:
  Race(const addrinfo* peers, const WaitLimit& limit) : limit_(limit) {
    for (const addrinfo* each = peers; each != nullptr && peers_.size() < kAddressesMax;
         each = each->ai_next) {
      peers_.push_back(each);
    }
    alternate_families();
    const auto left = std::chrono::ceil<milliseconds>(limit.deadline - Clock::now());
    const auto share = left / static_cast<std::int64_t>(2 * std::max<std::size_t>(1, peers_.size()));
    stagger_ = std::clamp(share, kStaggerMin, kStaggerMax);
  }

  core::Result<core::Descriptor, SocketFailure> run() {
    while (true) {
      if (next_ < peers_.size() && (attempts_.empty() || Clock::now() >= next_at_)) try_next();
      if (attempts_.empty() && next_ == peers_.size()) return SocketFailure{error_};
      if (attempts_.empty()) continue;
      const TimePoint until = next_ < peers_.size() ? std::min(next_at_, limit_.deadline) : limit_.deadline;
      if (auto connected = wait(until)) return std::move(*connected);
      if (is_interrupted(limit_)) return SocketFailure{EINTR};
      if (Clock::now() >= limit_.deadline && !attempts_.empty()) return SocketFailure{ETIMEDOUT};
    }
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  static constexpr std::size_t kAddressesMax = 16;  // further ones are not tried
  static constexpr milliseconds kStaggerMin{10};
  static constexpr milliseconds kStaggerMax{250};

  // IPv6 and IPv4 in turn, beginning with the family of the first.
  void alternate_families() {
    if (peers_.empty()) return;
    const auto others = std::stable_partition(
        peers_.begin(), peers_.end(),
        [family = peers_.front()->ai_family](auto* each) { return each->ai_family == family; });
    std::vector<const addrinfo*> ordered;
    for (auto same = peers_.begin(), other = others; same != others || other != peers_.end();) {
      if (same != others) ordered.push_back(*same++);
      if (other != peers_.end()) ordered.push_back(*other++);
    }
    peers_ = std::move(ordered);
  }

  void try_next() {
    const addrinfo* const peer = peers_[next_++];
    next_at_ = Clock::now() + stagger_;
    auto begun = begin_connecting(peer->ai_addr, peer->ai_addrlen);
    if (begun) {
      attempts_.push_back(std::move(begun).value());
    } else {
      error_ = begun.error().error;
      next_at_ = {};
    }
  }

  // The first to be connected by then; those that have failed are left out from here on.
  std::optional<core::Descriptor> wait(TimePoint until) {
    std::vector<pollfd> watched;
    for (const core::Descriptor& each : attempts_) watched.push_back({each.get(), POLLOUT, 0});
    watch_interrupt(watched, limit_);
    if (poll(watched.data(), watched.size(), poll_time(until)) <= 0) return std::nullopt;
    std::vector<core::Descriptor> waiting;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      if (watched[i].revents == 0) {
        waiting.push_back(std::move(attempts_[i]));
        continue;
      }
      const int error = outcome_of(watched[i].fd);
      if (error == 0) return std::move(attempts_[i]);
      error_ = error;
      next_at_ = {};
    }
    attempts_ = std::move(waiting);
    return std::nullopt;
  }

  const WaitLimit limit_;
  std::vector<const addrinfo*> peers_;
  std::size_t next_ = 0;
  TimePoint next_at_{};
  milliseconds stagger_{};
  std::vector<core::Descriptor> attempts_;  // under way
  int error_ = ETIMEDOUT;                   // of the last that failed
};

// A server that is gone without a word is noticed after a minute.
void keep_alive(int fd) {
  const int on = 1;
  const int idle_s = 30;
  const int interval_s = 10;
  const int probes = 3;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

Result<core::Descriptor> connect_tcp(const Address& address, const WaitLimit& limit) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (error != 0) return cannot_connect(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> peers(found, &freeaddrinfo);

  auto connected = Race(found, limit).run();
  if (!connected) return cannot_connect(address, std::strerror(connected.error().error));
  const int on = 1;  // small requests must not wait for the acknowledgement of earlier ones
  setsockopt(connected.value().get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  keep_alive(connected.value().get());
  return std::move(connected).value();
}

}  // namespace

Result<core::Descriptor> connect_to(const Address& address, const WaitLimit& limit) {
  return address.kind == Address::Kind::tcp ? connect_tcp(address, limit) : connect_unix(address, limit);
}

}  // namespace sluice::client
