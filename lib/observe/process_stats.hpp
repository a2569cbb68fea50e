// What the system says about this process.
#pragma once

#include <optional>
#include <string>

namespace sluice::core {

// Absent where the system does not say.
struct ProcessStats {
  std::optional<double> cpu_seconds{};
  std::optional<double> resident_bytes{};
  std::optional<double> virtual_bytes{};
  std::optional<double> open_descriptors{};
  std::optional<double> max_descriptors{};
  std::optional<double> threads{};
  std::optional<double> start_time_seconds{};  // since the epoch
};

// `proc` is where the process file system is mounted. Any thread.
ProcessStats read_process_stats(const std::string& proc = "/proc");

}  // namespace sluice::core
