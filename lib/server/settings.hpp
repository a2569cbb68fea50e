// Settings of the engine, with defaults and units. Plain data: copied, compared, passed on.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "lib/access/client_settings.hpp"
#include "lib/admission/admission_settings.hpp"
#include "lib/backend/backend_settings.hpp"
#include "lib/call/limits.hpp"
#include "lib/call/method_settings.hpp"
#include "lib/events/settings.hpp"
#include "lib/observe/log_settings.hpp"
#include "lib/time/durations.hpp"
#include "lib/transport/tls/listen_settings.hpp"

namespace sluice::core {

struct Settings {
  std::size_t io_threads = 0;  // 0: from the CPU count; fixed at start
  std::size_t workers = 0;     // 0: from the CPU count; fixed at start
  std::size_t workers_max =
      0;  // upper bound while calls wait or workers are stuck; 0: as workers; fixed at start
  std::vector<std::size_t> worker_cpus;  // processors of the workers; none: all; fixed at start
  AdmissionSettings admission;
  std::size_t worker_queue = 1024;
  std::size_t max_in_flight = 0;  // 0: workers * (worker_queue + 1)
  std::size_t max_connections = 10000;
  std::size_t max_connections_per_peer = 0;  // from one address or user; 0: no limit of its own
  std::size_t memory_bytes_max = 0;  // memory of all connections; 0: 75 % of the machine's or cgroup's
  Limits limits;
  milliseconds drain_timeout = seconds(20);
  std::vector<ListenSettings> listeners = {ListenSettings{}};
  std::string admin_address = "tcp://127.0.0.1:7071";  // empty: no admin listener
  LogSettings log;
  std::vector<ClientSettings> clients;  // none: every client that can connect may call everything
  std::vector<BackendSettings> backends;
  std::map<std::string, MethodSettings> methods;  // by exact name, or a prefix such as "demo.*"
  EventSettings events;
};

// The settings with zeros replaced by their actual values, so that no other code has to know them. Throws
// std::invalid_argument for invalid or contradictory settings.
Settings resolved(Settings settings);

}  // namespace sluice::core
