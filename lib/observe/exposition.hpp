// Exposition: the metrics in the Prometheus text format.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "lib/observe/backend_metrics.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// Values that are read from their owners at the scrape.
struct Gauges {
  std::vector<std::shared_ptr<const BackendMetrics>> backends;
  std::size_t in_flight_limit = 0;
  struct Worker {
    std::size_t queue_depth = 0;
    bool busy = false;
  };
  std::vector<Worker> workers;
};

// All families in the Prometheus text format, summed over threads. Any thread; does not block threads that
// count.
std::string exposition(const Metrics& metrics, const Gauges& gauges);

}  // namespace sluice::core
