#include "lib/transport/listen/listening_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/observe/log.hpp"
#include "lib/transport/listen/same_address.hpp"
#include "lib/transport/listen/socket_name.hpp"

namespace sluice::core {
namespace {

[[noreturn]] void fail(const Address& address, int error, const std::string& why = {}) {
  throw std::system_error(error, std::generic_category(),
                          "can't listen on " + address.to_string() + (why.empty() ? "" : ": " + why));
}

Descriptor new_socket(const Address& address, int family, const std::string& which = {}) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) fail(address, errno, which);
  return socket;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

std::string lock_path(const Address& address) { return address.path + ".lock"; }

bool is_at(const Descriptor& file, const std::string& path) {
  struct stat held {};
  struct stat at_path {};
  return ::fstat(file.get(), &held) == 0 && ::stat(path.c_str(), &at_path) == 0 &&
         held.st_dev == at_path.st_dev && held.st_ino == at_path.st_ino;
}

// Why the lock file beside a socket can't be created; empty: the error says it.
std::string about_folder(const Address& address, int error) {
  const std::string folder = address.path.substr(0, std::max<std::size_t>(1, address.path.rfind('/')));
  if (error == ENOENT || error == ENOTDIR) return "the folder " + folder + " has to exist";
  if (error == EACCES || error == EROFS) return "files can't be made in the folder " + folder;
  return {};
}

// The lock file may be removed by its last owner between opening and locking it. A lock on a removed file
// guards nothing.
Descriptor lock_socket_path(const Address& address) {
  static constexpr int kTries = 16;
  const std::string path = lock_path(address);
  for (int i = 0; i < kTries; ++i) {
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
      const int error = errno;
      fail(address, error, about_folder(address, error));
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) fail(address, EADDRINUSE, "in use by another process");
    if (is_at(lock, path)) return lock;
  }
  fail(address, EAGAIN, path);
}

// Removes the socket of an earlier process at the path. A process that answers there is alive, with or
// without a lock.
void remove_stale_socket(const Address& address) {
  struct stat found {};
  if (::lstat(address.path.c_str(), &found) != 0) {
    if (errno != ENOENT) fail(address, errno);
    return;
  }
  if (!S_ISSOCK(found.st_mode)) fail(address, EEXIST, "there is a file that is not a socket");
  const Descriptor probe = new_socket(address, AF_UNIX);
  const sockaddr_un name = unix_address(address.path);
  const bool answered = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  // Only a refusal shows that no process listens there: another error may come from a live socket of another
  // type, or from one that this process may not use.
  if (answered || errno != ECONNREFUSED) fail(address, EADDRINUSE, "in use by another process");
  if (::unlink(address.path.c_str()) != 0 && errno != ENOENT) fail(address, errno);
}

[[noreturn]] void fail_inherited(int descriptor, int error, const char* why = "") {
  throw std::system_error(error, std::generic_category(),
                          "inherited descriptor " + std::to_string(descriptor) + why);
}

Address address_of(int descriptor) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    fail_inherited(descriptor, errno);
  }
  const auto address = address_of_name(name, size);
  if (!address) fail_inherited(descriptor, EAFNOSUPPORT);
  return *address;
}

// The host's addresses, with its port, that are not served already.
std::vector<HostAddress> missing_hosts(const Address& address, HostLookups& names,
                                       const std::vector<Address>& already) {
  const auto found = names.addresses_of(address.host);
  if (!found) fail(address, EADDRNOTAVAIL, found.error().what);
  std::vector<HostAddress> missing;
  for (HostAddress host : found.value()) {
    host.set_port(address.port);
    const Address wanted = tcp_address(host.name);
    const bool served =
        std::ranges::any_of(already, [&](const Address& each) { return same_address(each, wanted, names); });
    if (!served) missing.push_back(host);
  }
  if (missing.size() > kHostAddressesMax) {
    fail(address, EADDRNOTAVAIL,
         "the name has more than " + std::to_string(kHostAddressesMax) + " addresses");
  }
  return missing;
}

// For example an IPv6 address on a machine without IPv6.
bool is_not_of_this_machine(const std::error_code& error) {
  return error.value() == EADDRNOTAVAIL || error.value() == EAFNOSUPPORT;
}

// A peer that vanishes silently, with its machine or its network, is noticed within a minute.
constexpr int kKeepAliveIdle = 30;      // seconds
constexpr int kKeepAliveInterval = 10;  // seconds
constexpr int kKeepAliveProbes = 3;

// Connections inherit the option from the listening socket. Systems without the option do without it.
void watch_for_vanished_peers(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdle, sizeof kKeepAliveIdle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveInterval, sizeof kKeepAliveInterval);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof kKeepAliveProbes);
}

}  // namespace

std::unique_ptr<ListeningSocket> ListeningSocket::open(const ListenSettings& settings) {
  HostLookups names({}, Clock::now() + kLookupTime);
  return std::move(open_all(settings, names).front());
}

std::vector<std::unique_ptr<ListeningSocket>> ListeningSocket::open_all(const ListenSettings& settings,
                                                                        HostLookups& names,
                                                                        const std::vector<Address>& already) {
  const auto address = parse_address(settings.address);
  if (!address) throw std::invalid_argument(settings.address + " is not a listen address");
  if (address->kind == Address::Kind::unix_socket) {
    std::vector<std::unique_ptr<ListeningSocket>> opened;
    if (already.empty()) opened.push_back(open_unix(*address, settings.mode));
    return opened;
  }
  const std::vector<HostAddress> hosts = missing_hosts(*address, names, already);
  for (int tries = 1;; ++tries) {
    try {
      return open_each(*address, hosts, settings.dual_stack, !already.empty());
    } catch (const std::system_error& error) {
      // A port that is free on the first address may be in use on another.
      const bool again = address->port == 0 && hosts.size() > 1 && tries < kPortTries;
      if (!again || error.code().value() != EADDRINUSE) throw;
    }
  }
}

// If `any` is served already, there may be nothing left to open.
std::vector<std::unique_ptr<ListeningSocket>> ListeningSocket::open_each(
    Address address, const std::vector<HostAddress>& hosts, bool dual_stack, bool any) {
  std::vector<std::unique_ptr<ListeningSocket>> opened;
  std::vector<std::system_error> left_out;
  for (const HostAddress& host : hosts) {
    try {
      opened.push_back(open_tcp(address, host, dual_stack));
      address.port = opened.back()->address().port;
    } catch (const std::system_error& error) {
      if (!is_not_of_this_machine(error.code())) throw;
      left_out.push_back(error);
    }
  }
  if (!any && opened.empty()) throw std::system_error(left_out.front());
  for (const std::system_error& error : left_out) {
    spdlog::warn("{}; the name's other addresses are listened on", printable(error.what()));
  }
  return opened;
}

// `address` is the requested one; `host` is one of its addresses.
std::unique_ptr<ListeningSocket> ListeningSocket::open_tcp(const Address& address, HostAddress host,
                                                           bool dual_stack) {
  host.set_port(address.port);
  const auto& name = reinterpret_cast<const sockaddr&>(host.name);
  const Address numeric = tcp_address(host.name);
  const std::string which = numeric.host == address.host ? "" : numeric.to_string();
  Descriptor socket = new_socket(address, name.sa_family, which);
  const int on = 1;
  // A restart must not wait for the old connections' TIME_WAIT. Linux still refuses a port with a listener.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int v6_only = dual_stack ? 0 : 1;
  if (name.sa_family == AF_INET6)
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (::bind(socket.get(), &name, host.size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    fail(address, errno, which);
  }
  watch_for_vanished_peers(socket.get());
  Address bound = address_of(socket.get());
  return std::unique_ptr<ListeningSocket>(new ListeningSocket(std::move(socket), std::move(bound), false));
}

std::unique_ptr<ListeningSocket> ListeningSocket::open_unix(const Address& address, std::uint32_t mode) {
  Descriptor lock = lock_socket_path(address);
  try {
    remove_stale_socket(address);
    Descriptor socket = new_socket(address, AF_UNIX);
    const sockaddr_un name = unix_address(address.path);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
      fail(address, errno);
    // No client can connect before listen(), so that the mode holds from the first connection on.
    if (::chmod(address.path.c_str(), mode) != 0 || ::listen(socket.get(), kBacklog) != 0)
      fail(address, errno);
    std::unique_ptr<ListeningSocket> opened(new ListeningSocket(std::move(socket), address, false));
    opened->lock_path_ = lock_path(address);
    opened->lock_ = std::move(lock);
    struct stat made {};
    if (::lstat(address.path.c_str(), &made) != 0) fail(address, errno);
    opened->device_ = made.st_dev;
    opened->inode_ = made.st_ino;
    return opened;
  } catch (...) {
    ::unlink(lock_path(address).c_str());
    throw;
  }
}

std::unique_ptr<ListeningSocket> ListeningSocket::inherit(int descriptor) {
  Descriptor socket(descriptor);
  Address address = address_of(descriptor);
  int type = 0;
  socklen_t size = sizeof type;
  const bool stream = ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
  if (!stream) fail_inherited(descriptor, EPROTOTYPE, ", which is not a stream socket");
  int listening = 0;
  size = sizeof listening;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
    throw std::system_error(EINVAL, std::generic_category(),
                            address.to_string() + " was passed on but does not listen");
  }
  if (address.kind == Address::Kind::tcp) watch_for_vanished_peers(descriptor);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return std::unique_ptr<ListeningSocket>(new ListeningSocket(std::move(socket), std::move(address), true));
}

bool ListeningSocket::change_mode(std::uint32_t mode) const {
  if (!lock_) return true;
  // The checked and the changed file are the same, whatever happens to its name meanwhile.
  const Descriptor file(::open(address_.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!file && errno == ENOENT) return false;
  if (!file || ::fstat(file.get(), &found) != 0) fail(address_, errno);
  if (found.st_dev != device_ || found.st_ino != inode_) return false;
  const std::string by_descriptor = "/proc/self/fd/" + std::to_string(file.get());
  if (::chmod(by_descriptor.c_str(), mode) != 0) fail(address_, errno);
  return true;
}

// Removes only its own file: another process may have replaced it.
ListeningSocket::~ListeningSocket() {
  if (!lock_) return;
  struct stat found {};
  if (::lstat(address_.path.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
    ::unlink(address_.path.c_str());
  }
  if (is_at(lock_, lock_path_)) ::unlink(lock_path_.c_str());
}

}  // namespace sluice::core
