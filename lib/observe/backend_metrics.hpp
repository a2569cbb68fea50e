// Metrics of a backend.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/time/mean_time.hpp"

namespace sluice::core {

// Written by the backends' thread (in_flight: by any thread), read by any. Shared by the backend, its methods
// and all readers.
struct BackendMetrics {
  BackendMetrics(std::string backend, std::size_t instances, std::size_t calls)
      : name(std::move(backend)), calls_at_once(calls), up(instances) {}

  // Expected time until as many calls as it has now have ended, at its pace so far. A call that is refused
  // now is likely to get a permit then.
  std::chrono::milliseconds expected_wait_approx() const;

  const std::string name;
  const std::size_t calls_at_once;    // of all instances
  std::vector<std::atomic<bool>> up;  // by instance, or by URL
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<int> breaker_state{0};                            // of several, the most willing
  std::array<std::atomic<std::uint64_t>, 3> breaker_changes{};  // changes into each of those states
  std::atomic<std::size_t> in_flight{0};                        // admitted, including those that wait
  std::atomic<bool> discovered{false};                          // it has named its methods, or will not
  MeanTime run_time;                                            // of calls that have begun
};

}  // namespace sluice::core
