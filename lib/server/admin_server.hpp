// Admin server: the operators' HTTP listener with /metrics, /healthz and /readyz.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "lib/transport/listen/listening_socket.hpp"

namespace sluice::core {

// Content of the admin listener. Called on its thread; may block as long as a scrape may take.
struct AdminSources {
  std::function<std::string()> metrics;           // Prometheus text
  std::function<std::string()> unhealthy_reason;  // empty: healthy
  std::function<bool()> ready;
};

// Has a thread and an event loop of its own, so that it answers even while the server is busy.
class AdminServer {
 public:
  static constexpr std::size_t kConnectionsMax = 64;

  // Takes over the socket.
  AdminServer(std::unique_ptr<ListeningSocket> socket, AdminSources sources);
  // Closes all connections and joins the thread.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  const Address& address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::core
