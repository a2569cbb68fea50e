// Process statistics: CPU time, memory and descriptors as the system counts them.
#pragma once

#include <optional>
#include <string>

namespace sluice::core {

// Absent if the system does not provide a value.
struct ProcessStats {
  std::optional<double> cpu_seconds{};
  std::optional<double> resident_bytes{};
  std::optional<double> virtual_bytes{};
  std::optional<double> open_descriptors{};
  std::optional<double> max_descriptors{};
  std::optional<double> threads{};
  std::optional<double> start_time_seconds{};  // since the epoch
};

// `proc`: where the process file system is mounted. Any thread.
ProcessStats read_process_stats(const std::string& proc = "/proc");

}  // namespace sluice::core
