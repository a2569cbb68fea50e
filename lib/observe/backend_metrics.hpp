// What a backend counts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::core {

// Written by the backends' thread (in_flight: by any), read by any. Shared by the backend, its methods and
// whoever reads it.
struct BackendMetrics {
  BackendMetrics(std::string backend, std::size_t instances) : name(std::move(backend)), up(instances) {}

  const std::string name;
  std::vector<std::atomic<bool>> up;  // by instance, or by URL
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<int> breaker_state{0};  // 0 closed, 1 half-open, 2 open; of several, the one most willing
  std::array<std::atomic<std::uint64_t>, 3> breaker_changes{};  // into each of those states
  std::atomic<std::size_t> in_flight{0};                        // let in by admission, waiting ones as well
  std::atomic<bool> discovered{false};                          // it has told what it serves, or will not
};

}  // namespace sluice::core
