// The operators' own HTTP listener: /metrics, /healthz, /readyz.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "lib/transport/listen/listening_socket.hpp"

namespace sluice::core {

// What the admin listener shows. Called on its thread; may block for as long as a scrape may take.
struct AdminSources {
  std::function<std::string()> metrics;           // Prometheus text
  std::function<std::string()> unhealthy_reason;  // empty: healthy
  std::function<bool()> ready;
};

// Serves on a thread and an event loop of its own, so that it answers however busy the server is.
class AdminServer {
 public:
  static constexpr std::size_t kConnectionsMax = 64;

  // Takes the socket over.
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
