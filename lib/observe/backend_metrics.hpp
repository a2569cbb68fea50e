// What a backend counts.
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

// Written by the backends' thread (in_flight: by any), read by any. Shared by the backend, its methods and
// whoever reads it.
struct BackendMetrics {
  BackendMetrics(std::string backend, std::size_t instances, std::size_t calls)
      : name(std::move(backend)), calls_at_once(calls), up(instances) {}

  // How long it takes, at its pace so far, until as many calls as it has now have ended: one that is refused
  // now is likely to find a place then.
  std::chrono::milliseconds expected_wait_approx() const;

  const std::string name;
  const std::size_t calls_at_once;    // of all instances together
  std::vector<std::atomic<bool>> up;  // by instance, or by URL
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<int> breaker_state{0};  // 0 closed, 1 half-open, 2 open; of several, the one most willing
  std::array<std::atomic<std::uint64_t>, 3> breaker_changes{};  // into each of those states
  std::atomic<std::size_t> in_flight{0};                        // let in by admission, waiting ones as well
  std::atomic<bool> discovered{false};                          // it has told what it serves, or will not
  MeanTime run_time;                                            // of calls that it has begun
};

}  // namespace sluice::core
