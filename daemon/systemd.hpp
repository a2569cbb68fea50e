// The daemon's side of systemd's protocols: notification, watchdog and socket activation.
// Everything here does nothing where no systemd has started the process.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/server/engine.hpp"

namespace sluice::daemon {

// Sends state changes to the service manager (sd_notify(3)), over a socket of its own: the library's call
// waits without end while the manager does not read. Each message goes to whatever is bound to the address at
// that moment, since a manager may have created its socket again. Thread-safe after construction.
class ServiceManager {
 public:
  // Looks at NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the environment, so that children do not
  // speak for the daemon.
  ServiceManager();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // True if a service manager wants notifications.
  bool present() const { return socket_ >= 0 && address_size_ > 0; }

  // WATCHDOG=1 is expected at least this often; nothing where there is no watchdog.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

  void ready() const { send_surely("READY=1"); }
  void reloading() const;
  void stopping() const { send_surely("STOPPING=1"); }

  // Notifications that are dropped while the manager does not read. Keep-alives are sent twice per interval.
  void status(std::string_view text) const { send("STATUS=" + std::string(text)); }
  void send_keep_alive() const { send("WATCHDOG=1"); }
  // Another state or extension follows before `duration` is over.
  void extend_timeout(std::chrono::microseconds duration) const;

 private:
  bool send(std::string_view state) const;
  // Waits a little where the manager is slow.
  void send_surely(std::string_view state) const;

  int socket_ = -1;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;  // 0: no notifications are wanted
  std::optional<std::chrono::microseconds> watchdog_interval_;
};

// The listening sockets that were passed to this process, with their names; may be empty.
// They are not passed on to children. Throws std::system_error for a LISTEN_FDS that can't be understood.
std::vector<core::InheritedSocket> inherited_sockets();

}  // namespace sluice::daemon
