#include "lib/transport/listen/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"
#include "lib/transport/arrivals.hpp"
#include "lib/transport/connection.hpp"
#include "lib/transport/listen/codecs.hpp"

namespace sluice::core {
namespace {

// Connections accepted before other events are served, or until the time slice is over. Connections that
// arrive faster than they are served would otherwise come before all others.
constexpr int kAcceptsPerIteration = 64;
constexpr std::size_t kUnitsPerAccept = 4;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // pause at the limit of descriptors

Descriptor open_reserve() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int duplicate(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "cannot duplicate the socket");
  return copy;
}

}  // namespace

Listener::Listener(std::unique_ptr<ListeningSocket> socket, const std::vector<SessionHost*>& hosts,
                   ConnectionLimit& limit, SharedPolicy policy)
    : address_(socket->address()),
      name_(address_.to_string()),
      socket_(std::move(socket)),
      hosts_(hosts),
      io_(hosts.front()->io()),
      limit_(limit),
      policy_(std::make_shared<LivePolicy>(std::move(policy))),
      watch_(io_.context(), duplicate(socket_->descriptor())),
      reserve_(open_reserve()) {}

void Listener::start() { wait(); }

void Listener::stop() {
  if (stopped_) return;
  stopped_ = true;
  boost::system::error_code ignored;
  watch_.close(ignored);
  io_.clear_deadline(*this);
  // Clients that have connected already must not be reset: they are served, or refused, as any other.
  for (int i = 0; i < kBacklog && !socket_->inherited() && take_one(); ++i) continue;
  socket_.reset();
}

void Listener::wait() {
  try {
    watch_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (!error && !self->stopped_) self->accept_some();
                      });
  } catch (const std::bad_alloc&) {
    pause_accepting("no memory");
  }
}

void Listener::accept_some() {
  io_.update_time();
  io_.begin_slice();
  Arrivals& arrivals = Arrivals::here();
  for (int i = 0; i < kAcceptsPerIteration; ++i) {
    if (!io_.contended()) {
      arrivals.forget();
    } else if (!arrivals.next_may_come(io_.now())) {
      return io_.set_deadline(*this, io_.now() + Arrivals::kPause);
    }
    if (!accept_one()) return;
    arrivals.came();
    if (io_.slice_over(kUnitsPerAccept)) break;
  }
  wait();
}

// False if there was no connection; then errno says why.
bool Listener::take_one() {
  io_.update_time();
  const TimePoint began = io_.now();
  PeerName peer;
  socklen_t size = sizeof peer.address;
  Descriptor socket(::accept4(socket_->descriptor(), reinterpret_cast<sockaddr*>(&peer.address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return false;
  try {
    admit(std::move(socket), peer, began);
  } catch (const std::exception& exception) {
    // The system lacks a resource: this client is refused, the next may succeed.
    not_taken_.log(spdlog::level::err, io_.now(), [&] {
      return fmt::format("{}: a connection could not be taken: {}", name_, exception.what());
    });
  }
  return true;
}

// False when this iteration's accepting is over, and the next round has been scheduled.
bool Listener::accept_one() {
  if (take_one()) return true;
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pause_accepting(std::strerror(errno));
      refuse_for_descriptors();
      return false;
    case EINVAL:
    case EBADF:
      pause_accepting(std::strerror(errno));
      return false;
    case EAGAIN:
      wait();
      return false;
    default:
      return true;  // that connection ended before it was accepted (ECONNABORTED and the like)
  }
}

void Listener::admit(Descriptor socket, const PeerName& peer, TimePoint began) {
  auto permit = limit_.try_acquire();
  if (!permit) return refuse_for_limit(CloseReason::connection_limit, full_, "max_connections is reached");
  const bool local = address_.kind == Address::Kind::unix_socket;
  ByteStream stream(std::move(socket), local, peer);
  // Behind a proxy the peer is not known yet.
  if (limit_.per_peer() && !policy_->get()->proxy_protocol) {
    const auto key = stream.peer_key();
    if (key && !permit.join(*key)) {
      return refuse_for_limit(CloseReason::peer_limit, peer_full_,
                              stream.peer() + " has max_connections_per_peer connections");
    }
  }
  // std::function must be copyable; the descriptor and its permit are not.
  struct Arrival {
    ByteStream stream;
    ConnectionLimit::Permit permit;
    SessionHost::Expected expected;
  };
  SessionHost& host = least_busy();
  const auto arrival =
      std::make_shared<Arrival>(Arrival{std::move(stream), std::move(permit), SessionHost::Expected(host)});
  const auto add = [&host, arrival, policy = policy_](TimePoint since) {
    const auto connection = std::make_shared<Connection>(host, std::move(arrival->stream), policy,
                                                         std::move(arrival->permit), codecs());
    host.add(connection);
    connection->charge_since(since);
  };
  if (&host.io() == &io_) return add(began);
  host.io().post([&host, add] {
    host.io().update_time();
    add(host.io().now());
  });
}

SessionHost& Listener::least_busy() const {
  return **std::ranges::min_element(hosts_, {}, [](const SessionHost* host) { return host->count_approx(); });
}

void Listener::refuse_for_descriptors() {
  if (reserve_) ::close(reserve_.release());
  const Descriptor refused(::accept4(socket_->descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
  if (refused) io_.metrics().closed[static_cast<std::size_t>(CloseReason::descriptor_limit)].add(1);
}

void Listener::refuse_for_limit(CloseReason reason, RareLine& line, std::string_view limit) {
  io_.metrics().closed[static_cast<std::size_t>(reason)].add(1);
  line.log(spdlog::level::warn, io_.now(),
           [&] { return fmt::format("{}: {}: a new connection is closed", name_, limit); });
}

// By a deadline, which needs no memory.
void Listener::pause_accepting(const char* why) {
  rests_.log(spdlog::level::warn, io_.now(), [&] {
    return fmt::format("{}: can't accept: {}; pausing for {} ms", name_, why, kAcceptPause.count());
  });
  io_.set_deadline(*this, io_.now() + kAcceptPause);
}

void Listener::on_deadline(TimePoint) {
  if (!reserve_) reserve_ = open_reserve();
  accept_some();
}

}  // namespace sluice::core
