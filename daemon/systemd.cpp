#include "daemon/systemd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace sluice::daemon {

namespace {

constexpr int kManagerWaitMaxMs = 1000;

// Reads the address in NOTIFY_SOCKET, a path or an abstract name behind '@'. Returns its size; 0: not set.
socklen_t read_notify_address(sockaddr_un& address) {
  const char* text = std::getenv("NOTIFY_SOCKET");
  if (!text) return 0;
  const std::string_view name(text);
  if (name.size() < 2 || name.size() >= sizeof address.sun_path) return 0;
  if (name.front() != '/' && name.front() != '@') return 0;
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), std::begin(address.sun_path));
  if (name.front() == '@') address.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

std::optional<std::chrono::microseconds> wanted_watchdog_interval() {
  std::uint64_t micros = 0;
  if (::sd_watchdog_enabled(1, &micros) <= 0) return std::nullopt;
  return std::chrono::microseconds(micros);
}

struct NameList {
  char** names = nullptr;

  NameList() = default;
  NameList(const NameList&) = delete;
  NameList& operator=(const NameList&) = delete;
  ~NameList() {
    for (char** name = names; name && *name; ++name) std::free(*name);
    std::free(names);
  }
};

}  // namespace

ServiceManager::ServiceManager() : address_size_(read_notify_address(address_)) {
  if (address_size_ > 0) socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto interval = wanted_watchdog_interval();
  if (present()) watchdog_interval_ = interval;
  ::unsetenv("NOTIFY_SOCKET");
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) ::close(socket_);
}

void ServiceManager::reloading() const {
  // The manager tells by the time which READY=1 belongs to this; it counts CLOCK_MONOTONIC, as does
  // steady_clock.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  send_surely(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", micros));
}

void ServiceManager::extend_timeout(std::chrono::microseconds duration) const {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", duration.count()));
}

bool ServiceManager::send(std::string_view state) const {
  if (!present()) return true;
  // Connected again rather than sent to the address, so that poll() waits for room in that socket's queue.
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address_), address_size_) != 0) return false;
  return ::send(socket_, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

void ServiceManager::send_surely(std::string_view state) const {
  if (send(state) || (errno != EAGAIN && errno != ENOBUFS)) return;
  pollfd writable{socket_, POLLOUT, 0};
  ::poll(&writable, 1, kManagerWaitMaxMs);
  send(state);
}

std::vector<core::InheritedSocket> inherited_sockets() {
  NameList list;
  const int count = ::sd_listen_fds_with_names(1, &list.names);
  if (count < 0) throw std::system_error(-count, std::generic_category(), "LISTEN_FDS");
  std::vector<core::InheritedSocket> sockets;
  for (int i = 0; i < count; ++i) {
    const int descriptor = SD_LISTEN_FDS_START + i;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sockets.push_back({descriptor, list.names && list.names[i] ? list.names[i] : ""});
  }
  return sockets;
}

}  // namespace sluice::daemon
