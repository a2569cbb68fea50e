// Exposition: the metrics in the Prometheus text format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/observe/backend_metrics.hpp"
#include "lib/observe/histogram.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// Topics and subscriptions, summed over threads.
struct EventGauges {
  struct Topic {
    std::string name;  // a configured pattern, or "other"
    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped_slow = 0;
    std::uint64_t dropped_conflated = 0;
  };
  std::vector<Topic> topics;
  std::vector<std::pair<std::string, std::uint64_t>> ended;  // subscriptions, by reason
  std::size_t subscriptions = 0;
  std::int64_t queue_bytes = 0;
  std::size_t history_bytes = 0;
  std::vector<const DurationHistogram*> delivery_times;  // of each thread
};

// Values that are read from their owners at the scrape.
struct Gauges {
  std::vector<std::shared_ptr<const BackendMetrics>> backends;
  std::size_t in_flight_limit = 0;
  struct Worker {
    std::size_t queue_depth = 0;
    bool busy = false;
  };
  std::vector<Worker> workers;
  EventGauges events;
};

// All families in the Prometheus text format, summed over threads. Any thread; does not block threads that
// count.
std::string exposition(const Metrics& metrics, const Gauges& gauges);

}  // namespace sluice::core
